// PING both ways. Ours find clients that have gone without a word. The clients' are held to a policy, as grpc has it
// (gRFC A8): who pings too often without need is told `too_many_pings`, and goes.

import type { Scheduler } from './scheduler.ts';

export interface KeepaliveOptions {
  /** A client that was silent so long gets a PING; 0 = never. */
  readonly intervalMs: number;
  /** Without an answer by then the connection is cut. */
  readonly timeoutMs: number;
  /** The least time between two PINGs of a client. */
  readonly clientPingMinMs: number;
  /** Whether a client may ping at that pace with no call open; if not, only every two hours. */
  readonly pingWithoutCalls: boolean;
}

export const defaultKeepalive: KeepaliveOptions = {
  intervalMs: 7_200_000,
  timeoutMs: 20_000,
  clientPingMinMs: 300_000,
  pingWithoutCalls: false,
};

/** A client without calls has nothing to keep alive. */
const withoutCallsMs = 7_200_000;
const strikesMax = 2;

/** Counts a client's PINGs that come too early. */
export class PingPolicy {
  readonly #options: KeepaliveOptions;
  readonly #scheduler: Scheduler;
  #lastAt = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  #forgiven = false;

  constructor(options: KeepaliveOptions, scheduler: Scheduler) {
    this.#options = options;
    this.#scheduler = scheduler;
  }

  /** HEADERS or DATA went out: the next PING may measure how fast they arrive. */
  answered(): void {
    this.#forgiven = true;
  }

  /** `false`: one too many. */
  pinged(calls: number): boolean {
    const now = this.#scheduler.now();
    const since = now - this.#lastAt;
    this.#lastAt = now;
    if (this.#forgiven) {
      this.#forgiven = false;
      this.#strikes = 0;
      return true;
    }
    const least = calls > 0 || this.#options.pingWithoutCalls ? this.#options.clientPingMinMs : withoutCallsMs;
    if (since < least) this.#strikes += 1;
    return this.#strikes <= strikesMax;
  }
}

/** Pings a client that has been silent for an interval. One timer per connection; what arrives only sets a time. */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  readonly #scheduler: Scheduler;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #heardAt: number;
  #cancel: () => void = () => undefined;

  constructor(options: KeepaliveOptions, scheduler: Scheduler, ping: () => void, dead: () => void) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#ping = ping;
    this.#dead = dead;
    this.#heardAt = scheduler.now();
    if (options.intervalMs > 0) this.#wait();
  }

  heard(): void {
    this.#heardAt = this.#scheduler.now();
  }

  stop(): void {
    this.#cancel();
  }

  #wait(): void {
    const left = this.#heardAt + this.#options.intervalMs - this.#scheduler.now();
    if (left <= 0) this.#ask();
    else this.#cancel = this.#scheduler.after(left, () => this.#wait());
  }

  #ask(): void {
    const before = this.#heardAt;
    this.#ping();
    this.#cancel = this.#scheduler.after(this.#options.timeoutMs, () => {
      if (this.#heardAt === before) this.#dead();
      else this.#wait();
    });
  }
}

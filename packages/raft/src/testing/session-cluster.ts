// Nodes with sessions in one process and virtual time, and an unreliable way from their clients to them.

import {
  type Configuration,
  type Driver,
  type DriverRules,
  type DriverSettings,
  type NodeId,
  type Outcome,
  openDriver,
  type RequestOutcome,
  type StopReason,
  type Ticker,
} from '../index.ts';
import { MemoryLogDisk, MemorySnapshotDisk, MessageNetwork, type VirtualTicker, VirtualTime } from '../memory/index.ts';
import {
  SessionCalls,
  type SessionCallsOptions,
  type SessionEndpoint,
  SessionHost,
  type SessionLimits,
  SessionMachine,
  type SessionReply,
  type SessionResult,
  type SessionRules,
} from '../sessions/index.ts';
import { decodeSum, encodeSum, Tally } from './tally.ts';

export type SessionDriver = Driver<SessionResult, 'sum', number>;

export interface Life {
  readonly driver: SessionDriver;
  readonly host: SessionHost<'sum', number>;
  readonly tally: Tally;
  readonly machine: SessionMachine<number, 'sum', number>;
  readonly ticker: VirtualTicker;
  isAsleep: boolean;
  /** What came to it while it was asleep. */
  readonly arrivals: (() => void)[];
}

export interface Seat {
  readonly id: NodeId;
  readonly logDisk: MemoryLogDisk;
  readonly snapshotDisk: MemorySnapshotDisk;
  boot: number;
  life: Life | undefined;
  stopped: StopReason | undefined;
}

/** What befalls a request of a client, or its answer. */
export interface Mishap {
  readonly isRequestLost: boolean;
  readonly isRequestDoubled: boolean;
  readonly isAnswerLost: boolean;
  readonly delayTicks: number;
}

export const noMishap: Mishap = { isRequestLost: false, isRequestDoubled: false, isAnswerLost: false, delayTicks: 0 };

export interface SessionClusterOptions {
  readonly size?: number;
  readonly settings?: Partial<DriverSettings>;
  readonly limits?: Partial<SessionLimits>;
  readonly rules?: { readonly sessions?: SessionRules; readonly driver?: DriverRules };
  /** The clock of a process, over that of its machine; the same unless given. */
  readonly clock?: (id: NodeId, ticker: VirtualTicker) => Ticker;
}

export class SessionCluster {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: MessageNetwork = new MessageNetwork();
  readonly seats: readonly Seat[];
  mishap: () => Mishap = () => noMishap;
  answersLost = 0;
  readonly #options: SessionClusterOptions;
  readonly #configuration: Configuration;
  readonly #clientTicker = this.time.ticker();

  constructor(options: SessionClusterOptions = {}) {
    this.#options = options;
    const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, options.size ?? 3) as NodeId[];
    this.#configuration = {
      voters: ids,
      outgoing: [],
      learners: [],
      addresses: ids.map((id) => [id, new Uint8Array(1)] as const),
    };
    this.seats = ids.map((id) => ({
      id,
      logDisk: new MemoryLogDisk(),
      snapshotDisk: new MemorySnapshotDisk(),
      boot: 0,
      life: undefined,
      stopped: undefined,
    }));
    for (const seat of this.seats) this.start(seat);
  }

  start(seat: Seat): Life {
    seat.boot += 1;
    seat.stopped = undefined;
    const ticker = this.time.ticker();
    const { rules, settings, limits, clock } = this.#options;
    const own = clock?.(seat.id, ticker) ?? ticker;
    const tally = new Tally();
    const machine = new SessionMachine({
      machine: tally,
      encodeReply: encodeSum,
      ...(rules?.sessions === undefined ? {} : { rules: rules.sessions }),
    });
    let outcome: Outcome<SessionDriver> | undefined;
    openDriver(
      {
        id: seat.id,
        boot: seat.boot,
        bootstrap: this.#configuration,
        log: seat.logDisk.open(own),
        snapshots: seat.snapshotDisk.open(own),
        transport: this.network.at(seat.id, own),
        ticker: own,
        stateMachine: machine,
        ...(rules?.driver === undefined ? {} : { rules: { driver: rules.driver } }),
        seed: 'seed',
        settings: { electionTicks: 20, heartbeatTicks: 2, timeoutTicks: 100, ...settings },
      },
      (opened) => {
        outcome = opened;
      },
    );
    this.time.until(() => outcome !== undefined, 'opening has failed or succeeded');
    const driver = resultOf(outcome);
    const host = new SessionHost({ node: driver, table: machine.table, ticker: own, ...(limits ? { limits } : {}) });
    driver.onStopped((reason) => {
      seat.stopped = reason;
    });
    seat.life = { driver, host, tally, machine, ticker, isAsleep: false, arrivals: [] };
    return seat.life;
  }

  /** The process stands still, and does not know it. */
  sleep({ life }: Seat): void {
    if (life === undefined) return;
    life.isAsleep = true;
    life.ticker.stall();
  }

  /** It goes on: with its clock, or with what has come meanwhile. */
  wake({ life }: Seat, first: 'clock' | 'arrivals'): void {
    if (life?.isAsleep !== true) return;
    life.isAsleep = false;
    const arrive = (): void => {
      for (const arrival of life.arrivals.splice(0)) arrival();
    };
    if (first === 'arrivals') {
      life.ticker.resumeBehind(arrive);
      return;
    }
    life.ticker.resume();
    arrive();
  }

  kill(seat: Seat): void {
    seat.life?.ticker.stall();
    seat.life = undefined;
    this.network.kill(seat.id);
  }

  running(): readonly Life[] {
    return this.seats.flatMap(({ life, stopped }) => (life === undefined || stopped !== undefined ? [] : [life]));
  }

  /** The seat of a leader that all follow. */
  leader(): Seat & { readonly life: Life } {
    let found: Seat | undefined;
    this.time.until(() => {
      const leaders = new Set(this.running().map(({ driver }) => driver.status().leader));
      const [only] = leaders;
      found = leaders.size === 1 ? this.seats.find(({ id }) => id === only) : undefined;
      const status = found?.life?.driver.status();
      return status?.role === 'leader' && status.commit > 0;
    }, 'there is one leader');
    if (found?.life === undefined) throw new Error('a leader was found and is gone');
    return { ...found, life: found.life };
  }

  /** Waits until all have applied the same, and answers what each of them holds. */
  converge(): readonly { readonly sum: number; readonly sessions: number; readonly table: string }[] {
    this.time.until(() => {
      const statuses = this.running().map(({ driver }) => driver.status());
      const commit = Math.max(...statuses.map((status) => status.commit));
      return statuses.every((status) => status.applied === commit);
    }, 'all have applied the same');
    return this.running().map(({ tally, machine }) => ({
      sum: tally.sum,
      sessions: machine.table.size,
      table: [...machine.table.encode()].join(),
    }));
  }

  /** A client of all members, through whatever `mishap` does. */
  client(name: string, options: Partial<SessionCallsOptions> = {}): TestClient {
    const endpoints = new Map(this.seats.map((seat) => [seat.id, this.endpoint(seat)]));
    const calls = new SessionCalls({ endpoints, ticker: this.#clientTicker, seed: name, attemptTicks: 60, ...options });
    return new TestClient(this.time, calls);
  }

  endpoint(seat: Seat): SessionEndpoint {
    return {
      request: (body, timeoutTicks, answer) => {
        const mishap = this.mishap();
        let isOver = false;
        const finish = (outcome: RequestOutcome): void => {
          if (isOver) return;
          isOver = true;
          cancel();
          answer(outcome);
        };
        const cancel = this.time.after(timeoutTicks, () => finish({ kind: 'lost', reason: 'no answer in time' }));
        const arrive = (isFirst: boolean): void => {
          const { life } = seat;
          if (life === undefined) {
            if (isFirst) finish({ kind: 'refused', reason: 'nobody listens there' });
            return;
          }
          whenAwake(life, () =>
            life.host.handle(body, (reply) => {
              if (seat.life !== life || !isFirst) return;
              if (mishap.isAnswerLost) this.answersLost += 1;
              else this.time.defer(() => finish({ kind: 'answered', body: reply }));
            }),
          );
        };
        const travel = (isFirst: boolean, ticks: number): void => {
          if (ticks > 0) this.time.after(ticks, () => arrive(isFirst));
          else this.time.defer(() => arrive(isFirst));
        };
        if (!mishap.isRequestLost) travel(true, mishap.delayTicks);
        if (mishap.isRequestDoubled) travel(false, mishap.delayTicks * 3);
      },
    };
  }
}

/** What came of a call, once it has come. */
export interface Pending<T> {
  outcome: Outcome<T> | undefined;
}

export class TestClient {
  readonly calls: SessionCalls;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime, calls: SessionCalls) {
    this.#time = time;
    this.calls = calls;
  }

  /** Registers, and waits for it. */
  open(): this {
    const pending: Pending<unknown> = { outcome: undefined };
    this.calls.register(5000, (outcome) => {
      pending.outcome = outcome;
    });
    this.#time.until(() => pending.outcome !== undefined, 'the session is registered');
    answerOf(pending);
    return this;
  }

  begin(body: Uint8Array, timeoutTicks?: number): Pending<SessionReply> {
    const pending: Pending<SessionReply> = { outcome: undefined };
    this.calls.propose(body, timeoutTicks, (outcome) => {
      if (pending.outcome !== undefined) throw new Error('answered twice');
      pending.outcome = outcome;
    });
    return pending;
  }

  /** The sum that the command answers, once it does. */
  run(body: Uint8Array): number {
    const pending = this.begin(body);
    this.#time.until(() => pending.outcome !== undefined, 'the command is answered');
    return decodeSum(answerOf(pending).reply);
  }
}

export function answerOf<T>({ outcome }: Pending<T>): T {
  return resultOf(outcome);
}

/** What stands still hears it later. */
export function whenAwake({ isAsleep, arrivals }: Life, task: () => void): void {
  if (isAsleep) arrivals.push(task);
  else task();
}

function resultOf<T>(outcome: Outcome<T> | undefined): T {
  if (outcome?.kind === 'done') return outcome.value;
  throw outcome?.error ?? new Error('no answer yet');
}

export function codeOf({ outcome }: Pending<unknown>): string | undefined {
  return outcome?.kind === 'failed' ? (outcome.error as Error & { code?: string }).code : undefined;
}

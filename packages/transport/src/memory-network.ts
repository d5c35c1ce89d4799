// A network inside one process: bytes travel by the ticker, in order, and a test may cut or silence a pair of addresses.
// Deterministic as far as the ticker is. Addresses are the UTF-8 bytes of a name.

import type { Cancel, Completion, Done, Ticker } from '@kontiki/raft';
import type { Connection, ConnectionHandler, Network } from './network.ts';
import { decodeUtf8 } from './utf8.ts';

/** Bytes under way in one direction above which `write` says `false`. */
const bufferBytesMax = 64 * 1024;

/** The part of a `Ticker` that moves bytes. */
export type Turns = Pick<Ticker, 'defer' | 'after'>;

export class MemoryNetwork {
  readonly #ticker: Turns;
  readonly #listeners = new Map<string, (connection: Connection) => void>();
  readonly #pairs = new Set<Pair>();
  readonly #cut = new Set<string>();
  readonly #silent = new Set<string>();
  /** Ticks that every chunk travels; 0 delivers within the turn. */
  latencyTicks = 0;

  constructor(ticker: Turns) {
    this.#ticker = ticker;
  }

  /** The network as the member at `name` sees it. */
  at(name: string): Network {
    return {
      dial: (address, opened) => this.#dial(name, decodeUtf8(address) ?? '', opened),
      listen: (accept) => {
        this.#listeners.set(name, accept);
      },
      close: (done: Done) => {
        this.#listeners.delete(name);
        this.#ticker.defer(() => done(undefined));
      },
    };
  }

  /** Closes what is open between the two and refuses new connections, until `heal`. */
  cut(a: string, b: string): void {
    this.#cut.add(pairKey(a, b));
    for (const pair of this.#pairs) if (pair.joins(a, b)) pair.close('the connection was reset');
  }

  /** Keeps connections open and lets nothing through, until `heal`. What was written meanwhile arrives then. */
  silence(a: string, b: string): void {
    this.#silent.add(pairKey(a, b));
  }

  heal(a: string, b: string): void {
    this.#cut.delete(pairKey(a, b));
    this.#silent.delete(pairKey(a, b));
    for (const pair of this.#pairs) if (pair.joins(a, b)) pair.wake();
  }

  #dial(from: string, to: string, opened: Completion<Connection>): Cancel {
    let isCancelled = false;
    this.#later(() => {
      if (isCancelled || this.#silent.has(pairKey(from, to))) return;
      const accept = this.#listeners.get(to);
      if (accept === undefined || this.#cut.has(pairKey(from, to))) {
        opened({ kind: 'failed', error: new Error(`nobody listens at ${to}`) });
        return;
      }
      const isSilent = (): boolean => this.#silent.has(pairKey(from, to));
      const pair: Pair = new Pair(
        from,
        to,
        (task) => this.#later(task),
        isSilent,
        () => this.#pairs.delete(pair),
      );
      this.#pairs.add(pair);
      accept(pair.accepting);
      opened({ kind: 'done', value: pair.dialling });
    });
    return () => {
      isCancelled = true;
    };
  }

  #later(task: () => void): void {
    if (this.latencyTicks === 0) this.#ticker.defer(task);
    else this.#ticker.after(this.latencyTicks, task);
  }
}

type Later = (task: () => void) => void;

/** The two ends of one connection. */
class Pair {
  readonly dialling: End;
  readonly accepting: End;
  readonly #from: string;
  readonly #to: string;
  readonly #gone: () => void;

  constructor(from: string, to: string, later: Later, isSilent: () => boolean, gone: () => void) {
    this.#from = from;
    this.#to = to;
    this.#gone = gone;
    this.dialling = new End(to, later, isSilent, (reason) => this.close(reason));
    this.accepting = new End(from, later, isSilent, (reason) => this.close(reason));
    this.dialling.connectTo(this.accepting);
    this.accepting.connectTo(this.dialling);
  }

  joins(a: string, b: string): boolean {
    return pairKey(a, b) === pairKey(this.#from, this.#to);
  }

  wake(): void {
    this.dialling.deliver();
    this.accepting.deliver();
  }

  close(reason: string): void {
    this.dialling.closeWith(reason);
    this.accepting.closeWith(reason);
    this.#gone();
  }
}

class End implements Connection {
  readonly remote: string;
  readonly #later: Later;
  readonly #isSilent: () => boolean;
  readonly #close: (reason: string) => void;
  #other: End | undefined;
  #handler: ConnectionHandler | undefined;
  /** Bytes on their way to this end, oldest first; `undefined` is the end of the stream. */
  #incoming: (Uint8Array | undefined)[] = [];
  #incomingBytes = 0;
  #isOtherBlocked = false;
  #isPaused = false;
  #isClosed = false;
  #isEnding = false;

  constructor(remote: string, later: Later, isSilent: () => boolean, close: (reason: string) => void) {
    this.remote = remote;
    this.#later = later;
    this.#isSilent = isSilent;
    this.#close = close;
  }

  connectTo(other: End): void {
    this.#other = other;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): boolean {
    const other = this.#other;
    if (this.#isClosed || this.#isEnding || other === undefined) return true;
    other.#incoming.push(bytes.slice());
    other.#incomingBytes += bytes.length;
    other.#later(() => other.deliver());
    other.#isOtherBlocked = other.#incomingBytes > bufferBytesMax;
    return !other.#isOtherBlocked;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#later(() => this.deliver());
  }

  end(): void {
    const other = this.#other;
    if (this.#isClosed || this.#isEnding || other === undefined) return;
    this.#isEnding = true;
    other.#incoming.push(undefined);
    other.#later(() => other.deliver());
  }

  destroy(): void {
    this.#later(() => this.#close('the connection was closed'));
  }

  deliver(): void {
    while (!this.#isClosed && !this.#isPaused && !this.#isSilent() && this.#incoming.length > 0) {
      const chunk = this.#incoming.shift();
      if (chunk === undefined) {
        this.#close('the other side closed the connection');
        return;
      }
      this.#incomingBytes -= chunk.length;
      this.#handler?.data(chunk);
    }
    if (this.#isOtherBlocked && this.#incomingBytes <= bufferBytesMax) {
      this.#isOtherBlocked = false;
      const other = this.#other;
      this.#later(() => {
        if (other !== undefined && !other.#isClosed) other.#handler?.drained();
      });
    }
  }

  closeWith(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#incoming = [];
    this.#later(() => this.#handler?.closed(reason));
  }
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

// Connections between processes as an adversary would have them: every piece of bytes takes its own time, writes arrive in
// other pieces than they were made, directions stop separately, resets swallow what is under way, a machine that lost
// power answers nothing. Order within one direction is kept, as TCP keeps it.

import type { Cancel, Completion, Done, Ticker } from '@kontiki/raft';
import type { VirtualTime } from '@kontiki/raft/memory';
import { type Connection, type ConnectionHandler, decodeUtf8, type Network } from '@kontiki/transport';
import { Chance } from './chance.ts';

export interface Latency {
  readonly least: number;
  readonly most: number;
}

/** One direction between two machines. */
interface Link {
  readonly name: string;
  readonly chance: Chance;
  cloggedUntil: number;
  /** How many bytes arrive as they were sent before the next bit that is turned over; of each such bit, the last first. */
  noise: number[];
}

interface Host {
  readonly ticker: Ticker;
  accept: ((connection: Connection) => void) | undefined;
}

/** Bytes under way in one direction above which `write` says `false`. */
const bufferBytesMax = 64 * 1024;
/** A line with noise turns over so many bits, each within so many bytes after the last. */
const noiseBits = 6;
const noiseBytes = 1500;

export class ByteNetwork {
  readonly #time: VirtualTime;
  readonly #seed: number;
  /** Each direction has a stream of its own, so that a fault elsewhere leaves its draws as they were. */
  readonly #links = new Map<string, Link>();
  readonly #hosts = new Map<string, Host>();
  /** Machines without power: nothing answers there. */
  readonly #dark = new Set<string>();
  readonly #pairs = new Set<Pair>();
  readonly #blocked = new Set<string>();
  latency: Latency = { least: 0, most: 0 };

  constructor(time: VirtualTime, seed: number) {
    this.#time = time;
    this.#seed = seed;
  }

  /** The network of a new process at `name`. */
  at(name: string, ticker: Ticker): Network {
    const host: Host = { ticker, accept: undefined };
    this.#dark.delete(name);
    this.#hosts.set(name, host);
    for (const pair of [...this.#pairs]) pair.forget(name);
    return {
      dial: (address, opened) => this.#dial(name, ticker, decodeUtf8(address) ?? '', opened),
      listen: (accept) => {
        host.accept = accept;
      },
      close: (done: Done) => {
        host.accept = undefined;
        ticker.defer(() => done(undefined));
      },
    };
  }

  /** The process at `name` is gone. Its kernel resets its connections, unless the machine is dark. */
  kill(name: string, dark: boolean): void {
    this.#hosts.delete(name);
    if (dark) this.#dark.add(name);
    for (const pair of [...this.#pairs]) pair.kill(name, dark);
  }

  /** Nothing passes in this direction until `heal`; connections stay, and what is under way arrives then. */
  block(from: string, to: string): void {
    this.#blocked.add(this.link(from, to).name);
  }

  /** Resets what is open between the two. */
  reset(a: string, b: string): void {
    for (const pair of [...this.#pairs]) if (pair.joins(a, b)) pair.reset();
  }

  /** Some bits of what is sent next in this direction change on the way: the more bytes, the likelier one of them. */
  garble(from: string, to: string, draw: number): void {
    const link = this.link(from, to);
    const chance = new Chance(draw, `noise ${link.name}`);
    link.noise = Array.from({ length: noiseBits }, () => chance.below(noiseBytes));
  }

  /** For so many ticks nothing comes out of this direction, then all of it. */
  clog(from: string, to: string, ticks: number): void {
    const link = this.link(from, to);
    link.cloggedUntil = Math.max(link.cloggedUntil, this.#time.now + ticks);
  }

  heal(): void {
    this.#blocked.clear();
    for (const link of this.#links.values()) {
      link.cloggedUntil = 0;
      link.noise = [];
    }
    for (const pair of this.#pairs) pair.wake();
  }

  /** Whether what is sent now in this direction arrives, and soon. */
  isOpen(from: string, to: string): boolean {
    const link = this.#links.get(`${from} ${to}`);
    return link === undefined || (!this.isBlocked(link) && link.cloggedUntil <= this.#time.now);
  }

  isBlocked(link: Link): boolean {
    return this.#blocked.has(link.name);
  }

  link(from: string, to: string): Link {
    const name = `${from} ${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = { name, chance: new Chance(this.#seed, `link ${name}`), cloggedUntil: 0, noise: [] };
      this.#links.set(name, link);
    }
    return link;
  }

  /** Runs the task after a latency, in the order of the calls on one lane. */
  later(link: Link, lane: { due: number }, task: () => void): void {
    const { least, most } = this.latency;
    const { now } = this.#time;
    const ticks = most === 0 ? 0 : link.chance.between(least, most);
    lane.due = Math.max(lane.due, now + ticks, link.cloggedUntil);
    if (lane.due > now) this.#time.after(lane.due - now, task);
    else this.#time.defer(task);
  }

  gone(pair: Pair): void {
    this.#pairs.delete(pair);
  }

  #dial(from: string, ticker: Ticker, to: string, opened: Completion<Connection>): Cancel {
    let isCancelled = false;
    const [there, back] = [this.link(from, to), this.link(to, from)];
    this.later(there, { due: 0 }, () => {
      const isSilent = this.#dark.has(to) || this.isBlocked(there) || this.isBlocked(back);
      if (isCancelled || isSilent || !this.#hosts.has(from)) return;
      const host = this.#hosts.get(to);
      const accept = host?.accept;
      if (host === undefined || accept === undefined) {
        const error = new Error(`nobody listens at ${to}`);
        ticker.defer(() => {
          if (!isCancelled) opened({ kind: 'failed', error });
        });
        return;
      }
      const pair = new Pair(this, { name: from, ticker }, { name: to, ticker: host.ticker });
      this.#pairs.add(pair);
      host.ticker.defer(() => accept(pair.accepting));
      ticker.defer(() => {
        if (isCancelled) pair.dialling.destroy();
        else opened({ kind: 'done', value: pair.dialling });
      });
    });
    return () => {
      isCancelled = true;
    };
  }
}

interface Place {
  readonly name: string;
  readonly ticker: Ticker;
}

class Pair {
  readonly dialling: End;
  readonly accepting: End;
  readonly #network: ByteNetwork;

  constructor(network: ByteNetwork, from: Place, to: Place) {
    this.#network = network;
    const over = (): void => {
      if (this.dialling.isClosed && this.accepting.isClosed) network.gone(this);
    };
    this.dialling = new End(network, from, to.name, over);
    this.accepting = new End(network, to, from.name, over);
    this.dialling.connectTo(this.accepting);
    this.accepting.connectTo(this.dialling);
  }

  joins(a: string, b: string): boolean {
    const { name } = this.dialling.place;
    const other = this.accepting.place.name;
    return (a === name && b === other) || (a === other && b === name);
  }

  reset(): void {
    for (const end of [this.dialling, this.accepting]) end.receiveReset('the connection was reset');
  }

  /** The process at `name` is gone: its end hears nothing more, the other end a reset or nothing. */
  kill(name: string, dark: boolean): void {
    for (const end of this.#endsAt(name)) {
      end.die();
      if (!dark) end.other?.receiveReset('the other process is gone');
    }
    if (this.dialling.isClosed && this.accepting.isClosed) this.#network.gone(this);
  }

  /** A machine came back and knows nothing of its old connections. */
  forget(name: string): void {
    for (const end of this.#endsAt(name))
      if (end.isClosed) end.other?.receiveReset('the other side knows nothing of it');
  }

  wake(): void {
    this.dialling.wake();
    this.accepting.wake();
  }

  #endsAt(name: string): readonly End[] {
    return [this.dialling, this.accepting].filter((end) => end.place.name === name);
  }
}

type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' | 'reset'; readonly reason: string };

class End implements Connection {
  readonly remote: string;
  readonly place: Place;
  readonly #network: ByteNetwork;
  /** Towards this end. */
  readonly #link: Link;
  readonly #over: () => void;
  readonly #lane = { due: 0 };
  other: End | undefined;
  #handler: ConnectionHandler | undefined;
  /** On their way to this end; the first `#arrived` of them are there. */
  #incoming: Item[] = [];
  #incomingBytes = 0;
  #arrived = 0;
  #isOtherBlocked = false;
  #isPaused = false;
  #isEnding = false;
  isClosed = false;

  constructor(network: ByteNetwork, place: Place, remote: string, over: () => void) {
    this.#network = network;
    this.place = place;
    this.remote = remote;
    this.#link = network.link(remote, place.name);
    this.#over = over;
  }

  connectTo(other: End): void {
    this.other = other;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): boolean {
    const { other } = this;
    if (this.isClosed || this.#isEnding || other === undefined) return true;
    for (const piece of pieces(other.#link, bytes)) other.#push({ kind: 'bytes', bytes: piece });
    other.#isOtherBlocked = other.#incomingBytes > bufferBytesMax;
    return !other.#isOtherBlocked;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.wake();
  }

  end(): void {
    const { other } = this;
    if (this.isClosed || this.#isEnding || other === undefined) return;
    this.#isEnding = true;
    other.#push({ kind: 'end', reason: 'the other side closed the connection' });
    this.place.ticker.defer(() => this.#close('the connection was ended'));
  }

  destroy(): void {
    this.other?.receiveReset('the other side reset the connection');
    this.place.ticker.defer(() => this.#close('the connection was closed'));
  }

  receiveReset(reason: string): void {
    if (this.isClosed) return;
    // Some resets overtake what was sent before them.
    if (this.#link.chance.oneIn(2)) {
      this.#incoming = [];
      this.#incomingBytes = 0;
      this.#arrived = 0;
    }
    this.#push({ kind: 'reset', reason });
  }

  /** The process of this end is gone. */
  die(): void {
    this.isClosed = true;
    this.#incoming = [];
    this.#arrived = 0;
  }

  /** Delivers what has arrived, in a turn of this end's process. */
  wake(): void {
    this.place.ticker.defer(() => this.#deliver());
  }

  #push(item: Item): void {
    if (this.isClosed) return;
    this.#incoming.push(item);
    if (item.kind === 'bytes') this.#incomingBytes += item.bytes.length;
    this.#network.later(this.#link, this.#lane, () => {
      // A reset may have swallowed it.
      this.#arrived = Math.min(this.#arrived + 1, this.#incoming.length);
      this.wake();
    });
  }

  #deliver(): void {
    const isBlocked = this.#network.isBlocked(this.#link);
    while (!this.isClosed && !this.#isPaused && !isBlocked && this.#arrived > 0) {
      const item = this.#incoming.shift();
      this.#arrived -= 1;
      if (item === undefined) return;
      if (item.kind !== 'bytes') {
        this.#close(item.reason);
        return;
      }
      this.#incomingBytes -= item.bytes.length;
      this.#handler?.data(item.bytes);
    }
    const { other } = this;
    if (other === undefined || !this.#isOtherBlocked || this.#incomingBytes > bufferBytesMax) return;
    this.#isOtherBlocked = false;
    other.place.ticker.defer(() => {
      if (!other.isClosed) other.#handler?.drained();
    });
  }

  #close(reason: string): void {
    if (this.isClosed) return;
    this.die();
    this.#over();
    this.#handler?.closed(reason);
  }
}

/** The bytes in the pieces in which they will arrive. */
function pieces(link: Link, written: Uint8Array): readonly Uint8Array[] {
  const { chance, noise } = link;
  const bytes = noise.length > 0 ? written.slice() : written;
  if (noise.length > 0) addNoise(bytes, noise);
  if (bytes.length < 2 || !chance.oneIn(8)) return [bytes];
  const at = chance.between(1, bytes.length - 1);
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/** Turns over the bits whose time has come, and counts on for the others. */
function addNoise(bytes: Uint8Array, noise: number[]): void {
  let at = 0;
  for (let left = noise.at(-1); left !== undefined; left = noise.at(-1)) {
    at += left;
    if (at >= bytes.length) {
      noise[noise.length - 1] = at - bytes.length;
      return;
    }
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at & 7));
    at += 1;
    noise.pop();
  }
}

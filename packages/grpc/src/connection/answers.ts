// Answers that may be large, in turn. How large one is nobody knows before it is made, so its maker asks for room first: none
// is made for a client that has enough to read, nor while the server's memory is short. One answer at a time may be larger than
// all that: it is not counted, so that nobody has to go for it, and the next such one waits until it has been taken. While
// somebody waits for memory, whoever takes little of what was made for it gives way.

import type { Scheduler } from './scheduler.ts';

/** Of one client, before the next of its answers waits. */
const clientBytesMax = 1_048_576;
/** To end those who hold less would help nobody. */
const slowBytesMin = 65_536;
const slowPart = 16;
/** What asks for room leaves so much of the memory to what cannot. */
const shareOfMemory = 3 / 4;
/** An answer beyond this share of the memory is the one that is not counted. */
const shareOfHuge = 1 / 4;

/** What makes an answer waits here. */
interface Waiter {
  readonly bytes: number;
  readonly go: () => void;
}

/** Of a server: who waits, in turn, and the one answer that is not counted. */
export class AnswerLine {
  readonly #bytesMax: number;
  /** What is held for all clients, the huge answer included. */
  readonly #held: () => number;
  /** Ends the connection that holds the most, whatever that is. */
  readonly #endLargest: () => void;
  readonly #line = new Set<Answers>();
  #huge: Answers | undefined;
  #hugeBytes = 0;
  #promised = 0;
  #serving = false;
  #served = 0;
  #watching = false;
  readonly #clients = new Set<Answers>();

  constructor(bytesMax: number, held: () => number, endLargest: () => void) {
    this.#bytesMax = bytesMax;
    this.#held = held;
    this.#endLargest = endLargest;
  }

  /** Of the answer that is not counted, what is still held. */
  get uncounted(): number {
    return this.#hugeBytes;
  }

  /** Whether that answer is one of this client's. */
  uncountedOf(client: Answers): number {
    return client === this.#huge ? this.#hugeBytes : 0;
  }

  client(options: ClientOptions): Answers {
    const client = new Answers(this, options);
    this.#clients.add(client);
    return client;
  }

  /** Only for clients, as all that follows. */
  isHuge(bytes: number): boolean {
    return bytes > this.#bytesMax * shareOfHuge;
  }

  /** Whether there is memory for an answer of `bytes`. */
  hasRoom(bytes: number): boolean {
    if (this.isHuge(bytes)) return this.#huge === undefined;
    return this.#held() + this.#promised - this.#hugeBytes + bytes <= this.#bytesMax * shareOfMemory;
  }

  promise(client: Answers, bytes: number): void {
    if (this.isHuge(bytes)) {
      this.#huge = client;
      this.#hugeBytes = bytes;
    } else this.#promised += bytes;
  }

  /** It has been written by now, or never will be. */
  kept(client: Answers, bytes: number): void {
    if (this.isHuge(bytes)) this.taken(client);
    else this.#promised -= bytes;
  }

  wait(client: Answers): void {
    this.#line.add(client);
    this.#watch(client);
  }

  /** Nobody of this client waits any more. */
  stopWaiting(client: Answers): void {
    this.#line.delete(client);
  }

  taken(client: Answers): void {
    if (client === this.#huge) {
      this.#hugeBytes = Math.min(this.#hugeBytes, client.bytes);
      if (!this.isHuge(client.bytes)) this.#endHuge();
    }
    if (this.#line.size > 0) this.#serveSoon(client.scheduler);
  }

  leave(client: Answers): void {
    this.#clients.delete(client);
    this.#line.delete(client);
    if (client === this.#huge) this.#endHuge();
    if (this.#line.size > 0) this.#serveSoon(client.scheduler);
  }

  #endHuge(): void {
    this.#huge = undefined;
    this.#hugeBytes = 0;
  }

  #serveSoon(scheduler: Scheduler): void {
    if (this.#serving) return;
    this.#serving = true;
    scheduler.soon(() => {
      this.#serving = false;
      this.#serve(scheduler);
    });
  }

  /** One at a time: what it makes is counted before the next one is asked. */
  #serve(scheduler: Scheduler): void {
    for (const client of this.#line) {
      if (!client.isNext) continue;
      this.#served += 1;
      this.#line.delete(client);
      if (client.serve()) this.#line.add(client);
      if (this.#line.size > 0) this.#serveSoon(scheduler);
      return;
    }
  }

  #watch({ scheduler, yieldMs }: Answers): void {
    if (this.#watching) return;
    this.#watching = true;
    const served = this.#served;
    for (const client of this.#clients) client.mark();
    scheduler.after(yieldMs, () => {
      this.#watching = false;
      if (this.#line.size === 0) return;
      if (this.#served === served) this.#makeRoom();
      for (const client of this.#line) {
        this.#watch(client);
        break;
      }
    });
  }

  /** Somebody who has read what it was sent has waited for those who have not. */
  #makeRoom(): void {
    if (![...this.#line].some((client) => client.isModest)) return;
    const slow = [...this.#clients].filter((client) => client.isSlow);
    for (const client of slow) client.giveUp();
    if (slow.length > 0) return;
    let answers = 0;
    for (const { bytes } of this.#clients) answers += bytes;
    // It is not the answers that fill the memory, and those who hold something else are asked by nobody.
    if (answers < this.#held() / 2) this.#endLargest();
  }
}

export interface ClientOptions {
  readonly scheduler: Scheduler;
  /** While others wait for memory, it must take some of what waits for it within this time. */
  readonly yieldMs: number;
  /** Ends the connection. */
  readonly giveUp: () => void;
}

/** Of one connection. */
export class Answers {
  readonly #line: AnswerLine;
  readonly scheduler: Scheduler;
  readonly yieldMs: number;
  readonly giveUp: () => void;
  readonly #waiting = new Set<Waiter>();
  #bytes = 0;
  #promised = 0;
  // Since the last mark, and what it held then.
  #taken = 0;
  #marked = 0;

  constructor(line: AnswerLine, { scheduler, yieldMs, giveUp }: ClientOptions) {
    this.#line = line;
    this.scheduler = scheduler;
    this.yieldMs = yieldMs;
    this.giveUp = giveUp;
  }

  /** What waits for the client. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It has read most of what was made for it. */
  get isModest(): boolean {
    return this.#bytes + this.#promised <= clientBytesMax;
  }

  get isNext(): boolean {
    const [first] = this.#waiting;
    return first !== undefined && this.#mayGo(first.bytes);
  }

  /** `undefined`: go on. Otherwise `go` is called when it may; the returned function leaves the line. */
  room(bytes: number, go: () => void): (() => void) | undefined {
    if (this.#waiting.size === 0 && this.#mayGo(bytes)) return undefined;
    const waiter = { bytes, go };
    this.#waiting.add(waiter);
    this.#line.wait(this);
    return () => {
      this.#waiting.delete(waiter);
      if (this.#waiting.size === 0) this.#line.stopWaiting(this);
    };
  }

  /** An answer of `bytes` was made. `false`: it is too large for now; room for it is to be asked for, and it made anew. */
  made(bytes: number): boolean {
    if (!this.#line.hasRoom(bytes)) return false;
    this.#line.promise(this, bytes);
    this.#promised += bytes;
    // It is written by then, and counts as that.
    this.scheduler.soon(() => {
      this.#promised -= bytes;
      this.#line.kept(this, bytes);
    });
    return true;
  }

  /** So much more waits for the client, or less. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (bytes >= 0) return;
    this.#taken -= bytes;
    this.#line.taken(this);
  }

  /** Only for the line, as all that follows: from now on it is watched. */
  mark(): void {
    this.#taken = 0;
    this.#marked = this.#bytes;
  }

  /** Since the mark it has taken little of what it holds. */
  get isSlow(): boolean {
    return this.#bytes >= slowBytesMin && this.#marked > 0 && this.#taken < this.#bytes / slowPart;
  }

  /** Lets the first one go. Returns whether others wait. */
  serve(): boolean {
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter);
      waiter.go();
      break;
    }
    return this.#waiting.size > 0;
  }

  /** Whoever still waits finds that nobody listens. */
  close(): void {
    this.#line.leave(this);
    for (const { go } of this.#waiting) go();
    this.#waiting.clear();
  }

  #mayGo(bytes: number): boolean {
    return this.isModest && (bytes === 0 || this.#line.hasRoom(bytes));
  }
}

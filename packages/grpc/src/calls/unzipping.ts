// A few bytes may unzip to millions. So only few messages of a server are unzipped at a time, connections take turns, and a
// connection that holds much of what came out waits until some of it was let go.

import { type Unzipped, unzip } from './compression.ts';

export interface UnzipWork {
  readonly bytes: Buffer;
  readonly bytesMax: number;
  done(unzipped: Unzipped): void;
}

/** Threads that do it are the process's, and files and names need them too. */
const runningMax = 2;

/** The lines of one server. */
export class Unzipping {
  readonly #ready = new Set<UnzipLine>();
  readonly #heldBytesMax: number;
  #running = 0;

  /** `heldBytesMax`: what a connection may hold before the next of its messages is unzipped. */
  constructor(heldBytesMax: number) {
    this.#heldBytesMax = heldBytesMax;
  }

  /** For one connection. */
  line(): UnzipLine {
    return new UnzipLine(this.#heldBytesMax, (line) => {
      this.#ready.add(line);
      this.#go();
    });
  }

  #go(): void {
    for (const line of this.#ready) {
      if (this.#running >= runningMax) return;
      this.#ready.delete(line);
      const work = line.next();
      if (work === undefined) continue;
      // Behind the others.
      this.#ready.add(line);
      this.#running += 1;
      unzip(work.bytes, work.bytesMax, (unzipped) => {
        this.#running -= 1;
        work.done(unzipped);
        this.#go();
      });
    }
  }
}

/** The messages of one connection, in the order of their ends. */
export class UnzipLine {
  readonly #heldBytesMax: number;
  readonly #onReady: (line: UnzipLine) => void;
  readonly #waiting = new Set<UnzipWork>();
  #heldBytes = 0;

  constructor(heldBytesMax: number, onReady: (line: UnzipLine) => void) {
    this.#heldBytesMax = heldBytesMax;
    this.#onReady = onReady;
  }

  add(work: UnzipWork): void {
    this.#waiting.add(work);
    this.#onReady(this);
  }

  /** Nobody waits for it any more. */
  drop(work: UnzipWork): void {
    this.#waiting.delete(work);
  }

  /** `undefined`: none, or not yet. */
  next(): UnzipWork | undefined {
    if (this.#heldBytes >= this.#heldBytesMax) return undefined;
    for (const work of this.#waiting) {
      this.#waiting.delete(work);
      return work;
    }
    return undefined;
  }

  /** So much came out, and is held until `free`. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  free(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#onReady(this);
  }
}

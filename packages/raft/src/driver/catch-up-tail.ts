// The end of the log that compaction leaves, so that a follower that lags a little needs no snapshot: the newest
// applied entries, bounded in number and in bytes.

import type { Index } from '../core/api.ts';

export class CatchUpTail {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  /** Bytes of the entries `#first`, `#first + 1`, … from `#head` on. */
  #sizes: number[] = [];
  #head = 0;
  #first: Index;
  #bytes = 0;

  constructor(entriesMax: number, bytesMax: number, applied: Index) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
    this.#first = (applied + 1) as Index;
  }

  /** The first entry of the tail: everything before it may be compacted. */
  get first(): Index {
    return this.#first;
  }

  /** The next entry was applied. */
  push(bytes: number): void {
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    while (this.#sizes.length - this.#head > this.#entriesMax || this.#bytes > this.#bytesMax) this.#drop();
  }

  /** A snapshot replaced everything through this index. */
  restart(applied: Index): void {
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#first = (applied + 1) as Index;
  }

  #drop(): void {
    this.#bytes -= this.#sizes[this.#head] ?? 0;
    this.#head += 1;
    this.#first = (this.#first + 1) as Index;
    if (this.#head <= 1024 || this.#head * 2 < this.#sizes.length) return;
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}

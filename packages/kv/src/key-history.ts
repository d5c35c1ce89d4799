// One key's life: the revisions that wrote it, and what the latest one left behind. Values are not here; a mark names the
// row that holds one.

import type { Key } from './api.ts';
import type { Lease } from './leases.ts';

/** Where a value is: the row's place in history. */
export interface RowPlace {
  readonly main: number;
  readonly sub: number;
}

export class KeyHistory {
  readonly key: Key;
  /** Of the life that goes on; 0 when the key is deleted. */
  createRevision = 0;
  /** How often written in this life; 0 when the key is deleted. */
  version = 0;
  lease: Lease | undefined = undefined;
  /** Pairs: main revision; sub revision doubled, plus one for a deletion. Flat, because there is one per key. */
  readonly #marks: number[] = [];

  constructor(key: Key) {
    this.key = key;
  }

  get live(): boolean {
    return this.version > 0;
  }

  get empty(): boolean {
    return this.#marks.length === 0;
  }

  /** Of the last mark, put or deletion. */
  get modRevision(): number {
    return this.#marks[this.#marks.length - 2] ?? 0;
  }

  get lastSub(): number {
    return Math.floor((this.#marks[this.#marks.length - 1] ?? 0) / 2);
  }

  put(main: number, sub: number): void {
    if (this.version === 0) this.createRevision = main;
    this.version++;
    this.#marks.push(main, sub * 2);
  }

  delete(main: number, sub: number): void {
    this.createRevision = 0;
    this.version = 0;
    this.#marks.push(main, sub * 2 + 1);
  }

  /** Takes over a mark read from disk, in order; `createRevision` and `version` are what its row says. */
  load(main: number, sub: number, tombstone: boolean, createRevision: number, version: number): void {
    this.createRevision = createRevision;
    this.version = version;
    this.#marks.push(main, sub * 2 + (tombstone ? 1 : 0));
  }

  /** The row that answers a read at `revision`; undefined when the key was not there. */
  at(revision: number): RowPlace | undefined {
    const mark = this.#newestUpTo(revision);
    const main = this.#marks[mark * 2];
    const tag = this.#marks[mark * 2 + 1];
    if (main === undefined || tag === undefined || tag % 2 === 1) return undefined;
    return { main, sub: tag / 2 };
  }

  /**
   * How many of the oldest marks a compaction at `revision` makes superfluous. All marks from `revision` on stay, and
   * deletions behind `deletionsTo`; the one that answers reads at `revision` stays, unless it is a deletion.
   */
  superfluousAt(revision: number, deletionsTo: number): number {
    const newest = this.#newestUpTo(deletionsTo);
    if (newest < 0) return 0;
    const deletion = (this.#marks[newest * 2 + 1] ?? 0) % 2 === 1;
    const overwritten = this.#marks[(newest + 1) * 2] === revision;
    return deletion || overwritten ? newest + 1 : newest;
  }

  /** Forgets the oldest marks and answers which they were, oldest first. */
  dropOldest(count: number): { readonly main: number; readonly sub: number; readonly tombstone: boolean }[] {
    const dropped = this.#marks.splice(0, count * 2);
    const rows: { main: number; sub: number; tombstone: boolean }[] = [];
    for (let i = 0; i < dropped.length; i += 2) {
      const tag = dropped[i + 1] ?? 0;
      rows.push({ main: dropped[i] ?? 0, sub: Math.floor(tag / 2), tombstone: tag % 2 === 1 });
    }
    return rows;
  }

  /** -1 when there is none. */
  #newestUpTo(revision: number): number {
    const marks = this.#marks;
    let low = 0;
    let high = marks.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((marks[middle * 2] ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

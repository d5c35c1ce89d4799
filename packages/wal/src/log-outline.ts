// The shape of the log without its commands: base, last entry, and the term of each index between. Enough to check what
// comes next and to say what a new base leaves of the log.

import type { LogId, SnapshotMeta } from '@kontiki/raft';
import { assert } from './errors.ts';
import { asIndex, type Manner } from './payload.ts';

export class LogOutline {
  #base: SnapshotMeta;
  #last: LogId;
  /** The first entry of each run of entries of one term, in order. */
  #runs: LogId[] = [];

  constructor(base: SnapshotMeta) {
    this.#base = base;
    this.#last = base.last;
  }

  get base(): SnapshotMeta {
    return this.#base;
  }

  get last(): LogId {
    return this.#last;
  }

  /** §5.3: an entry takes its place, and what the log had from there on goes. */
  append(id: LogId): void {
    assert(id.index > this.#base.last.index, `entry ${id.index} is behind the base ${this.#base.last.index}`);
    assert(
      id.index <= this.#last.index + 1,
      `entry ${id.index} follows within the log that ends at ${this.#last.index}`,
    );
    if (id.index <= this.#last.index) {
      while ((this.#runs.at(-1)?.index ?? 0) >= id.index) this.#runs.pop();
    }
    if (this.#runs.at(-1)?.term !== id.term) this.#runs.push({ term: id.term, index: id.index });
    this.#last = { term: id.term, index: id.index };
  }

  /** What a base would leave of the log: the tail stays if the log holds the very entry that the base ends at (§7). */
  mannerOf(base: SnapshotMeta): Manner {
    return this.#termAt(base.last.index) === base.last.term ? 'keepsTail' : 'replaced';
  }

  /** Takes a new base, which is never before the old one. Returns what it left of the log. */
  rebase(base: SnapshotMeta): Manner {
    assert(
      base.last.index >= this.#base.last.index,
      `base ${base.last.index} is not before base ${this.#base.last.index}`,
    );
    const manner = this.mannerOf(base);
    this.#base = base;
    if (manner === 'replaced') {
      this.#runs = [];
      this.#last = base.last;
      return manner;
    }
    // The run that the base falls into begins behind it now.
    const first = asIndex(base.last.index + 1);
    const covering = this.#runs.findLast((run) => run.index <= first);
    this.#runs = this.#runs.filter((run) => run.index > first);
    if (covering !== undefined && this.#last.index >= first) this.#runs.unshift({ term: covering.term, index: first });
    return manner;
  }

  #termAt(index: number): number | undefined {
    if (index === this.#base.last.index) return this.#base.last.term;
    if (index > this.#last.index) return undefined;
    return this.#runs.findLast((run) => run.index <= index)?.term;
  }
}

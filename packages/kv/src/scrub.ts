// The physical half of a compaction: key by key, the marks and rows that no allowed read can reach any more. Logically they
// are gone as soon as the compaction is applied; this only gives the space back, in steps, whenever there is time.

import type { KeyHistory } from './key-history.ts';
import type { KeyIndex } from './key-index.ts';
import { rowName } from './row.ts';
import type { KvRules } from './rules.ts';

export class Scrub {
  /** The compaction that this pass serves; a later one gets a pass of its own. */
  readonly target: number;
  readonly #index: KeyIndex;
  readonly #deletionsTo: number;
  readonly #deleteRow: (name: Uint8Array) => void;
  #next = '';

  constructor(index: KeyIndex, target: number, rules: KvRules, deleteRow: (name: Uint8Array) => void) {
    this.#index = index;
    this.target = target;
    this.#deletionsTo = rules.forgetsDeletionsTo(target);
    this.#deleteRow = deleteRow;
  }

  /** Looks at keys and drops rows until `budget` of both together is spent, 2 at least. True when the pass is through. */
  step(budget: number): boolean {
    let left = Math.max(2, budget);
    let done = true;
    const emptied: KeyHistory[] = [];
    this.#index.visit({ from: this.#next, to: undefined }, (history) => {
      this.#next = history.key;
      if (left <= 0) {
        done = false;
        return false;
      }
      left--;
      const superfluous = history.superfluousAt(this.target, this.#deletionsTo);
      const count = Math.min(superfluous, left);
      left -= count;
      // Oldest first: after a crash in between, no older value can come back behind a deletion that went before it.
      for (const { main, sub, tombstone } of history.dropOldest(count)) {
        this.#deleteRow(rowName(main, sub, tombstone));
      }
      if (history.empty) emptied.push(history);
      done = count === superfluous;
      return done;
    });
    for (const history of emptied) this.#index.remove(history);
    return done;
  }
}

// Log Matching (figure 3, §5.3): if two logs contain an entry with the same index and term, then the logs are identical
// in all entries up through that index.
//
// By induction it is enough that each LogId, wherever and whenever it is seen, names one command and follows one term.

import type { Entry, Index, LogId, NodeId, Term } from '../../core/api.ts';
import { entryName, type NodeView, sameEntry, type Violation } from './view.ts';

interface Seen {
  readonly entry: Entry;
  readonly previous: Term;
  readonly by: NodeId;
}

export class LogMatching {
  readonly #seen = new Map<Index, Map<Term, Seen>>();
  readonly #checked = new Map<NodeId, readonly Entry[]>();

  observe({ status, base, entries }: NodeView): Violation | undefined {
    const checked = this.#checked.get(status.id);
    this.#checked.set(status.id, entries);
    if (checked === entries) return undefined;

    // Backwards, down to the first entry which stood at the same place before: below it all was checked then.
    const offset = (checked?.[0]?.index ?? 0) - (base.index + 1);
    for (let at = entries.length - 1; at >= 0; at -= 1) {
      const entry = entries[at];
      if (entry === undefined || entry === checked?.[at - offset]) return undefined;
      const violation = this.saw(status.id, entry, entries[at - 1]?.term ?? base.term);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  /** The entry with this id, wherever it was seen first. */
  find({ index, term }: LogId): Entry | undefined {
    return this.#seen.get(index)?.get(term)?.entry;
  }

  /** Nothing below will be looked at again: keeps long runs small. */
  forgetBelow(index: Index): void {
    for (const old of this.#seen.keys()) {
      if (old < index) this.#seen.delete(old);
    }
  }

  /** `node` has the entry in its log, right after one of term `previous`. */
  saw(node: NodeId, entry: Entry, previous: Term): Violation | undefined {
    const terms = this.#seen.get(entry.index) ?? new Map<Term, Seen>();
    this.#seen.set(entry.index, terms);
    const known = terms.get(entry.term);
    if (known === undefined) {
      terms.set(entry.term, { entry, previous, by: node });
      return undefined;
    }
    if (!sameEntry(known.entry, entry)) {
      return {
        property: 'LogMatching',
        text: `${known.by} has ${entryName(known.entry)} where ${node} has ${entryName(entry)}`,
      };
    }
    if (known.previous !== previous) {
      const place = entry.index - 1;
      return {
        property: 'LogMatching',
        text: `${known.by} and ${node} have ${entryName(entry)}, but ${place}@${known.previous} and ${place}@${previous} before it`,
      };
    }
    return undefined;
  }
}

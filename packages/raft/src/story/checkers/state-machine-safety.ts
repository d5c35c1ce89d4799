// State Machine Safety (figure 3, §5.4.3): if a server has applied a log entry at a given index to its state machine, no
// other server will ever apply a different log entry for the same index. Each applies in order, without gaps.

import type { Entry, Index, LogId, NodeId } from '../../core/api.ts';
import { entryName, sameEntry, type Violation } from './view.ts';

export class StateMachineSafety {
  readonly #applied = new Map<Index, { readonly entry: Entry; readonly by: NodeId }>();
  readonly #position = new Map<NodeId, Index>();

  applied(node: NodeId, entry: Entry): Violation | undefined {
    const position = this.#position.get(node) ?? 0;
    this.#position.set(node, entry.index);
    if (entry.index !== position + 1) {
      return {
        property: 'StateMachineSafety',
        text: `${node} applied ${entryName(entry)} right after index ${position}`,
      };
    }
    const known = this.#applied.get(entry.index);
    if (known === undefined) this.#applied.set(entry.index, { entry, by: node });
    if (known === undefined || sameEntry(known.entry, entry)) return undefined;
    return {
      property: 'StateMachineSafety',
      text: `${known.by} applied ${entryName(known.entry)} where ${node} applied ${entryName(entry)}`,
    };
  }

  /** What some state machine has applied at this index. */
  at(index: Index): Entry | undefined {
    return this.#applied.get(index)?.entry;
  }

  /** The state machine was replaced by a snapshot that ends at `last`. */
  restored(node: NodeId, last: LogId): Violation | undefined {
    this.#position.set(node, last.index);
    const known = this.#applied.get(last.index);
    if (known === undefined || known.entry.term === last.term) return undefined;
    return {
      property: 'StateMachineSafety',
      text: `${known.by} applied ${entryName(known.entry)} where ${node} restored ${last.index}@${last.term}`,
    };
  }

  /** The node starts again with a state machine that has applied everything up to `applied`. */
  restarted(node: NodeId, applied: Index): void {
    this.#position.set(node, applied);
  }

  /** Nothing below will be applied again: keeps long runs small. */
  forgetBelow(index: Index): void {
    for (const old of this.#applied.keys()) {
      if (old < index) this.#applied.delete(old);
    }
  }
}

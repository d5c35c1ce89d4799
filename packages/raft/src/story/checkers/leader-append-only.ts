// Leader Append-Only (figure 3, §5.3): a leader never overwrites or deletes entries in its log; it only appends.

import type { NodeId } from '../../core/api.ts';
import { entryAt, entryName, type NodeView, sameEntry, type Violation } from './view.ts';

export class LeaderAppendOnly {
  readonly #leaders = new Map<NodeId, NodeView>();

  observe(view: NodeView): Violation | undefined {
    const { status } = view;
    const before = this.#leaders.get(status.id);
    if (status.role === 'leader') this.#leaders.set(status.id, view);
    else this.#leaders.delete(status.id);
    if (before === undefined || status.role !== 'leader' || before.status.term !== status.term) return undefined;
    if (before.entries === view.entries) return undefined;

    const lost = before.entries.find((entry) => {
      if (entry.index <= view.base.index) return false; // compacted, which is not deleted (§7)
      const now = entryAt(view, entry.index);
      return now === undefined || !sameEntry(now, entry);
    });
    if (lost === undefined) return undefined;
    const now = entryAt(view, lost.index);
    const fate = now === undefined ? 'has lost' : `has ${entryName(now)} instead of`;
    return {
      property: 'LeaderAppendOnly',
      text: `${status.id}, leader of term ${status.term}, ${fate} ${entryName(lost)}`,
    };
  }

  /** A leader that crashed is no leader any more: what it lost with its memory was never its log. */
  down(node: NodeId): void {
    this.#leaders.delete(node);
  }
}

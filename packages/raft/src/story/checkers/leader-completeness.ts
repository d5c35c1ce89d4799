// Leader Completeness (figure 3, §5.4): if a log entry is committed in a given term, then that entry will be present in
// the logs of the leaders of all higher-numbered terms.

import type { Entry, Index, NodeId, Term } from '../../core/api.ts';
import { entryAt, entryName, type NodeView, type Violation } from './view.ts';

interface Committed {
  readonly entry: Entry;
  /** Committed in this term or before it: the term of the node that was first seen to know. */
  readonly by: Term;
}

export class LeaderCompleteness {
  readonly #committed = new Map<Index, Committed>();
  /** In the order of discovery, so that a leader already checked is only shown what is new. */
  #found: Committed[] = [];
  readonly #known = new Map<NodeId, Index>();
  readonly #leaders = new Map<NodeId, { readonly view: NodeView; readonly checked: number }>();

  observe(view: NodeView): Violation | undefined {
    const { status } = view;
    this.#discover(view);
    const before = this.#leaders.get(status.id);
    if (status.role !== 'leader') {
      this.#leaders.delete(status.id);
    } else {
      const checked = before?.view.status.term === status.term ? before.checked : 0;
      this.#leaders.set(status.id, { view, checked });
    }
    for (const [node, leader] of this.#leaders) {
      const violation = this.#check(leader.view, leader.checked);
      this.#leaders.set(node, { view: leader.view, checked: this.#found.length });
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  down(node: NodeId): void {
    this.#leaders.delete(node);
    this.#known.delete(node);
  }

  /** Nothing below will be looked at again: keeps long runs small. */
  forgetBelow(index: Index): void {
    const kept = this.#found.filter(({ entry }) => entry.index >= index);
    for (const { entry } of this.#found) if (entry.index < index) this.#committed.delete(entry.index);
    this.#found = kept;
    for (const [node, { view }] of this.#leaders) this.#leaders.set(node, { view, checked: kept.length });
  }

  #discover(view: NodeView): void {
    const { id, commit, term } = view.status;
    const known = this.#known.get(id) ?? 0;
    for (let index = Math.max(known, view.base.index) + 1; index <= commit; index += 1) {
      const entry = entryAt(view, index as Index);
      if (entry === undefined || this.#committed.has(entry.index)) continue;
      const committed = { entry, by: term };
      this.#committed.set(entry.index, committed);
      this.#found.push(committed);
    }
    this.#known.set(id, commit);
  }

  #check(leader: NodeView, from: number): Violation | undefined {
    for (const { entry, by } of this.#found.slice(from)) {
      if (by >= leader.status.term || entry.index < leader.base.index) continue;
      const found = entry.index === leader.base.index ? leader.base : entryAt(leader, entry.index);
      if (found?.term === entry.term) continue;
      return {
        property: 'LeaderCompleteness',
        text: `${entryName(entry)} was committed by term ${by}, and ${leader.status.id} leads term ${leader.status.term} without it`,
      };
    }
    return undefined;
  }
}

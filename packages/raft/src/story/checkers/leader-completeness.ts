// Leader Completeness (figure 3, §5.4): if a log entry is committed in a given term, then that entry will be present in
// the logs of the leaders of all higher-numbered terms.

import type { Entry, Index, NodeId, Term } from '../../core/api.ts';
import { entryAt, entryName, type NodeView, type TermView, type Violation } from './view.ts';

interface Committed {
  readonly entry: Entry;
  /** Committed in this term or before it: the term of the node that was first seen to know. */
  readonly by: Term;
}

interface Leader {
  readonly term: Term;
  log: TermView;
  /** How much of what was found its log has been asked for. */
  checked: number;
}

export class LeaderCompleteness {
  readonly #committed = new Map<Index, Committed>();
  /** In the order of discovery, so that a leader already checked is only shown what is new. */
  #found: Committed[] = [];
  readonly #known = new Map<NodeId, Index>();
  readonly #leaders = new Map<NodeId, Leader>();

  observe(view: NodeView): Violation | undefined {
    const { id, term, role } = view.status;
    this.#discover(view);
    if (role === 'leader') this.leads(id, term, { base: view.base, termAt: (index) => entryAt(view, index)?.term });
    else this.follows(id);
    return this.check();
  }

  /** A node of term `by` knows that the entry is committed. */
  committed(entry: Entry, by: Term): void {
    if (this.#committed.has(entry.index)) return;
    const committed = { entry, by };
    this.#committed.set(entry.index, committed);
    this.#found.push(committed);
  }

  /** `log` is looked at by every later `check`, until `follows` or another `leads`. */
  leads(node: NodeId, term: Term, log: TermView): void {
    const leader = this.#leaders.get(node);
    if (leader?.term === term) leader.log = log;
    else this.#leaders.set(node, { term, log, checked: 0 });
  }

  follows(node: NodeId): void {
    this.#leaders.delete(node);
  }

  /** Whether every leader has what was found since it was last asked. */
  check(): Violation | undefined {
    for (const [node, leader] of this.#leaders) {
      if (leader.checked === this.#found.length) continue;
      const violation = this.#check(node, leader);
      leader.checked = this.#found.length;
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  down(node: NodeId): void {
    this.follows(node);
    this.#known.delete(node);
  }

  /** Nothing below will be looked at again: keeps long runs small. */
  forgetBelow(index: Index): void {
    const kept = this.#found.filter(({ entry }) => entry.index >= index);
    for (const { entry } of this.#found) if (entry.index < index) this.#committed.delete(entry.index);
    this.#found = kept;
    for (const leader of this.#leaders.values()) leader.checked = kept.length;
  }

  #discover(view: NodeView): void {
    const { id, commit, term } = view.status;
    const known = this.#known.get(id) ?? 0;
    for (let index = Math.max(known, view.base.index) + 1; index <= commit; index += 1) {
      const entry = entryAt(view, index as Index);
      if (entry !== undefined) this.committed(entry, term);
    }
    this.#known.set(id, commit);
  }

  #check(node: NodeId, { term, log, checked }: Leader): Violation | undefined {
    for (const { entry, by } of this.#found.slice(checked)) {
      if (by >= term || entry.index < log.base.index) continue;
      const found = entry.index === log.base.index ? log.base.term : log.termAt(entry.index);
      if (found === entry.term) continue;
      return {
        property: 'LeaderCompleteness',
        text: `${entryName(entry)} was committed by term ${by}, and ${node} leads term ${term} without it`,
      };
    }
    return undefined;
  }
}

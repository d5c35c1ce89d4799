// Election Safety (figure 3, §5.2): at most one leader can be elected in a given term.

import type { NodeId, Term } from '../../core/api.ts';
import type { NodeView, Violation } from './view.ts';

export class ElectionSafety {
  readonly #leaders = new Map<Term, NodeId>();

  observe({ status }: Pick<NodeView, 'status'>): Violation | undefined {
    return status.role === 'leader' ? this.leads(status.id, status.term) : undefined;
  }

  leads(node: NodeId, term: Term): Violation | undefined {
    const other = this.#leaders.get(term);
    if (other === undefined) this.#leaders.set(term, node);
    if (other === undefined || other === node) return undefined;
    return { property: 'ElectionSafety', text: `${other} and ${node} were both leader of term ${term}` };
  }
}

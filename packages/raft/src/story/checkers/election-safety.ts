// Election Safety (figure 3, §5.2): at most one leader can be elected in a given term.

import type { NodeId, Term } from '../../core/api.ts';
import type { NodeView, Violation } from './view.ts';

export class ElectionSafety {
  readonly #leaders = new Map<Term, NodeId>();

  observe({ status }: NodeView): Violation | undefined {
    if (status.role !== 'leader') return undefined;
    const other = this.#leaders.get(status.term);
    if (other === undefined) this.#leaders.set(status.term, status.id);
    if (other === undefined || other === status.id) return undefined;
    return { property: 'ElectionSafety', text: `${other} and ${status.id} were both leader of term ${status.term}` };
  }
}

// Linearizable reads (§8, thesis §6.4): a read is served from a state at least as new as everything that any server
// knew to be committed when the read began.

import type { Index, NodeId } from '../../core/api.ts';
import type { NodeView, Violation } from './view.ts';

/** Names one read of one node; an id may repeat on another node. */
type ReadKey = `${NodeId} ${number}`;

export class LinearizableReads {
  #committed = 0 as Index;
  readonly #floors = new Map<ReadKey, Index>();

  observe({ status }: NodeView): void {
    if (status.commit > this.#committed) this.#committed = status.commit;
  }

  began(node: NodeId, readId: number): void {
    this.#floors.set(`${node} ${readId}`, this.#committed);
  }

  served(node: NodeId, readId: number, index: Index): Violation | undefined {
    const floor = this.#floors.get(`${node} ${readId}`);
    this.#floors.delete(`${node} ${readId}`);
    if (floor === undefined || index >= floor) return undefined;
    return {
      property: 'LinearizableReads',
      text: `${node} served a read at index ${index} which began when ${floor} was committed`,
    };
  }

  /** The read will never be answered. */
  abandoned(node: NodeId, readId: number): void {
    this.#floors.delete(`${node} ${readId}`);
  }
}

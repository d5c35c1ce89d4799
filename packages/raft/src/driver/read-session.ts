// What one reader has seen, as an index of the log: all that the guarantees of a session need (thesis §6.4: a read may be
// served by any server that has applied as far). Who the reader is, and how the index travels with it, is the embedder's.

import type { Index } from '../core/api.ts';

/**
 * Give it to the calls that belong together. A read with consistency `session` then never shows a state from before
 * something that the session has read or written, on whichever member. Put `index` into a cookie or a token to go on
 * elsewhere with `new ReadSession(asIndex(index))`.
 */
export class ReadSession {
  #index: Index;

  constructor(index: Index = 0 as Index) {
    this.#index = index;
  }

  /** Everything up to here has been seen, by a read or as an acknowledged write. Never falls. */
  get index(): Index {
    return this.#index;
  }

  saw(index: Index): void {
    if (index > this.#index) this.#index = index;
  }
}

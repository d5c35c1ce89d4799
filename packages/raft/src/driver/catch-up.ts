// Whether a new server has caught up enough to vote (thesis §4.2.1): entries are brought to it in rounds, each of which ends with
// what the log held when it began. Once a round takes less than an election timeout, making the server a voter will not hold the
// cluster up for longer than an election would. A server that is not as fast after ten rounds is too slow, or too far.

import type { Index, NodeId, Status } from '../core/api.ts';

/** thesis §4.2.1: "a fixed number of rounds (such as 10)". */
export const roundsMax = 10;

/** `lost`: this node does not lead any more, or the server is no member any more. */
export type CatchUpState = 'goesOn' | 'caughtUp' | 'tooSlow' | 'lost';

export class CatchUp {
  readonly #id: NodeId;
  readonly #electionTicks: number;
  readonly #term: number;
  #target: Index;
  #began: number;
  #round = 1;

  constructor(id: NodeId, { term, last }: Status, now: number, electionTicks: number) {
    this.#id = id;
    this.#electionTicks = electionTicks;
    this.#term = term;
    this.#target = last.index;
    this.#began = now;
  }

  /** To be asked at least once a tick. */
  look(status: Status, now: number): CatchUpState {
    if (status.role !== 'leader' || status.term !== this.#term) return 'lost';
    const progress = status.progress.find(([id]) => id === this.#id)?.[1];
    if (progress === undefined) return 'lost';
    if (progress.match < this.#target) return 'goesOn';
    if (now - this.#began < this.#electionTicks) return 'caughtUp';
    if (this.#round === roundsMax) return 'tooSlow';
    this.#round += 1;
    this.#target = status.last.index;
    this.#began = now;
    return 'goesOn';
  }
}

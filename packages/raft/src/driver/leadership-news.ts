// Who leads as of the last turn, and who wants to hear of it when that changes.

import type { Status } from '../core/api.ts';
import { isElectable } from '../core/node.ts';
import type { RaftCore } from '../core/raft.ts';
import type { Leadership } from './driver-api.ts';
import type { Cancel } from './ports.ts';

export class LeadershipNews {
  readonly #listeners = new Set<(leadership: Leadership) => void>();
  #latest: Leadership;

  constructor(status: Status) {
    this.#latest = leadershipOf(status);
  }

  listen(listener: (leadership: Leadership) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Whether leader, term or role changed: looked at in every turn, and most of them are ticks that change nothing. Only where
   * there was something to do, `hasWorked`, a learner may have become a follower, or the other way round.
   */
  isDue({ node }: RaftCore, hasWorked: boolean): boolean {
    const { leader, term, role } = this.#latest;
    const { kind } = node.role;
    if (node.leader !== leader || node.term !== term) return true;
    if (kind !== 'follower') return kind !== role;
    if (role !== 'follower' && role !== 'learner') return true;
    return hasWorked && isElectable(node) !== (role === 'follower');
  }

  /** Answers what was before, if something changed. */
  replace(status: Status): Leadership | undefined {
    const { leader, term, role } = status;
    const before = this.#latest;
    if (before.leader === leader && before.term === term && before.role === role) return undefined;
    this.#latest = leadershipOf(status);
    return before;
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener(this.#latest);
  }
}

function leadershipOf({ leader, term, role }: Status): Leadership {
  return { leader, term, role };
}

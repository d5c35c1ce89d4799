// A member applies only what is committed, and what its own disk has: after a crash its state machine would otherwise be
// ahead of its log.

import type { LogId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';

export function appliedWithinDurable({ report }: Watched): Checker {
  const check = ({ id, durable }: NodeRecord, { index, term }: LogId, how: string): void => {
    if (durable.has(index, term)) return;
    report('AppliedWithinDurable', `${id} ${how} ${index}@${term}, its disk ends at ${durable.lastIndex}`);
  };
  return {
    applied: (node, _, last) => check(node, last, 'applied'),
    restored: (node, last) => check(node, last, 'restored'),
    turnEnded: ({ id, applied }, { commit }) => {
      const index = applied?.index ?? 0;
      if (index > commit) report('AppliedWithinDurable', `${id} has applied ${index}, it has commit ${commit}`);
    },
  };
}

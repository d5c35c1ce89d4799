// Leader Completeness (figure 3, §5.4) over a cluster: what any node knows to be committed is collected, index by index, and
// every leader is held against it as soon as its log is known.

import type { NodeId, Status, Term } from '@kontiki/raft';
import { LeaderCompleteness } from '@kontiki/raft/story';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';

export function leaderCompleteness({ report, find }: Watched): Checker {
  const completeness = new LeaderCompleteness();
  const committed: (Term | undefined)[] = [];
  /** Up to where the commit index of each process was looked at. */
  const seen = new Map<NodeId, number>();

  const discover = (node: NodeRecord, status: Status): void => {
    const { base, lastIndex } = node.written;
    const end = Math.min(status.commit, lastIndex);
    for (let index = Math.max(seen.get(node.id) ?? 0, base.index) + 1; index <= end; index += 1) {
      const term = node.written.termAt(index);
      if (term === undefined) continue;
      const known = committed[index];
      if (known === undefined) {
        committed[index] = term;
        const entry = find({ index, term } as Parameters<typeof find>[0]);
        if (entry !== undefined) completeness.committed(entry, status.term);
      } else if (known !== term) {
        const other = `another for ${index}@${known}`;
        report('LeaderCompleteness', `${node.id} has ${index}@${term} for committed, ${other}`);
      }
    }
    seen.set(node.id, Math.max(end, seen.get(node.id) ?? 0));
  };

  return {
    turnEnded: (node, status) => {
      if (status.role !== 'leader' || status.term !== node.status?.term) completeness.follows(node.id);
      if (!node.isExact) return;
      discover(node, status);
      if (status.role === 'leader') completeness.leads(node.id, status.term, node.written);
      const violation = completeness.check();
      if (violation !== undefined) report('LeaderCompleteness', violation.text);
    },
    ended: (node) => {
      completeness.follows(node.id);
      seen.delete(node.id);
    },
  };
}

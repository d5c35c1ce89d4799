// Leader Append-Only (figure 3, §5.3) over a cluster. A leader's log is known once its memory and what it has written are
// the same; from then on every write must begin where the last one ended, and the end never comes nearer.

import type { NodeId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';

export function leaderAppendOnly({ report }: Watched): Checker {
  /** The term in which each node leads with a log that is known. */
  const leading = new Map<NodeId, number>();
  return {
    handedToLog: (node, { hardState = node.hardWritten, entries: [first] }) => {
      const term = leading.get(node.id);
      if (term === undefined || first === undefined || first.index > node.written.lastIndex) return;
      // It has stepped down in this very turn.
      if ((hardState?.term ?? 0) > term) return;
      const found = `${first.index}@${first.term} where ${first.index}@${node.written.termAt(first.index)} was`;
      report('LeaderAppendOnly', `${node.id}, leader of term ${term}, has ${found}`);
    },
    turnEnded: (node, { role, term, last }) => {
      const before = node.status;
      if (role !== 'leader') {
        leading.delete(node.id);
        return;
      }
      if (before?.role === 'leader' && before.term === term && last.index < before.last.index) {
        report(
          'LeaderAppendOnly',
          `${node.id}, leader of term ${term}, has lost ${last.index + 1}..${before.last.index}`,
        );
      }
      if (leading.get(node.id) !== term) leading.delete(node.id);
      if (node.isExact) leading.set(node.id, term);
    },
    ended: (node) => void leading.delete(node.id),
  };
}

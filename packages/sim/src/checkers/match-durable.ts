// What a leader takes for stored by a follower is what that follower's disk has (§5.3): the next commit may rest on it. Only
// while the follower has heard of no later term: what another leader did to its log, this one cannot know.

import type { NodeId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';

export function matchDurable({ report, record }: Watched): Checker {
  /** Of each leader: what was found to be right in its term. */
  const found = new Map<NodeId, { readonly term: number; readonly matches: Map<NodeId, number> }>();
  return {
    turnEnded: (node, status) => {
      if (status.role !== 'leader' || !node.isExact) return;
      let known = found.get(node.id);
      if (known?.term !== status.term) {
        known = { term: status.term, matches: new Map() };
        found.set(node.id, known);
      }
      for (const [id, { match }] of status.progress) {
        if (match <= (known.matches.get(id) ?? 0)) continue;
        known.matches.set(id, match);
        const term = node.written.termAt(match);
        const peer = record(id);
        if (term === undefined || (peer.hardWritten?.term ?? 0) > status.term || peer.holds(match, term)) continue;
        const claim = `takes ${match}@${term} for stored by ${id}`;
        report('AcknowledgedDurable', `${node.id}, in term ${status.term}, ${claim}, whose disk has another or none`);
      }
    },
  };
}

// A leader has the votes of its term of a majority, of both halves while joint (§5.2, thesis §4.3). Two leaders of one term
// are a rare meeting of two such elections; here the first is seen. Which answers a candidate has received is not known, but
// it cannot have more votes than were sent to it.

import type { NodeId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import { isQuorum } from './quorums.ts';

export function electedByMajority({ report }: Watched): Checker {
  /** Of each candidate, those of the newest term in which somebody has voted for it. */
  const votes = new Map<NodeId, { readonly term: number; readonly voters: Set<NodeId> }>();
  return {
    sent: (_, message) => {
      if (message.kind !== 'requestVoteReply' || message.phase !== 'vote' || !message.granted) return;
      const { from, to, term } = message;
      const known = votes.get(to);
      if (known === undefined || known.term < term) votes.set(to, { term, voters: new Set([from]) });
      else if (known.term === term) known.voters.add(from);
    },
    turnEnded: ({ id, status: before }, status) => {
      const { role, term, configuration } = status;
      if (role !== 'leader' || (before?.role === 'leader' && before.term === term)) return;
      const known = votes.get(id);
      const voters = known?.term === term ? known.voters : new Set<NodeId>();
      const has = (voter: NodeId): boolean => voter === id || voters.has(voter);
      // It may have got another configuration in the turn in which it was elected.
      if (isQuorum(configuration, has) || (before !== undefined && isQuorum(before.configuration, has))) return;
      report('ElectionSafety', `${id} leads term ${term}, in which ${[...voters].join(', ') || 'nobody'} voted for it`);
    },
  };
}

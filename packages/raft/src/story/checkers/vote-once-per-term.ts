// A server votes for at most one candidate in a term (§5.2), whatever crashes in between (§5: votedFor is persistent).
//
// A vote counts when somebody else can know of it: when it left the node, or when it is durable.

import type { Message, NodeId, Term } from '../../core/api.ts';
import type { Violation } from './view.ts';

export class VoteOncePerTerm {
  readonly #votes = new Map<NodeId, Map<Term, NodeId>>();

  voted(node: NodeId, term: Term, candidate: NodeId): Violation | undefined {
    const votes = this.#votes.get(node) ?? new Map<Term, NodeId>();
    this.#votes.set(node, votes);
    const earlier = votes.get(term);
    if (earlier === undefined) votes.set(term, candidate);
    if (earlier === undefined || earlier === candidate) return undefined;
    return {
      property: 'VoteOncePerTerm',
      text: `${node} voted for ${earlier} and for ${candidate} in term ${term}`,
    };
  }

  /** A message that leaves its sender: a request carries the candidate's own vote, a reply may grant one. */
  sent(message: Message): Violation | undefined {
    if (message.kind === 'requestVote' && message.phase === 'vote') {
      return this.voted(message.from, message.term, message.from);
    }
    if (message.kind === 'requestVoteReply' && message.phase === 'vote' && message.granted) {
      return this.voted(message.from, message.term, message.to);
    }
    return undefined;
  }
}

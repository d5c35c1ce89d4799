// A member votes once in a term, across restarts and whatever became of its disk (§5.2); and no vote leaves, a candidate's
// own neither, before the disk has it (figure 2: persistent state is updated before responding).

import { type Violation, VoteOncePerTerm } from '@kontiki/raft/story';
import type { Checker, Watched } from './checker.ts';

export function voteOncePerTerm({ report }: Watched): Checker {
  const votes = new VoteOncePerTerm();
  const tell = (violation: Violation | undefined): void => {
    if (violation !== undefined) report('VoteOncePerTerm', violation.text);
  };
  return {
    started: (node, { hardState: { term, votedFor } }) => {
      if (votedFor !== undefined) tell(votes.voted(node.id, term, votedFor));
    },
    durable: (node, { hardState }) => {
      if (hardState?.votedFor !== undefined) tell(votes.voted(node.id, hardState.term, hardState.votedFor));
    },
    // Whoever has forgotten a vote has another to give.
    turnEnded: ({ id, hardWritten }, { term, votedFor }) => {
      if (hardWritten?.votedFor === undefined || hardWritten.term !== term || hardWritten.votedFor === votedFor) return;
      const found = `its vote is for ${votedFor ?? 'nobody'}`;
      report('VoteOncePerTerm', `${id} wrote a vote for ${hardWritten.votedFor} in term ${term}, and now ${found}`);
    },
    sent: (node, message) => {
      const isRequest = message.kind === 'requestVote' && message.phase === 'vote';
      const isGrant = message.kind === 'requestVoteReply' && message.phase === 'vote' && message.granted;
      if (!isRequest && !isGrant) return;
      tell(votes.sent(message));
      const candidate = isRequest ? message.from : message.to;
      const { term = 0, votedFor } = node.hardDurable ?? {};
      if (term > message.term || (term === message.term && votedFor === candidate)) return;
      const found = `a vote for ${votedFor ?? 'nobody'} in term ${term}`;
      report(
        'VoteOncePerTerm',
        `${node.id} sent its vote for ${candidate} in term ${message.term} with ${found} on disk`,
      );
    },
  };
}

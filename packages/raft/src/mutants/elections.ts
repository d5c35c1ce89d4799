// Bugs in elections: votes given twice or to the wrong log, and candidates that never come to an end.

import { unsafeLessons } from '../teaching/index.ts';
import { coreMutant, type Mutant } from './mutant.ts';

export const voterMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'voteTwice',
      about: 'A server votes for every candidate of a term whose log is as good as its own (§5.2: one vote a term).',
      caughtBy: ['VoteOncePerTerm', 'ElectionSafety'],
    },
    { answerVote: ({ candidateLast, ownLast }, isUpToDate) => (isUpToDate(candidateLast, ownLast) ? 'grant' : 'log') },
  ),
  coreMutant(
    {
      name: 'voteForAnyLog',
      about: 'A vote goes to whoever asks first, whatever its log (§5.4.1 left out).',
      caughtBy: ['LeaderCompleteness', 'StateMachineSafety', 'MajorityDurable', 'FailStop'],
    },
    { ...unsafeLessons['skip-up-to-date'] },
  ),
  coreMutant(
    {
      name: 'longerLogWins',
      about: 'Logs are compared by their length alone, and not first by the term of their last entry (§5.4.1).',
      caughtBy: ['LeaderCompleteness', 'StateMachineSafety', 'MajorityDurable', 'FailStop'],
    },
    { isUpToDate: (candidate, own) => candidate.index >= own.index },
  ),
  coreMutant(
    {
      name: 'lastTermWins',
      about: 'Logs are compared by the term of their last entry alone, and not then by their length (§5.4.1).',
      caughtBy: ['LeaderCompleteness', 'StateMachineSafety', 'MajorityDurable', 'FailStop'],
    },
    { isUpToDate: (candidate, own) => candidate.term >= own.term },
  ),
  coreMutant(
    {
      name: 'heartbeatClearsVote',
      about: 'A heartbeat of the same term makes a follower forget whom it voted for (docs/divergence.md).',
      caughtBy: ['VoteOncePerTerm', 'ElectionSafety'],
    },
    { ...unsafeLessons['clear-vote-on-heartbeat'] },
  ),
  coreMutant(
    {
      name: 'preVoteClearsVote',
      about: 'Answering a pre-vote resets the vote of the current term (canonical/raft#196).',
      caughtBy: ['VoteOncePerTerm', 'ElectionSafety', 'FailStop'],
    },
    { votedForAfterPreVote: () => undefined },
  ),
  coreMutant(
    {
      name: 'preVoteRaisesTerm',
      about:
        'A pre-vote raises the term of whoever is asked, so a server that cannot win deposes leaders (thesis §9.6).',
      caughtBy: ['Liveness'],
    },
    { preVoteRaisesTerm: () => true },
  ),
  coreMutant(
    {
      name: 'voteKeptInNewTerm',
      about:
        'A new term does not give the vote back (§5.1), so servers that once voted for themselves elect nobody else.',
      caughtBy: ['Liveness'],
    },
    { votedForInNewTerm: (votedFor) => votedFor },
  ),
  coreMutant(
    {
      name: 'leaderKeptInNewTerm',
      about: 'The leader of the last term is taken for that of the next, before anybody is elected (thesis §6.2).',
      caughtBy: ['FailStop', 'Liveness'],
    },
    { leaderInNewTerm: (leader) => leader },
  ),
];

export const candidateMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'refusalIsVote',
      about: 'Every answer to a vote request counts as a vote (openraft#1220, which lost data).',
      caughtBy: ['ElectionSafety', 'LeaderCompleteness', 'StateMachineSafety', 'FailStop'],
    },
    { isVote: () => true },
  ),
  coreMutant(
    {
      name: 'halfIsMajority',
      about: 'Half of the voters, rounded down, are taken for a majority (§5.2, §5.3).',
      caughtBy: ['ElectionSafety', 'MajorityDurable', 'LeaderCompleteness', 'StateMachineSafety', 'FailStop'],
    },
    { majority: (voters) => Math.max(1, Math.floor(voters / 2)) },
  ),
  coreMutant(
    {
      name: 'candidateGivesUp',
      about: 'A candidate whose timer runs out does not start another election (figure 2, candidates 4).',
      caughtBy: ['Liveness'],
    },
    { campaignsAgain: () => false },
  ),
  coreMutant(
    {
      name: 'candidateIgnoresLeader',
      about: 'A candidate does not give way to the leader of its own term (figure 2, candidates 3).',
      caughtBy: ['Liveness'],
    },
    { givesWay: () => false },
  ),
  coreMutant(
    {
      name: 'higherTermInReplyIgnored',
      about:
        'A leader that learns of a higher term by a reply does not step down (§5.1): whoever has it stays shut out.',
      caughtBy: ['Liveness'],
    },
    { heedsTerm: (kind) => kind !== 'appendEntriesReply' },
  ),
  coreMutant(
    {
      name: 'leaderNeverResigns',
      about:
        'A leader out of touch with a majority leads on, and its clients hang (thesis §6.2; check-quorum left out).',
      caughtBy: ['Liveness'],
    },
    { resigns: () => false },
  ),
  coreMutant(
    {
      name: 'transferWithoutFlag',
      about:
        'A candidate that was told to take over does not say so, and is not answered (thesis §4.2.3; canonical/raft#203).',
      caughtBy: ['Liveness'],
    },
    { tellsOfTransfer: () => false },
  ),
];

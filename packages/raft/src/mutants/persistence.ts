// Bugs in the order of writes and messages, and in what a restart believes.

import { unsafeLessons } from '../teaching/index.ts';
import { coreMutant, driverMutant, type Mutant } from './mutant.ts';

export const persistenceMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'askBeforeDurable',
      about: "Vote requests leave before the candidate's term and vote are durable (figure 2; docs/divergence.md).",
      caughtBy: ['VoteOncePerTerm', 'ElectionSafety', 'MonotoneTerm'],
    },
    { ...unsafeLessons['ask-before-durable'] },
  ),
  coreMutant(
    {
      name: 'voteBeforeDurable',
      about: 'Votes leave before they are durable (figure 2).',
      caughtBy: ['VoteOncePerTerm', 'ElectionSafety'],
    },
    { ...unsafeLessons['vote-before-durable'] },
  ),
  driverMutant(
    {
      name: 'voteForgotten',
      about: 'A restarted server has forgotten whom it voted for in its term (figure 2, persistent state).',
      caughtBy: ['VoteOncePerTerm', 'DurableKept', 'ElectionSafety'],
    },
    { remembers: (hardState) => ({ ...hardState, votedFor: undefined }) },
  ),
  driverMutant(
    {
      name: 'termForgotten',
      about:
        'A restarted server takes its term from its last entry and begins it without a vote (figure 2, persistent state).',
      caughtBy: ['MonotoneTerm', 'VoteOncePerTerm', 'DurableKept', 'ElectionSafety'],
    },
    { remembers: (hardState, { term }) => ({ ...hardState, term, votedFor: undefined }) },
  ),
  driverMutant(
    {
      name: 'restartCommitsLog',
      about: 'A restarted server takes everything that its disk has for committed (§5.3).',
      caughtBy: ['StateMachineSafety', 'MajorityDurable', 'FailStop'],
    },
    { remembers: (hardState, { index }) => ({ ...hardState, commit: index }) },
  ),
  coreMutant(
    {
      name: 'claimBeforeDurable',
      about: 'A follower acknowledges what it has in memory, durable or not (figure 2).',
      caughtBy: ['AcknowledgedDurable', 'MajorityDurable', 'LeaderCompleteness'],
    },
    { ...unsafeLessons['claim-before-durable'] },
  ),
  coreMutant(
    {
      name: 'heartbeatClaimsUnwritten',
      about: 'A follower acknowledges past its durable log when the request is empty (yugabyte#32875, Kudu).',
      caughtBy: ['AcknowledgedDurable', 'MajorityDurable', 'LeaderCompleteness'],
    },
    { mayClaim: (durable, appended, entries) => (entries === 0 || appended < durable ? appended : durable) },
  ),
  driverMutant(
    {
      name: 'acknowledgementOvertakesWrite',
      about: 'Messages that wait for a write leave beside it (figure 2; thesis §10.2.1).',
      caughtBy: ['AcknowledgedDurable', 'VoteOncePerTerm', 'MajorityDurable', 'MonotoneTerm'],
    },
    { mayLeave: () => true },
  ),
  coreMutant(
    {
      name: 'durableKeptOverCut',
      about:
        'The mark of what is durable stays when the log is cut, and covers other entries later (Ra 3.1.8, ra#516).',
      caughtBy: ['AcknowledgedDurable', 'MajorityDurable', 'AppliedWithinDurable', 'FailStop'],
    },
    { durableAfterCut: (durable) => durable },
  ),
  coreMutant(
    {
      name: 'lateWriteConfirmsOverwritten',
      about:
        'The end of a write confirms an entry that was overwritten meanwhile (the append ABA race of etcd-io/raft).',
      caughtBy: ['AcknowledgedDurable', 'MajorityDurable', 'FailStop'],
    },
    { flightAfterCut: (flight) => flight },
  ),
  coreMutant(
    {
      name: 'applyAheadOfLog',
      about: "Committed entries are applied before this member's own log has them durably (thesis §10.2.1).",
      caughtBy: ['AppliedWithinDurable', 'FailStop'],
    },
    { applyThrough: (commit) => commit },
  ),
  driverMutant(
    {
      name: 'diskErrorIgnored',
      about: 'A write that failed is taken for durable, and the node goes on (the fsync error of 2018).',
      caughtBy: ['DurableKept', 'FailStop', 'MajorityDurable', 'AcknowledgedDurable'],
    },
    { isWritten: () => true },
  ),
];

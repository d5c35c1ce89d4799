// Bugs in replication: what leaders take for stored and committed, and what followers keep of their log.

import type { Index } from '../core/api.ts';
import { unsafeLessons } from '../teaching/index.ts';
import { coreMutant, type Mutant } from './mutant.ts';

export const leaderMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'commitOldTerms',
      about: 'An entry on a majority is committed whatever its term, and then overwritten (§5.4.2, figure 8).',
      caughtBy: ['LeaderCompleteness', 'StateMachineSafety', 'MajorityDurable', 'FailStop'],
    },
    { ...unsafeLessons['commit-old-terms'] },
  ),
  coreMutant(
    {
      name: 'matchFromNext',
      about: 'A leader sets match to next - 1 when an answer comes, not to what the answered request covered (§5.3).',
      caughtBy: ['MajorityDurable', 'LeaderCompleteness', 'StateMachineSafety', 'FailStop'],
    },
    { matchOf: (_answered, next) => (next - 1) as Index },
  ),
  coreMutant(
    {
      name: 'oldRepliesCount',
      about: 'Replies that were sent in an earlier term count in this one (§5.1).',
      caughtBy: [
        'ElectionSafety',
        'AcknowledgedDurable',
        'MajorityDurable',
        'LeaderCompleteness',
        'StateMachineSafety',
      ],
    },
    { ...unsafeLessons['accept-old-replies'] },
  ),
  coreMutant(
    {
      name: 'ownCopyCountsUnwritten',
      about: 'A leader counts its own copy before its disk has it (thesis §10.2.1; etcd#14370).',
      caughtBy: ['MajorityDurable'],
    },
    { ownMatch: (_durable, last) => last },
  ),
];

export const followerMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'adoptLeaderCommit',
      about: "A follower takes the leader's commit index, bounded by its log only (figure 2; docs/divergence.md).",
      caughtBy: ['StateMachineSafety', 'LogMatching', 'FailStop', 'AppliedWithinDurable'],
    },
    { ...unsafeLessons['adopt-leader-commit'] },
  ),
  coreMutant(
    {
      name: 'truncateAlways',
      about:
        'A follower cuts its log behind prev, conflict or not, so a late message erases what was acknowledged (§5.3).',
      caughtBy: ['MajorityDurable', 'DurableKept', 'LeaderCompleteness', 'FailStop'],
    },
    { ...unsafeLessons['truncate-always'] },
  ),
  coreMutant(
    {
      name: 'conflictKept',
      about: 'A follower appends behind entries that conflict with the leader instead of cutting them off (§5.3).',
      caughtBy: ['LogMatching', 'StateMachineSafety', 'FailStop'],
    },
    { truncateFrom: () => undefined },
  ),
  coreMutant(
    {
      name: 'heartbeatUnchecked',
      about: 'A heartbeat is answered with success without the consistency check (§5.3).',
      caughtBy: ['AcknowledgedDurable', 'StateMachineSafety', 'MajorityDurable', 'LeaderCompleteness', 'FailStop'],
    },
    { isConsistent: (hasPrev, entries) => hasPrev || entries === 0 },
  ),
];

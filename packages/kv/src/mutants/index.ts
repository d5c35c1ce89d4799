// Known bugs of key-value stores with history, leases and watches, one at a time: each is the right record but for the
// decision that its bug got wrong, and shows that the simulator and its checkers can go red. No server reaches this entry
// point.

import { type KvRules, kvRules } from '../rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly kv: KvRules };
}

const commits: readonly Mutant[] = [
  mutant(
    'positionBehindRows',
    'The applied position that is stored is older than its rows, which are applied twice after a crash (etcd#13766).',
    ['MonotoneApplied', 'MonotoneRevision', 'StateMachineSafety', 'KnownLogOracle', 'EqualHash', 'FailStop'],
    { positionWith: ({ term, index }) => ({ term, index: Math.max(0, index - 1) }) },
  ),
  mutant(
    'positionAheadOfRows',
    'The applied position that is stored is newer than its rows, and an entry is skipped (etcd#14685, qdrant#1172).',
    ['MonotoneApplied', 'MonotoneRevision', 'StateMachineSafety', 'KnownLogOracle', 'EqualHash', 'FailStop'],
    { positionWith: ({ term, index }) => ({ term, index: index + 1 }) },
  ),
  mutant(
    'flushReportedEarly',
    'A flush is reported when it shows, and the log compacted, before it survives a power failure (yugabyte#32875).',
    ['LogNotCompactedPastFlushed', 'MonotoneApplied', 'FailStop'],
    { isDurable: (stage) => stage === 'shown' },
  ),
  mutant(
    'leasesNotInSnapshot',
    'A snapshot holds the keys and not the leases they hang on (as RATIS-1128 and etcd#14571 left things out).',
    ['MonotoneRevision', 'FailStop', 'StateMachineSafety', 'KnownLogOracle', 'LeaseNotEarly', 'EqualHash'],
    { isInSnapshot: (part) => part !== 'leases' },
  ),
  mutant(
    'recordsNotInSnapshot',
    'A snapshot leaves out the small records, as if nobody needed them (RATIS-1128, etcd#14571).',
    ['StateMachineSafety', 'KnownLogOracle', 'EqualHash'],
    { isInSnapshot: (part) => part !== 'records' },
  ),
];

const histories: readonly Mutant[] = [
  mutant(
    'nothingIsARevision',
    'A delete that finds nothing, or a transaction that only reads, takes a revision.',
    ['MonotoneRevision', 'KnownLogOracle', 'WatchReliable', 'FailStop'],
    { revisionOfNothing: (before) => before + 1 },
  ),
  mutant(
    'deletionCompactedAway',
    'A compaction at the revision of a deletion forgets the deletion, and a watch from there misses it (etcd#18089).',
    ['WatchReliable', 'WatchResumable', 'EqualHash', 'KnownLogOracle'],
    { forgetsDeletionsTo: (compactRevision) => compactRevision },
  ),
  mutant(
    'leaseLeavesKeys',
    'A lease ends and the keys that hang on it stay.',
    ['FailStop', 'KnownLogOracle', 'EqualHash'],
    { endsKeys: () => false },
  ),
  mutant(
    'oldLeaseKept',
    'A key that is put without its lease still ends with it, but only on members that have not been restarted since.',
    ['StateMachineSafety', 'MonotoneRevision', 'KnownLogOracle', 'EqualHash'],
    { leavesLease: () => false },
  ),
];

const watches: readonly Mutant[] = [
  mutant(
    'syncedOneEarly',
    'A watcher counts as up to date while the newest revision is still ahead of it (etcd#17529).',
    ['WatchReliable', 'WatchResumable'],
    { isSynced: (next, told) => next >= told },
  ),
  mutant(
    'eventsBeforeStart',
    'A watch that begins in the future is told of revisions before its beginning (etcd#20221).',
    ['WatchOrdered', 'WatchUnique', 'WatchResumable'],
    { concerns: () => true },
  ),
  mutant(
    'progressBeforeStart',
    'A watch that begins in the future is told that it has progressed to a revision before its beginning (etcd#20281).',
    ['WatchOrdered', 'WatchResumable'],
    { mayReportProgress: ({ isSynced }) => isSynced },
  ),
  mutant(
    'progressOvertakesEvents',
    'A progress report names a revision whose events have not been sent (etcd#15220).',
    ['WatchReliable', 'WatchResumable', 'WatchOrdered'],
    { mayReportProgress: ({ startRevision, revision }) => revision >= startRevision },
  ),
  mutant(
    'slowWatcherLosesEvents',
    'Events for a client that takes no more are dropped (etcd#17529: a starved watch).',
    ['WatchReliable', 'WatchResumable'],
    { whenFull: () => 'dropped' },
  ),
  mutant(
    'compactedWatcherMoved',
    'A watcher that compaction has overtaken goes on behind it as if nothing were missing (etcd#18089).',
    ['WatchReliable', 'WatchResumable'],
    { whenCompacted: () => 'moved' },
  ),
  mutant(
    'installSkipsWatchers',
    'What a snapshot brings at once is never told to watchers (etcd#15271: a watch after a partition).',
    ['WatchReliable', 'WatchResumable'],
    { rereadsAfterInstall: () => false },
  ),
  mutant(
    'revisionTornApart',
    'The events of one revision come in several responses, each as if it were whole.',
    ['WatchAtomic', 'WatchReliable'],
    { responses: (events) => events.map((event) => [event]) },
  ),
];

export const mutants: readonly Mutant[] = [...commits, ...histories, ...watches];

function mutant(
  name: string,
  about: string,
  caughtBy: readonly string[],
  wrong: Partial<Omit<KvRules, 'name'>>,
): Mutant {
  return { name, about, caughtBy, rules: { kv: { ...kvRules, ...wrong, name } } };
}

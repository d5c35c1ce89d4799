// Known bugs of logs and snapshot files, one at a time: each is the right record but for the decision that its bug got
// wrong, and shows that the simulator and its checkers can go red. No server reaches this entry point.

import { decide, type Facts, type RecoveryOutcome, type Row } from '../recovery.ts';
import { type WalRules, walRules } from '../rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and by which sentence of the paper or in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly wal: WalRules };
}

export const mutants: readonly Mutant[] = [
  mutant(
    'batchUnsynced',
    'A batch is answered when it is written and not yet synced (etcd#14370, etcd#14143; NATS 2.12.1).',
    ['DurableKept', 'MajorityDurable', 'KnownLogOracle', 'FailStop'],
    { syncsBatch: () => false },
  ),
  mutant(
    'syncTriedAgain',
    'After a failed sync another one is made and believed, though the kernel has given the pages up (fsyncgate).',
    ['DurableKept', 'MajorityDurable', 'KnownLogOracle', 'FailStop'],
    { syncsAgain: () => true },
  ),
  mutant(
    'voteLeftLazy',
    'Term and vote wait for the next batch, and the vote leaves before them (figure 2; etcd#10219).',
    ['VoteOncePerTerm', 'MonotoneTerm', 'DurableKept', 'ElectionSafety'],
    { mayWait: () => true },
  ),
  mutant(
    'tornTailRefused',
    'A batch that a crash has torn, and nobody was told of, keeps the member from starting (etcd#6378, etcd#6379).',
    ['FailStop', 'Liveness'],
    { decide: answering('Q', 'corrupt') },
  ),
  mutant(
    'tornRecordTaken',
    'A record is taken for whole when its header is, whatever stands behind it (etcd#6379: torn at a sector).',
    ['FailStop', 'LogMatching', 'StateMachineSafety', 'DurableKept'],
    { isProven: () => true },
  ),
  mutant(
    'laterBatchIgnored',
    'A damaged batch is cut off with all that was acknowledged behind it (NATS 2.12.1; "Protocol-Aware Recovery").',
    ['DurableKept', 'MajorityDurable', 'LeaderCompleteness', 'KnownLogOracle'],
    { decide: answering('N', 'cutTail') },
  ),
  mutant(
    'durableIndexIgnored',
    'A log that ends before the durable index is taken for one with a torn tail ("Protocol-Aware Recovery").',
    ['DurableKept', 'MajorityDurable', 'LeaderCompleteness', 'KnownLogOracle'],
    { claim: (claimed) => (claimed === 0 ? 'none' : 'within') },
  ),
  mutant(
    'pageCacheTrusted',
    'What recovery read is relied on, though it may never have left the page cache (fsyncgate; etcd#14143).',
    ['DurableKept', 'MajorityDurable', 'KnownLogOracle', 'FailStop'],
    { renewsTail: () => false },
  ),
  mutant(
    'truncationForgotten',
    'Entries that were overwritten are back after a restart (nats#7587, redpanda#29849, ra 3.1.8).',
    ['LogMatching', 'FailStop', 'DurableKept'],
    { overwriteCuts: () => false },
  ),
  mutant(
    'segmentNameUnsynced',
    'The directory is not synced when a segment gets its name (hashicorp/raft-wal; ALICE).',
    ['FailStop', 'DurableKept', 'MajorityDurable'],
    { syncsDirectory: (change) => change !== 'segmentNamed' },
  ),
  mutant(
    'segmentsDroppedUnordered',
    'Dropped segments leave the directory unsynced, so that an older one may outlive a newer one (ALICE).',
    ['FailStop'],
    { syncsDirectory: (change) => change !== 'segmentDropped' },
  ),
  mutant(
    'snapshotNameUnsynced',
    // Left out at the naming alone it hardly shows: older ones are removed at once, and that syncs the directory.
    'The directory is not synced when a snapshot gets its name or loses it (etcd#22340, etcd#22314, etcd#22401).',
    ['FailStop', 'LogNotCompactedPastFlushed'],
    { syncsDirectory: (change) => change !== 'snapshotNamed' && change !== 'snapshotDropped' },
  ),
  mutant(
    'snapshotUnsynced',
    'A snapshot gets its name before its bytes are on the disk (ALICE: rename before data).',
    ['FailStop', 'LogNotCompactedPastFlushed'],
    { syncsSnapshot: () => false },
  ),
];

function mutant(
  name: string,
  about: string,
  caughtBy: readonly string[],
  wrong: Partial<Omit<WalRules, 'name'>>,
): Mutant {
  return { name, about, caughtBy, rules: { wal: { ...walRules, ...wrong, name } } };
}

/** The decision table with another outcome in one row. */
function answering(id: string, outcome: RecoveryOutcome): (facts: Facts) => Row {
  return (facts) => {
    const row = decide(facts);
    return row.id === id ? { ...row, outcome } : row;
  };
}

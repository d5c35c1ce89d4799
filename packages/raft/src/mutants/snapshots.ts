// Bugs in snapshots and compaction: each drops something that is still needed.

import { coreMutant, driverMutant, type Mutant } from './mutant.ts';

export const snapshotMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'oldSnapshotInstalled',
      about: 'A late snapshot replaces a log that has all it covers and more (figure 13, step 6).',
      caughtBy: ['MonotoneCommit', 'MonotoneApplied', 'MajorityDurable', 'LeaderCompleteness', 'FailStop'],
    },
    { hasAllOf: () => false },
  ),
  coreMutant(
    {
      name: 'baseNotWritten',
      about: 'The index and term that a snapshot ends with are not written with the log (figure 13; MIT lab 3D).',
      caughtBy: ['FailStop', 'DurableKept'],
    },
    { writesBase: () => false },
  ),
  driverMutant(
    {
      name: 'compactPastFlushed',
      about: 'The log is compacted up to what is applied, not to what the state machine has flushed (§7).',
      caughtBy: ['LogNotCompactedPastFlushed', 'FailStop'],
    },
    { compactThrough: ({ applied }) => applied },
  ),
];

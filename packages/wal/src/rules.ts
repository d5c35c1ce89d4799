// The leaf decisions of the durable log and of the snapshot store, as one record of pure functions: each answers one
// question on which safety hangs. How a disk is driven is not here. Records with a wrong answer live in `mutants/`, an
// entry point of its own which no server reaches.

import { decide, type Facts, type Row } from './recovery.ts';

/** A change of a directory that others rely on. */
export type NameChange = 'segmentNamed' | 'segmentDropped' | 'snapshotNamed' | 'snapshotDropped';

export interface WalRules {
  readonly name: string;
  /** What recovery does with what it found. */
  readonly decide: (facts: Facts) => Row;
  /** Whether the log, whose last whole batch is `whole`, still has all that the durable index claims. */
  readonly claim: (claimed: number, whole: number) => Facts['claim'];
  /** Whether a record with these bytes is what was written: the chain value that stands with it, and the one they have. */
  readonly isProven: (written: number, actual: number) => boolean;
  /** Whether an entry that takes the place of another ends the log there, when it is read back. */
  readonly overwriteCuts: () => boolean;
  /** Whether the tail that recovery found is written anew before anybody relies on it. */
  readonly renewsTail: () => boolean;
  /** Whether a batch is on the disk when it is answered, and not just on its way. */
  readonly syncsBatch: () => boolean;
  /** Whether a failed sync is tried once more, and believed. */
  readonly syncsAgain: () => boolean;
  /** Whether a hard state alone may be answered unwritten, to go with the next batch; `sync`: a message waits for it. */
  readonly mayWait: (sync: boolean) => boolean;
  /** Whether a directory is synced after this change, before anybody relies on it. */
  readonly syncsDirectory: (change: NameChange) => boolean;
  /** Whether a snapshot is on the disk before it gets its name. */
  readonly syncsSnapshot: () => boolean;
}

export const walRules: WalRules = {
  name: 'right',
  decide,
  // Batch 0 stands for none. A batch that was claimed was durable: without it, more is lost than a crash may take.
  claim: (claimed, whole) => (claimed === 0 ? 'none' : claimed > whole ? 'beyond' : 'within'),
  // The chain covers the record and all before it, so that none can be lost, exchanged or torn unnoticed.
  isProven: (written, actual) => written === actual,
  // §5.3: an entry that conflicts takes all that follow with it. No record says so but the entry itself.
  overwriteCuts: () => true,
  // What was read may be in a page cache only: of a process that died before its sync, or whose sync had failed.
  renewsTail: () => true,
  // Figure 2: updated on stable storage before responding.
  syncsBatch: () => true,
  // After a failed sync the kernel counts the pages as clean; a second one says nothing about them.
  syncsAgain: () => false,
  // Figure 2: term and vote before the answer that rests on them. The commit index may be learned again.
  mayWait: (sync) => !sync,
  // A name may be gone after a power failure until its directory was synced. Two unsynced unlinks could survive in the
  // other order, and that is a hole in the log.
  syncsDirectory: () => true,
  syncsSnapshot: () => true,
};

// The leaf decisions of the state machine, as one record of pure functions: what takes a revision, what a commit holds,
// what a compaction forgets, what a watcher is told. Each answers one question that a bug once answered wrongly, here or
// elsewhere. Records with a wrong answer live in `mutants/`, an entry point of its own which no server reaches.

import type { Position } from './api.ts';

export interface KvRules {
  readonly name: string;
  /** The revision of the `write`-th write (from 0) of one operation on a store at revision `before`. */
  readonly revisionOf: (before: number, write: number) => number;
  /** The revision after an operation on a store at `before` that wrote nothing. */
  readonly revisionOfNothing: (before: number) => number;
  /** Which position is stored in the commit of rows that go up to `last`. */
  readonly positionWith: (last: Position) => Position;
  /** At which stage a flush is reported as durable: when the commit shows, or when it survives a power failure. */
  readonly isDurable: (stage: 'shown' | 'synced') => boolean;
  /** Up to which revision a compaction forgets a deletion, and so that there was something before it. */
  readonly forgetsDeletionsTo: (compactRevision: number) => number;
  /** Whether the end of a lease is the end of the keys that hang on it. */
  readonly endsKeys: () => boolean;
  /** Whether a key that is put without its lease, or with another, leaves it. */
  readonly leavesLease: () => boolean;
  /** Whether a snapshot holds these beside the rows. */
  readonly isInSnapshot: (part: 'leases' | 'records') => boolean;
  /** Whether a watcher that next wants `next` has been told everything by a store that has told `told`. */
  readonly isSynced: (next: number, told: number) => boolean;
  /** Whether events of this revision concern a watcher that next wants `next`. */
  readonly concerns: (revision: number, next: number) => boolean;
  /** Whether a watcher may be told that it has seen everything up to `revision`. */
  readonly mayReportProgress: (watcher: ProgressQuestion) => boolean;
  /** What becomes of events for a watcher whose client takes no more now. */
  readonly whenFull: () => 'readLater' | 'dropped';
  /** What becomes of a watcher that wants what is compacted. */
  readonly whenCompacted: () => 'cancelled' | 'moved';
  /** Whether watchers read what a snapshot that was installed has brought. */
  readonly rereadsAfterInstall: () => boolean;
  /** How the events of one revision are put into responses. */
  readonly responses: <E>(events: readonly E[]) => readonly (readonly E[])[];
}

export interface ProgressQuestion {
  readonly isSynced: boolean;
  readonly startRevision: number;
  readonly revision: number;
}

export const kvRules: KvRules = {
  name: 'right',
  // etcd: all writes of a transaction have one revision, the next one.
  revisionOf: (before) => before + 1,
  // etcd: a delete that finds nothing, or a transaction that only reads, is no revision.
  revisionOfNothing: (before) => before,
  // The position says exactly what the rows hold, in one commit with them: one entry less is applied twice after a crash,
  // one entry more never.
  positionWith: (last) => last,
  // The log is compacted up to what is reported: it must be out of reach of a power failure.
  isDurable: (stage) => stage === 'synced',
  // A watch may begin at the compacted revision itself: what happened there stays, deletions too.
  forgetsDeletionsTo: (compactRevision) => compactRevision - 1,
  endsKeys: () => true,
  leavesLease: () => true,
  // Everything that is replicated: whoever starts from the snapshot must do the same as all others from then on.
  isInSnapshot: () => true,
  isSynced: (next, told) => next > told,
  // Before a watcher's own next revision lies what it has been told already, or never asked for.
  concerns: (revision, next) => revision >= next,
  // etcd's bookmark: everything up to it was sent before it, and it is not below where the watch was told to begin.
  mayReportProgress: ({ isSynced, startRevision, revision }) => isSynced && revision >= startRevision,
  // History is the buffer.
  whenFull: () => 'readLater',
  whenCompacted: () => 'cancelled',
  rereadsAfterInstall: () => true,
  // etcd: the events of one revision come in one response.
  responses: (events) => [events],
};

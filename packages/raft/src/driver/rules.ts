// The leaf decisions of the driver as one record of pure functions, as core/rules.ts is for the algorithm: what may leave,
// what counts as written, who is told what, what may be dropped. The loop holds everything else. Other records (mutants)
// live in an entry point of their own, which no server reaches; this file knows only the right answers.

import type { HardState, Index, LogId, PersistId } from '../core/api.ts';

export interface Compaction {
  /** The last entry in the state machine. */
  readonly applied: Index;
  /** Nothing before it is needed to start again: in a stored snapshot, or durable in the machine. */
  readonly safe: Index;
  /** The end of what followers that lag a little need no more. */
  readonly untilTail: Index;
}

export interface DriverRules {
  readonly name: string;
  /** Figure 2, persistent state: whether a message that waits for one write leaves, with another the newest durable one. */
  readonly mayLeave: (awaited: PersistId, durable: PersistId) => boolean;
  /** Figure 2, persistent state: whether a write that ended like this is durable. If not, the node stops. */
  readonly isWritten: (error: Error | undefined) => boolean;
  /** Figure 2, persistent state: what a new life believes of term, vote and commit index that its disk has, with this last entry. */
  readonly remembers: (hardState: HardState, last: LogId) => HardState;
  /** §5.3, Log Matching: whether the entry that was applied is the one a caller waits for at the same index. */
  readonly isAwaited: (awaited: LogId, applied: LogId) => boolean;
  /** §8: whether a caller whose command had no answer in time may be told that it had no effect. */
  readonly isHarmless: (fate: 'late' | 'jumped' | 'stopped') => boolean;
  /** thesis §6.4, step 3: whether a reader may join a read that was put to the core before it came. */
  readonly joinsOlderRead: () => boolean;
  /** Whether a member that has applied so far shows all that a session has seen: read-your-writes, monotonic reads. */
  readonly servesSession: (applied: Index, seen: Index) => boolean;
  /** §7: how far the log may be compacted. */
  readonly compactThrough: (compaction: Compaction) => Index;
  /** Figure 13: whether the core may be told of a snapshot; `isCovered` says that the log has all of it. */
  readonly mayInstall: (snapshot: { readonly isStored: boolean; readonly isCovered: boolean }) => boolean;
}

export const driverRules: DriverRules = {
  name: 'driver',
  mayLeave: (awaited, durable) => awaited <= durable,
  // What a disk that failed holds, nobody knows: a second try may succeed and prove nothing.
  isWritten: (error) => error === undefined,
  remembers: (hardState) => hardState,
  // Another term at this index means that the awaited entry was overwritten, and is lost for ever.
  isAwaited: (awaited, applied) => awaited.term === applied.term,
  // It may be in the log of somebody who leads next.
  isHarmless: () => false,
  joinsOlderRead: () => false,
  servesSession: (applied, seen) => applied >= seen,
  // Neither what the state machine could still lose, nor what costs a follower a snapshot.
  compactThrough: ({ safe, untilTail }) => Math.min(safe, untilTail) as Index,
  mayInstall: ({ isStored, isCovered }) => isStored || isCovered,
};

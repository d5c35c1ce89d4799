// What a node does with what its disk holds when it starts: a pure decision over log, snapshots and state machine.
//
// The log says what this node has promised, so it decides; a snapshot or a state machine that contradicts it stops the
// node. The one exception is a snapshot that ends beyond the log: it was received, and the crash came before the log's
// new base was written. It holds committed state only, so the base is written now.

import type { Configuration, Index, LogId, Options, SnapshotMeta, Term } from '../core/api.ts';
import { isUnknown } from '../core/configuration.ts';
import type { RecoveredLog } from './ports.ts';

export interface FoundOnDisk {
  readonly log: RecoveredLog;
  readonly newest: SnapshotMeta | undefined;
  /** The last entry that the state machine has made durable itself; undefined for one in memory. */
  readonly machine: LogId | undefined;
  /** The members of a new cluster, for its first start only. */
  readonly bootstrap: Configuration | undefined;
  /** The node joins a cluster: it waits to be sent everything, the configuration too. */
  readonly isJoining: boolean;
}

export type StartPlan =
  | { readonly kind: 'stop'; readonly reason: string }
  | {
      readonly kind: 'start';
      /** To be made durable first: the new base, and the term it implies. */
      readonly write: Pick<RecoveredLog, 'base' | 'hardState'> | undefined;
      /** To be read into the state machine next. */
      readonly restoreFrom: SnapshotMeta | undefined;
      /** To start the core with. */
      readonly restore: Options['restore'];
    };

export function planStart(found: FoundOnDisk): StartPlan {
  const { log, newest, machine, bootstrap, isJoining } = found;
  if (isPristine(log)) {
    if (newest !== undefined || (machine !== undefined && machine.index > 0)) {
      const what = newest === undefined ? 'the state machine has state' : `a snapshot ends at ${newest.last.index}`;
      return stop(
        `the log is empty, but ${what}: the log's files are missing. Restore the whole data directory, or none`,
      );
    }
    if (isJoining) {
      if (bootstrap === undefined) return start(log, false, undefined, 0 as Index);
      return stop('a node joins a cluster or begins a new one, not both');
    }
    if (bootstrap === undefined || bootstrap.voters.length === 0) {
      return stop('the log is empty: a first start needs the configuration of the new cluster');
    }
    const base = { last: log.base.last, configuration: bootstrap };
    return start({ ...log, base }, true, undefined, 0 as Index);
  }
  const isAdopted = newest !== undefined && passesLog(log, newest);
  const based = isAdopted ? rebased(log, newest) : log;
  return machine === undefined ? planMemory(based, isAdopted, newest) : planDurable(based, isAdopted, newest, machine);
}

function planMemory(log: RecoveredLog, isAdopted: boolean, newest: SnapshotMeta | undefined): StartPlan {
  const first = log.base.last.index + 1;
  const reached = newest?.last.index ?? 0;
  if (reached < log.base.last.index) {
    const snapshot = newest === undefined ? 'there is no snapshot' : `the newest snapshot ends at ${reached}`;
    return stop(`the log begins at ${first} and ${snapshot}: the state before ${first} is missing`);
  }
  return start(log, isAdopted, newest, reached as Index);
}

function planDurable(
  log: RecoveredLog,
  isAdopted: boolean,
  newest: SnapshotMeta | undefined,
  machine: LogId,
): StartPlan {
  const base = log.base.last.index;
  if (machine.index < base) {
    // §7: the log no longer has what the state machine lacks; the snapshot that replaced it must be there.
    if (newest !== undefined && newest.last.index >= base) return start(log, isAdopted, newest, newest.last.index);
    return stop(
      `the state machine has applied ${machine.index}, the log begins at ${base + 1} and no snapshot covers the gap: ` +
        'state and log are from different times',
    );
  }
  const term = termAt(log, machine.index);
  if (term === undefined) {
    return stop(
      `the state machine has applied ${machine.index}, but the log ends at ${lastOf(log).index}: the log has lost entries`,
    );
  }
  if (term !== machine.term) {
    return stop(
      `entry ${machine.index} was applied with term ${machine.term} and has term ${term} in the log: ` +
        'state and log are from different members',
    );
  }
  return start(log, isAdopted, undefined, machine.index);
}

function start(
  log: RecoveredLog,
  isNewBase: boolean,
  restoreFrom: SnapshotMeta | undefined,
  applied: Index,
): StartPlan {
  // The commit index on disk is lazy; what a snapshot or the state machine holds was committed.
  const commit = Math.max(log.hardState.commit, log.base.last.index, applied) as Index;
  const hardState = { ...log.hardState, commit };
  return {
    kind: 'start',
    write: isNewBase ? { base: log.base, hardState } : undefined,
    restoreFrom,
    restore: { hardState, base: log.base, entries: log.entries, applied },
  };
}

function stop(reason: string): StartPlan {
  return { kind: 'stop', reason };
}

/** Whether nothing was ever written to this log. */
export function isPristine({
  base,
  entries,
  hardState,
}: Pick<RecoveredLog, 'base' | 'entries' | 'hardState'>): boolean {
  return (
    base.last.index === 0 && base.configuration.voters.length === 0 && entries.length === 0 && hardState.term === 0
  );
}

/** Whether the snapshot ends where the log has no such entry. */
function passesLog(log: RecoveredLog, { last }: SnapshotMeta): boolean {
  return last.index > log.base.last.index && termAt(log, last.index) !== last.term;
}

function rebased(log: RecoveredLog, base: SnapshotMeta): RecoveredLog {
  const { hardState } = log;
  // A snapshot of a later term came from a leader of such a term; no vote was cast in it here, or the log would know it.
  const adopted =
    hardState.term >= base.last.term ? hardState : { ...hardState, term: base.last.term, votedFor: undefined };
  const configuration = isUnknown(base.configuration) ? log.base.configuration : base.configuration;
  return { base: { ...base, configuration }, entries: [], hardState: { ...adopted, commit: base.last.index } };
}

function termAt({ base, entries }: RecoveredLog, index: Index): Term | undefined {
  if (index === base.last.index) return base.last.term;
  return entries[index - base.last.index - 1]?.term;
}

function lastOf({ base, entries }: RecoveredLog): LogId {
  return entries.at(-1) ?? base.last;
}

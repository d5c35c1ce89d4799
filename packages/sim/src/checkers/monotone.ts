// What never falls: the term of a member, also on its disk; the commit index of a process; the applied index of a state
// machine; the revision of a store, which is besides a function of the applied index (figure 2).

import type { LogId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';

export function monotoneTerm({ report }: Watched): Checker {
  return {
    handedToLog: ({ id, hardWritten }, { hardState }) => {
      if (hardState === undefined || hardState.term >= (hardWritten?.term ?? 0)) return;
      report('MonotoneTerm', `${id} writes term ${hardState.term} after ${hardWritten?.term}`);
    },
    turnEnded: ({ id, status: before, hardWritten }, { term }) => {
      const least = Math.max(before?.term ?? 0, hardWritten?.term ?? 0);
      if (term < least) report('MonotoneTerm', `${id} is in term ${term} after ${least}`);
    },
  };
}

export function monotoneCommit({ report }: Watched): Checker {
  return {
    handedToLog: ({ id, hardWritten }, { hardState }) => {
      if (hardState === undefined || hardState.commit >= (hardWritten?.commit ?? 0)) return;
      report('MonotoneCommit', `${id} writes commit ${hardState.commit} after ${hardWritten?.commit}`);
    },
    turnEnded: ({ id, status: before }, { commit, last }) => {
      if (commit < (before?.commit ?? 0))
        report('MonotoneCommit', `${id} has commit ${commit} after ${before?.commit}`);
      if (commit > last.index)
        report('MonotoneCommit', `${id} has commit ${commit} beyond its last index ${last.index}`);
    },
  };
}

export function monotoneApplied({ report }: Watched): Checker {
  const moves = ({ id, applied }: NodeRecord, last: LogId, how: string): void => {
    if (applied === undefined || last.index > applied.index) return;
    report('MonotoneApplied', `${id} ${how} ${last.index} after it had applied ${applied.index}`);
  };
  return {
    opened: ({ id, flushed }, applied) => {
      if (applied < flushed) report('MonotoneApplied', `${id} starts at ${applied}, it had made ${flushed} durable`);
    },
    applied: (node, _, last) => moves(node, last, 'applied'),
    restored: (node, last) => moves(node, last, 'restored'),
    turnEnded: ({ id, status: before }, { applied }) => {
      if (applied < (before?.applied ?? 0)) report('MonotoneApplied', `${id} says ${applied} after ${before?.applied}`);
    },
  };
}

export function monotoneRevision({ report }: Watched): Checker {
  /** As found first; members apply in batches of different sizes, so not every index is here. */
  const revisions = new Map<number, { readonly revision: number; readonly by: string }>();
  const is = ({ id, applied, revision: before }: NodeRecord, last: LogId, revision: number): void => {
    if (applied !== undefined && revision < before) {
      report('MonotoneRevision', `${id} is at revision ${revision} after ${before}`);
    }
    const known = revisions.get(last.index);
    if (known === undefined) revisions.set(last.index, { revision, by: id });
    else if (known.revision !== revision) {
      const other = `${known.by} was at ${known.revision}`;
      report('MonotoneRevision', `${id} is at revision ${revision} with entry ${last.index} applied, ${other}`);
    }
  };
  return {
    applied: (node, _, last, revision) => is(node, last, revision),
    restored: (node, last, revision) => is(node, last, revision),
  };
}

// A log that begins after a snapshot, or after a prefix that it has given up, begins with the configuration as of its base
// (§7, thesis §4.1). What that is, is known from those that have applied the entries before.

import type { Configuration, NodeId, Persist } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import { nameOf, sameMembers } from './configuration-overlap.ts';
import type { ConfigurationAt } from './node-log.ts';
import type { NodeRecord } from './node-record.ts';

export function snapshotConfiguration({ report }: Watched): Checker {
  /** Committed ones, oldest first. */
  const committed: ConfigurationAt[] = [];
  /** Up to where the configurations of each node were looked at. */
  const seen = new Map<NodeId, number>();

  const learn = ({ id, written }: NodeRecord, through: number): void => {
    const from = seen.get(id) ?? -1;
    const newest = written.configuration;
    if (newest === undefined || newest.index <= from) return;
    for (const one of written.configurations) {
      if (one.index > through || one.index <= from || isUnknown(one.configuration)) continue;
      seen.set(id, Math.max(seen.get(id) ?? -1, one.index));
      const at = committed.findLastIndex(({ index }) => index <= one.index);
      const before = committed[at];
      if (before !== undefined && sameMembers(before.configuration, one.configuration)) continue;
      committed.splice(at + 1, 0, one);
    }
  };

  return {
    // What is applied is committed, and in the log as it was written.
    turnEnded: (node, status) => {
      if (status.applied !== node.status?.applied) learn(node, status.applied);
    },
    handedToLog: (node, { base }: Persist) => {
      if (base === undefined) return;
      const { last, configuration } = base;
      const isOwn = node.written.termAt(last.index) === last.term;
      if (isOwn) learn(node, last.index);
      const asOf = isOwn
        ? node.written.configurations.find(({ index }) => index <= last.index)
        : committed.findLast(({ index }) => index <= last.index);
      if (asOf === undefined || isUnknown(asOf.configuration) || sameMembers(asOf.configuration, configuration)) return;
      // Who joins does not know what the cluster began with, until an entry tells of a change.
      if (isUnknown(configuration) && asOf === committed[0]) return;
      const found = `says ${nameOf(configuration)}; there it was ${nameOf(asOf.configuration)}`;
      report('SnapshotConfiguration', `the log of ${node.id} begins after ${last.index}@${last.term} and ${found}`);
    },
  };
}

function isUnknown({ voters }: Configuration): boolean {
  return voters.length === 0;
}

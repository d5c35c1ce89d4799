// What is committed (§5.3, §5.4.2), and what is handed to the state machine: committed and durable here, in order, each
// entry once, in batches bounded in bytes.

import type { Applicable, Entry, Index, LogId, NodeId, Term } from './api.ts';
import { assert } from './assert.ts';
import { entryBytes } from './log.ts';
import { configurationOf, type Leader, type Node, peerOf } from './node.ts';
import { lower, plus } from './numbers.ts';
import { reachedByQuorum } from './quorum.ts';
import { releaseReads, wakeReads } from './reads.ts';

/** A leader only ever adds to its own log (§5.3, Leader Append-Only). The entry must follow the last one. */
export function appendOwn(node: Node, leader: Leader, entry: Entry): LogId {
  node.log.append(entry);
  leader.uncommittedBytes += entryBytes(entry);
  const { index, term, kind } = entry;
  node.settings.why?.('lead.append', { index, term, payload: kind });
  return { term, index };
}

/** §5.3, §5.4.2: the highest entry that a quorum has durable, if it is of this leader's term. */
export function advanceCommit(node: Node, leader: Leader): void {
  const { log, durability, settings, rules } = node;
  // A leader counts its own copy only when it is durable; the others may well be first (thesis §10.2.1).
  const own = rules.ownMatch(durability.durable, log.lastIndex);
  const reached = (voter: NodeId): number => (voter === settings.id ? own : (peerOf(leader, voter)?.match ?? 0));
  // thesis §4.2.2: it does not count at all when it is no voter any more.
  const stored = reachedByQuorum(rules.voterSets(configurationOf(node), 'commit'), reached, rules.majority);
  const index = lower(stored as Index, log.lastIndex);
  if (index <= node.commit) return;
  const term = log.termAt(index) ?? (0 as Term);
  if (!rules.mayCommitByCounting(term, node.term)) {
    settings.why?.('lead.commit.old', { index, term, current: node.term });
    return;
  }
  settings.why?.('lead.commit', { from: node.commit, to: index });
  for (const entry of log.between(plus(node.commit, 1), index)) leader.uncommittedBytes -= entryBytes(entry);
  node.commit = index;
  wakeReads(node, leader);
}

/** The next batch for the state machine. A restored base comes first, in its place among the entries. */
export function nextApply(node: Node): readonly Applicable[] {
  const { log, durability, settings, rules } = node;
  const base = log.base.last.index;
  const through = rules.applyThrough(node.commit, durability.durable);
  if (through <= node.applying || through < base) return [];
  const batch: Applicable[] = [];
  if (base > node.applying) {
    settings.why?.('is.8', { last: log.base.last });
    batch.push({ kind: 'restore', snapshot: log.base });
    node.applying = base;
    node.applyBatches.push({ last: base, bytes: 0 });
  }
  const room = settings.limits.applyBytes - node.applyingBytes;
  if (room > 0 && node.applying < through) {
    const from = plus(node.applying, 1);
    let bytes = 0;
    for (const entry of log.slice(from, room, through)) {
      batch.push({ kind: 'entry', entry });
      bytes += entryBytes(entry);
      node.applying = entry.index;
    }
    node.applyingBytes += bytes;
    node.applyBatches.push({ last: node.applying, bytes });
    settings.why?.('all.apply', { from, through: node.applying, commit: node.commit });
  }
  return batch;
}

export function noteApplied(node: Node, through: Index): void {
  assert(through <= node.applying, () => `applied ${through} was never handed out; the newest is ${node.applying}`);
  if (through <= node.applied) return;
  node.applied = through;
  while ((node.applyBatches[0]?.last ?? Number.POSITIVE_INFINITY) <= through) {
    node.applyingBytes -= node.applyBatches.shift()?.bytes ?? 0;
  }
  releaseReads(node);
}

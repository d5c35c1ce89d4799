// A follower's half of replication (§5.3, figure 2 "AppendEntries RPC") and of snapshots (§7, figure 13). Everything from a
// leader passes the same consistency check; a heartbeat is nothing special.

import type { Entry, Index, MessageOf } from './api.ts';
import { assert } from './assert.ts';
import { isUnknown } from './configuration.ts';
import { lowerDurability, termIsDurable } from './durability.ts';
import { entryBytes } from './log.ts';
import { type Node, ownEntry, send } from './node.ts';
import { higher, lower, plus } from './numbers.ts';
import { becomeFollower, keepQuiet } from './roles.ts';

type LeaderMessage = MessageOf<'appendEntries'> | MessageOf<'installSnapshot'>;

export function onAppendEntries(node: Node, message: MessageOf<'appendEntries'>): void {
  const { log, settings } = node;
  const { prev, entries, from } = message;
  if (!isWellFormed(message)) {
    settings.why?.('drop.odd', { from, prev, entries: entries.length });
    return;
  }
  if (message.term < node.term) {
    // §5.1. Answered, because a leader that has fallen behind steps down by it, and a stuck candidate is freed.
    settings.why?.('ae.1', { from, term: message.term, current: node.term });
    reject(node, message);
    return;
  }
  if (!followLeader(node, message)) return;

  // What lies below our base is committed, so it is the same in the log of every leader of this term or later.
  const base = log.base.last.index;
  const hasPrev = prev.index < base || log.contains(prev);
  if (!node.rules.isConsistent(hasPrev, entries.length)) {
    assert(
      prev.index > node.commit,
      () => `leader ${from} of term ${node.term} denies committed entry ${prev.index} (commit ${node.commit})`,
    );
    settings.why?.('ae.2', { from, prev, ours: log.idAt(prev.index), last: log.last });
    reject(node, message);
    return;
  }

  const { covered, isFull } = appendNew(node, message);
  commitUpTo(node, message.commit, covered);
  // A leader cannot tell "not taken" from "not durable yet": it would go on behind these entries, be rejected, and come
  // again at once, for as long as there is no room. Unanswered, it asks with its next heartbeat.
  if (!isFull) answer(node, message, covered, entries.length);
}

/** §5.2: whoever sends this leads the current term. Candidates give way; the timer starts again. Answers whether to go on. */
function followLeader(node: Node, message: LeaderMessage): boolean {
  assert(node.role.kind !== 'leader', () => `${message.from} and ${node.settings.id} both lead term ${node.term}`);
  assert(
    node.leader === undefined || node.leader === message.from,
    () => `${message.from} and ${node.leader} both lead term ${node.term}`,
  );
  if (node.role.kind !== 'follower') {
    if (!node.rules.givesWay()) return false;
    node.settings.why?.('cand.yield', { role: node.role.kind, leader: message.from });
  }
  becomeFollower(node, node.term, message.from);
  node.votedFor = node.rules.votedForAfterAppend(node.votedFor, message.from);
  node.heardAt = node.now;
  keepQuiet(node, 'appendEntries');
  return true;
}

/** Receiver 3 and 4: cut at the first conflict, append what is new, if there is room. `covered` is the last entry proven. */
function appendNew(
  node: Node,
  message: MessageOf<'appendEntries'>,
): { readonly covered: Index; readonly isFull: boolean } {
  const { log, rules, settings } = node;
  const { prev, entries } = message;
  const base = log.base.last.index;
  const covered = higher(plus(prev.index, entries.length), base);
  const conflict = log.conflictAt(entries);
  const cut = rules.truncateFrom({ conflict, prev: prev.index, last: log.lastIndex });
  if (cut !== undefined && cut <= log.lastIndex) {
    assert(
      cut > node.commit,
      () => `leader ${message.from} of term ${node.term} overwrites entry ${cut} (commit ${node.commit})`,
    );
    settings.why?.('ae.3', { from: cut, through: log.lastIndex });
    truncate(node, cut);
  }
  const fresh = entries.slice(Math.max(0, log.lastIndex - prev.index));
  if (fresh.length === 0) {
    if (entries.length > 0) settings.why?.('ae.dup', { prev, entries: entries.length });
    return { covered, isFull: false };
  }
  if (exceedsMemory(node, fresh)) {
    // Memory is bounded: what is not flushed cannot be evicted, so nothing more is taken. The leader will come again.
    settings.why?.('ae.full', { bytes: log.bytes, limit: settings.limits.logBytes });
    return { covered: lower(covered, log.lastIndex), isFull: true };
  }
  const before = log.configuration;
  for (const entry of fresh) log.append(ownEntry(entry));
  settings.why?.('ae.4', { from: fresh[0]?.index, through: log.lastIndex });
  if (log.configuration !== before) settings.why?.('cfg.active', log.configuration);
  return { covered, isFull: false };
}

function truncate(node: Node, from: Index): void {
  const { log, rules, settings } = node;
  const before = log.configuration;
  log.truncate(from, !rules.rollsBack());
  lowerDurability(node, log.last);
  // thesis §4.1: a configuration that is cut off was never in force.
  if (log.configuration !== before) settings.why?.('cfg.rollback', log.configuration);
}

function exceedsMemory(node: Node, fresh: readonly Entry[]): boolean {
  if (node.log.bytes === 0) return false;
  let bytes = node.log.bytes;
  for (const entry of fresh) bytes += entryBytes(entry);
  return bytes > node.settings.limits.logBytes;
}

/** Receiver 5. What follows the covered entries has not been compared with the leader's log, so it is not committed by this. */
function commitUpTo(node: Node, leaderCommit: Index, covered: Index): void {
  const last = node.log.lastIndex;
  const allowed = node.rules.followerCommit({ leaderCommit, covered, last });
  const commit = lower(allowed, last);
  if (commit <= node.commit) return;
  node.settings.why?.('ae.5', { from: node.commit, to: commit, leaderCommit, covered });
  node.commit = commit;
}

/**
 * Answers twice where it must: at once with the durable match, so that reads and check-quorum do not hang on a slow disk,
 * and again when what is new is durable. A term that is not yet durable answers only once it is.
 */
function answer(node: Node, { from: to, round }: LeaderMessage, covered: Index, entries: number): void {
  const claim = node.rules.mayClaim(node.durability.durable, covered, entries);
  const promisesNothing = termIsDurable(node);
  if (promisesNothing) {
    const outcome = { kind: 'matched', match: claim } as const;
    send(node, { kind: 'appendEntriesReply', from: node.settings.id, to, term: node.term, round, outcome });
  }
  if (!promisesNothing || claim < covered) {
    // A late, shorter message must not make this node forget what it still owes for a longer one.
    const { pendingAck } = node;
    const match = pendingAck === undefined ? covered : higher(pendingAck.match, covered);
    node.pendingAck = { to, round: Math.max(round, pendingAck?.round ?? 0), match };
  }
}

function reject(node: Node, { from, prev, round }: MessageOf<'appendEntries'>): void {
  // Both logs agree up to the commit index, so that is how far down a conflict can reach.
  const conflict = node.log.conflictBelow(prev.index, plus(node.commit, 1));
  const outcome = { kind: 'rejected', rejected: prev.index, ...conflict } as const;
  send(node, { kind: 'appendEntriesReply', from: node.settings.id, to: from, term: node.term, round, outcome });
}

/**
 * §7. The bytes are already durable here. If the log has the snapshot's last entry, it has all that the snapshot covers
 * (Log Matching): nothing is dropped and nothing restored. Otherwise the log begins anew after it.
 */
export function onInstallSnapshot(node: Node, message: MessageOf<'installSnapshot'>): void {
  const { log, settings } = node;
  const { snapshot, from, round } = message;
  const { last } = snapshot;
  if (message.term < node.term) {
    settings.why?.('is.1', { from, term: message.term, current: node.term });
    const outcome = { kind: 'rejected', rejected: last.index, ...log.conflictBelow(last.index, last.index) } as const;
    send(node, { kind: 'appendEntriesReply', from: settings.id, to: from, term: node.term, round, outcome });
    return;
  }
  if (!followLeader(node, message)) return;
  settings.why?.('is.5', { last });

  if (node.rules.hasAllOf({ last, commit: node.commit, isInLog: log.contains(last) })) {
    settings.why?.('is.6', { last, ours: log.last, commit: node.commit });
    // Everything a snapshot covers is committed.
    commitUpTo(node, last.index, last.index);
    answer(node, message, last.index, 0);
    return;
  }

  settings.why?.('is.7', { last, ours: log.last });
  const committed = log.idAt(node.commit);
  assert(committed !== undefined, () => `commit ${node.commit} is not between ${log.first} and ${log.lastIndex}`);
  lowerDurability(node, committed);
  const known = isUnknown(snapshot.configuration) ? log.configurationAt(node.commit) : snapshot.configuration;
  log.reset({ last, configuration: node.rules.configurationAfterRestore(known, log.configuration) });
  node.durability.baseDirty = true;
  node.commit = last.index;
  answer(node, message, last.index, 0);
}

/** What no correct leader breaks: entries follow `prev` one by one, terms never fall and never pass the leader's own. */
function isWellFormed(message: MessageOf<'appendEntries'>): boolean {
  let { index, term } = message.prev;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > message.term) return false;
    index = entry.index;
    term = entry.term;
  }
  return term <= message.term;
}

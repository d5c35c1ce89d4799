// A leader's half of snapshots and the compaction of the log (§7). Bytes are not here: the driver streams them and says how
// it went. A log in memory is what a snapshot does not cover yet, so compaction waits for transfers, within limits.

import type { Index, InputOf, Verdict } from './api.ts';
import { type Leader, type Node, peerOf, send } from './node.ts';
import { higher, lower } from './numbers.ts';
import { becomeProbe, type Peer } from './progress.ts';
import { startRound } from './rounds.ts';

/** A transfer holds compaction back for at most this many election timeouts, … */
const holdTimeouts = 60;
/** … and only while the log is smaller than this share of its limit. */
const holdBytesShare = 0.5;
/** A follower that has the bytes but does not take the snapshot within this many election timeouts starts over. */
const installTimeouts = 4;

/** The bytes are durable at the follower: tell it to take them. */
export function onSnapshotSent(node: Node, { to, snapshot }: InputOf<'snapshotSent'>): Verdict {
  const { role } = node;
  if (role.kind !== 'leader') return { kind: 'refused', reason: 'notLeader', leader: node.leader };
  const peer = peerOf(role, to);
  if (peer?.flow.kind !== 'snapshot') return { kind: 'accepted', at: undefined };
  peer.flow.pending = snapshot.last.index;
  peer.flow.sent = { snapshot, at: node.now };
  sendInstall(node, role, peer);
  return { kind: 'accepted', at: undefined };
}

export function onSnapshotFailed(node: Node, { to }: InputOf<'snapshotFailed'>): Verdict {
  const { role } = node;
  if (role.kind !== 'leader') return { kind: 'refused', reason: 'notLeader', leader: node.leader };
  const peer = peerOf(role, to);
  if (peer?.flow.kind === 'snapshot') giveUp(node, peer);
  return { kind: 'accepted', at: undefined };
}

/**
 * Tells a follower that has the bytes to take them. The message may be lost, so it is said again with each heartbeat, until
 * it is answered (by an appendEntriesReply) or given up.
 */
export function sendInstall(node: Node, leader: Leader, peer: Peer): void {
  if (peer.flow.kind !== 'snapshot' || peer.flow.sent === undefined) return;
  const { snapshot } = peer.flow.sent;
  const round = startRound(node, leader, peer);
  send(node, { kind: 'installSnapshot', from: node.settings.id, to: peer.id, term: node.term, snapshot, round });
}

/** Back to probing, which finds out anew what the follower needs; but only after a sign of life from it. */
function giveUp(node: Node, peer: Peer): void {
  becomeProbe(peer, peer.next);
  if (peer.flow.kind === 'probe') peer.flow.awaited = { round: node.round + 1, last: peer.match, bytes: 0 };
}

export function expireSnapshots(node: Node): void {
  const { role, settings } = node;
  if (role.kind !== 'leader') return;
  for (const peer of role.peers) {
    if (peer.flow.kind !== 'snapshot' || peer.flow.sent === undefined) continue;
    if (node.now - peer.flow.sent.at >= installTimeouts * settings.electionTicks) giveUp(node, peer);
  }
}

/** The state machine has made everything through this index durable, in a snapshot or in itself. */
export function onCompacted(node: Node, { through }: InputOf<'compacted'>): Verdict {
  if (through > node.applied) return { kind: 'refused', reason: 'invalid', leader: node.leader };
  node.compactWanted = higher(node.compactWanted, through);
  return { kind: 'accepted', at: undefined };
}

/** Drops what nobody needs any more. Called when a turn ends: what held it back may be gone. */
export function compactLog(node: Node): void {
  const { log } = node;
  if (node.compactWanted <= log.base.last.index) return;
  const through = lower(node.compactWanted, heldFrom(node));
  if (through <= log.base.last.index) return;
  log.compact(through);
  node.durability.baseDirty = true;
}

/** The lowest index that a transfer in progress goes on from. */
function heldFrom(node: Node): Index {
  const { role, settings, log, now } = node;
  let lowest = log.lastIndex;
  if (role.kind !== 'leader' || log.bytes > settings.limits.logBytes * holdBytesShare) return lowest;
  for (const { flow } of role.peers) {
    if (flow.kind !== 'snapshot' || now - flow.since >= holdTimeouts * settings.electionTicks) continue;
    lowest = lower(lowest, flow.pending);
  }
  return lowest;
}

// A leader's half of replication (§5.3). All messages of a turn are built when it ends, so that everything that came in
// costs one message per follower: entries, the commit index, heartbeats and the rounds that reads wait for.

import type { Index, LogId, MessageOf } from './api.ts';
import { advanceCommit } from './commit.ts';
import { entryBytes } from './log.ts';
import { type Leader, type Node, peerOf, send } from './node.ts';
import { higher, lower, plus } from './numbers.ts';
import { becomeProbe, becomeReplicate, becomeSnapshot, noteInflight, noteMatch, type Peer } from './progress.ts';
import { awaitedRound, confirmReads, quorumContact } from './reads.ts';
import { startRound, whenSent } from './rounds.ts';
import { sendInstall } from './snapshots.ts';

type ReplyMessage = MessageOf<'appendEntriesReply'>;
type Rejected = Extract<ReplyMessage['outcome'], { readonly kind: 'rejected' }>;

/** Without a limit of its own, this many full messages may be on their way to one follower. */
const inflightMessagesOfBytes = 8;

/** Everything a leader has to say at the end of a turn. */
export function sendAppends(node: Node, leader: Leader): void {
  const awaited = awaitedRound(leader);
  for (const peer of leader.peers) {
    sendEntries(node, leader, peer);
    if (owesMessage(node, peer, awaited)) sendHeartbeat(node, leader, peer);
  }
}

/** An empty message is due as a heartbeat, to carry news of commit, or for a round that a read waits for. */
function owesMessage(node: Node, peer: Peer, awaited: number): boolean {
  if (node.now - peer.sentAt >= node.settings.heartbeatTicks) return true;
  if (peer.sentRound < awaited) {
    node.settings.why?.('ri.round', { to: peer.id, awaited });
    return true;
  }
  // Only who is known to match can use it: commit is bounded by what the message covers.
  return peer.flow.kind === 'replicate' && peer.sentCommit < lower(node.commit, plus(peer.next, -1));
}

function sendEntries(node: Node, leader: Leader, peer: Peer): void {
  const { log, settings } = node;
  const { limits } = settings;
  if (peer.flow.kind === 'probe' && peer.flow.awaited !== undefined) return;
  if (peer.flow.kind !== 'snapshot' && peer.next < log.first) wantSnapshot(node, peer);
  if (peer.flow.kind === 'probe') {
    const prev = log.idAt(plus(peer.next, -1));
    if (prev === undefined) return;
    const { round, last, bytes } = sendFrom(node, leader, peer, prev);
    peer.flow.awaited = { round, last, bytes };
    return;
  }
  if (peer.flow.kind !== 'replicate') return;
  const inflightBytesMax = limits.inflightBytes ?? inflightMessagesOfBytes * limits.messageBytes;
  while (
    peer.next <= log.lastIndex &&
    peer.flow.inflight.length < limits.inflightMessages &&
    peer.flow.inflightBytes < inflightBytesMax
  ) {
    const prev = log.idAt(plus(peer.next, -1));
    if (prev === undefined) return;
    const { last, bytes } = sendFrom(node, leader, peer, prev);
    noteInflight(peer, last, bytes);
    peer.next = plus(last, 1);
  }
}

/** Sends what fits into one message after `prev`. */
function sendFrom(node: Node, leader: Leader, peer: Peer, prev: LogId): { round: number; last: Index; bytes: number } {
  const entries = node.log.slice(plus(prev.index, 1), node.settings.limits.messageBytes);
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  const last = plus(prev.index, entries.length);
  if (entries.length > 0) node.settings.why?.('lead.send', { to: peer.id, from: plus(prev.index, 1), through: last });
  const round = startRound(node, leader, peer);
  const commit = node.commit;
  peer.sentCommit = lower(commit, last);
  const { id } = node.settings;
  send(node, { kind: 'appendEntries', from: id, to: peer.id, term: node.term, prev, entries, commit, round });
  return { round, last, bytes };
}

/** An empty AppendEntries. It stands where the next entries would, so a follower that missed some says so. */
function sendHeartbeat(node: Node, leader: Leader, peer: Peer): void {
  const { log, settings, commit } = node;
  const prev = (peer.flow.kind === 'snapshot' ? undefined : log.idAt(plus(peer.next, -1))) ?? log.base.last;
  const round = startRound(node, leader, peer);
  peer.sentCommit = lower(commit, prev.index);
  send(node, {
    kind: 'appendEntries',
    from: settings.id,
    to: peer.id,
    term: node.term,
    prev,
    entries: [],
    commit,
    round,
  });
  sendInstall(node, leader, peer);
}

/** Asks for a snapshot for a follower that needs entries which the log no longer has (§7). */
function wantSnapshot(node: Node, peer: Peer): void {
  // Nobody streams to who is not there: a heartbeat's answer comes first.
  if (node.now - peer.contact >= node.settings.electionTicks) return;
  becomeSnapshot(peer, node.log.base.last.index, node.now);
  node.out.snapshotsWanted.push(peer.id);
}

export function onAppendEntriesReply(node: Node, message: ReplyMessage): void {
  const { role, settings } = node;
  const why = settings.why;
  const { from, round, outcome } = message;
  if (role.kind !== 'leader' || !node.rules.acceptsReply(message.term, node.term)) {
    why?.('drop.stale-reply', { from, term: message.term, round });
    return;
  }
  const peer = peerOf(role, from);
  if (peer === undefined) {
    why?.('drop.not-member', { from });
    return;
  }
  if (!node.rules.acceptsRound(round, peer.addedAfter)) {
    why?.('drop.stale-reply', { from, round, addedAfter: peer.addedAfter });
    return;
  }
  if (round > peer.sentRound || (outcome.kind === 'matched' && outcome.match > node.log.lastIndex)) {
    why?.('drop.odd', { from, round, outcome });
    return;
  }
  noteContact(node, role, peer, round);
  if (outcome.kind === 'matched') onMatched(node, role, peer, round, outcome.match);
  else onRejected(node, peer, round, outcome);
}

/** The follower counted us as its leader when this round reached it: good for reads, the quorum window and the lease. */
function noteContact(node: Node, leader: Leader, peer: Peer, round: number): void {
  if (round <= peer.answeredRound) return;
  const { why, leaseReads, checkQuorum } = node.settings;
  const before = why === undefined ? 0 : quorumContact(node, leader);
  peer.answeredRound = round;
  peer.contact = Math.max(peer.contact, whenSent(leader, round) ?? 0);
  if (why !== undefined && quorumContact(node, leader) > before) {
    if (checkQuorum) why('cq.ok', { from: peer.id, round });
    if (leaseReads) why('lease.renew', { from: peer.id, round });
  }
  confirmReads(node, leader);
}

function onMatched(node: Node, leader: Leader, peer: Peer, round: number, match: Index): void {
  const moved = noteMatch(peer, node.rules.matchOf(match, peer.next));
  if (moved) node.settings.why?.('lead.ok', { from: peer.id, match: peer.match, next: peer.next });
  const { flow } = peer;
  if (flow.kind === 'probe' && flow.awaited !== undefined && round >= flow.awaited.round) {
    const { awaited } = flow;
    becomeReplicate(peer);
    if (round === awaited.round && awaited.last >= peer.next) {
      // The follower has what the probe carried, though perhaps not yet on disk.
      peer.next = plus(awaited.last, 1);
      noteInflight(peer, awaited.last, awaited.bytes);
    }
  } else if (flow.kind === 'snapshot' && peer.match >= node.log.base.last.index) {
    // Whatever brought it there, the log can take over.
    becomeReplicate(peer);
  } else if (flow.kind === 'snapshot' && flow.sent !== undefined && peer.match >= flow.sent.snapshot.last.index) {
    // It has taken the snapshot, but the log has gone on without waiting: it needs a newer one.
    becomeProbe(peer, plus(peer.match, 1));
  }
  if (moved) advanceCommit(node, leader);
}

/** §5.3: back up, further than one entry at a time where the follower's hint allows. */
function onRejected(node: Node, peer: Peer, round: number, outcome: Rejected): void {
  const { rejected, conflictTerm, tryIndex } = outcome;
  const { log, rules, settings } = node;
  // A probe awaits one answer; a pipeline may hear several, all above what is proven. Anything else is late or doubled.
  const stale =
    peer.flow.kind === 'snapshot' ||
    rejected <= peer.match ||
    rejected >= peer.next ||
    (peer.flow.kind === 'probe' && rejected !== peer.next - 1);
  if (stale) {
    settings.why?.('drop.stale-reply', { from: peer.id, rejected, match: peer.match, next: peer.next });
    // A probe that nothing was sent for (its entries are gone) waits only for a sign of life.
    if (peer.flow.kind === 'probe' && round >= (peer.flow.awaited?.round ?? 0)) peer.flow.awaited = undefined;
    return;
  }
  const lastOfTerm = (term: LogId['term']): Index | undefined => log.lastOfTerm(term, plus(rejected, -1));
  const wanted = rules.backOff({ rejected, match: peer.match, conflictTerm, tryIndex, lastOfTerm });
  const next = higher(plus(peer.match, 1), lower(wanted, rejected));
  settings.why?.('lead.backoff', { from: peer.id, rejected, conflictTerm, tryIndex, next });
  becomeProbe(peer, next);
}

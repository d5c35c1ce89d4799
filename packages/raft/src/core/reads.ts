// Linearizable reads without the log (§8, thesis §6.4). A read is confirmed by a round that began after it was noted, so
// every message has a round id of its own, and a retried read waits for a newer one. Leases (thesis §6.4.1) trust clocks
// instead and are an option.

import type { Index, InputOf, MessageOf, NodeId, Verdict } from './api.ts';
import { isVoter } from './configuration.ts';
import { configurationOf, type Leader, type Node, send } from './node.ts';
import { reachedByQuorum } from './quorum.ts';

/** Reads that wait at one node, its own and its followers'. Past it a read is refused. */
const waitingReadsMax = 65_536;

/** What a lease assumes of clocks unless `Options.clockDriftPercent` says otherwise. */
const defaultDriftPercent = 10;

export function onRead(node: Node, input: InputOf<'read'>): Verdict {
  const { role, leader, settings } = node;
  if (role.kind === 'leader') {
    if (role.reads.length >= waitingReadsMax) return { kind: 'refused', reason: 'overloaded', leader };
    const byLease = input.mode === 'lease' && mayServeByLease(node, role);
    if (byLease) confirm(node, input.readId, node.commit);
    else noteRead(node, role, input.readId, undefined);
    return { kind: 'accepted', at: undefined };
  }
  if (leader === undefined) return { kind: 'refused', reason: 'notLeader', leader };
  if (node.forwardedReads.length >= waitingReadsMax) return { kind: 'refused', reason: 'overloaded', leader };
  node.forwardedReads.push({ readId: input.readId, since: node.now });
  send(node, { kind: 'readIndex', from: settings.id, to: leader, term: node.term, readId: input.readId });
  return { kind: 'accepted', at: undefined };
}

/** A follower asks. Whoever cannot answer says so at once: the follower's reader must not wait for nothing. */
export function onReadIndex(node: Node, message: MessageOf<'readIndex'>): void {
  const { role } = node;
  if (message.term < node.term || role.kind !== 'leader' || role.reads.length >= waitingReadsMax) {
    reply(node, message.from, message.readId, undefined);
  } else {
    noteRead(node, role, message.readId, message.from);
  }
}

export function onReadIndexReply(node: Node, message: MessageOf<'readIndexReply'>): void {
  const at = node.forwardedReads.findIndex((read) => read.readId === message.readId);
  if (at < 0 || message.from !== node.leader) {
    node.settings.why?.('drop.stale-reply', { from: message.from, readId: message.readId });
    return;
  }
  node.forwardedReads.splice(at, 1);
  if (message.index === undefined) lose(node, message.readId);
  else confirm(node, message.readId, message.index);
}

function noteRead(node: Node, role: Leader, readId: number, from: NodeId | undefined): void {
  const index = mayServe(node) ? node.commit : undefined;
  const minRound = index === undefined ? Number.POSITIVE_INFINITY : node.rules.firstRoundOfRead(node.round);
  role.reads.push({ readId, from, index, minRound });
  if (index === undefined) node.settings.why?.('ri.wait-noop', { readId, commit: node.commit, term: node.term });
  else node.settings.why?.('ri.note', { readId, index, minRound });
  confirmReads(node, role);
}

/** thesis §6.4 step 1: a new leader has all committed entries but learns which they are by committing one of its own. */
function mayServe(node: Node): boolean {
  return node.rules.mayServeReads(node.log.termAt(node.commit), node.term);
}

/** Reads that waited for the first commit of the term note its index now. */
export function wakeReads(node: Node, role: Leader): void {
  if (role.reads.length === 0 || !mayServe(node)) return;
  for (const read of role.reads) {
    if (read.index !== undefined) continue;
    read.index = node.commit;
    read.minRound = node.rules.firstRoundOfRead(node.round);
    node.settings.why?.('ri.note', { readId: read.readId, index: read.index, minRound: read.minRound });
  }
  confirmReads(node, role);
}

/** Serves the reads whose round a quorum has answered. Rounds never shrink along the queue, so it is served from its head. */
export function confirmReads(node: Node, role: Leader): void {
  if (role.reads.length === 0) return;
  const answered = answeredByQuorum(node, role);
  let served = 0;
  for (const read of role.reads) {
    if (read.index === undefined || read.minRound > answered) break;
    node.settings.why?.('ri.serve', { readId: read.readId, index: read.index, round: read.minRound });
    if (read.from === undefined) confirm(node, read.readId, read.index);
    else reply(node, read.from, read.readId, read.index);
    served += 1;
  }
  if (served > 0) role.reads.splice(0, served);
}

/** The newest round that a read waits for; 0 when none waits. */
export function awaitedRound(role: Leader): number {
  for (let at = role.reads.length - 1; at >= 0; at -= 1) {
    const round = role.reads[at]?.minRound;
    if (round !== undefined && round !== Number.POSITIVE_INFINITY) return round;
  }
  return 0;
}

function answeredByQuorum(node: Node, role: Leader): number {
  return reachedByContact(node, (voter) => answeredBy(node, role, voter, 'answeredRound'));
}

function answeredBy(node: Node, role: Leader, voter: NodeId, what: 'answeredRound' | 'contact'): number {
  if (voter === node.settings.id) return Number.POSITIVE_INFINITY;
  for (const peer of role.peers) if (peer.id === voter) return peer[what];
  return 0;
}

/** When the newest round that a quorum has answered was sent (thesis §6.2, §6.4.1). Infinity for a quorum of one. */
export function quorumContact(node: Node, role: Leader): number {
  return reachedByContact(node, (voter) => answeredBy(node, role, voter, 'contact'));
}

function reachedByContact(node: Node, reached: (voter: NodeId) => number): number {
  const { rules } = node;
  return reachedByQuorum(rules.voterSets(configurationOf(node), 'contact'), reached, rules.majority);
}

function mayServeByLease(node: Node, role: Leader): boolean {
  if (!node.settings.leaseReads || role.leaseForfeited || !mayServe(node)) return false;
  // Voters keep the promise that a lease rests on only towards a leader that they would count (thesis §6.4.1).
  if (!isVoter(configurationOf(node), node.settings.id)) return false;
  const { electionTicks, clockDriftPercent } = node.settings;
  const until =
    quorumContact(node, role) + node.rules.leaseTicks(electionTicks, clockDriftPercent ?? defaultDriftPercent);
  const valid = node.now < until;
  node.settings.why?.(valid ? 'lease.serve' : 'lease.expired', { now: node.now, until });
  return valid;
}

/** A confirmed read is served once the state machine has applied what it must see (thesis §6.4 step 4). */
function confirm(node: Node, readId: number, index: Index): void {
  if (node.rules.isApplied(node.applied, index)) node.out.reads.push({ readId, index });
  else node.confirmedReads.push({ readId, index });
}

export function releaseReads(node: Node): void {
  if (node.confirmedReads.length === 0) return;
  const waiting = node.confirmedReads.filter((read) => read.index > node.applied);
  if (waiting.length === node.confirmedReads.length) return;
  for (const read of node.confirmedReads) if (read.index <= node.applied) node.out.reads.push(read);
  node.confirmedReads = waiting;
}

/** Leadership is over: no round of it can confirm a read any more. */
export function loseLeaderReads(node: Node, role: Leader): void {
  for (const read of role.reads) {
    // thesis §6.4: another leader may have committed more by now.
    const index = node.rules.servesWhenDeposed() ? node.commit : undefined;
    if (read.from !== undefined) reply(node, read.from, read.readId, index);
    else if (index !== undefined) confirm(node, read.readId, index);
    else lose(node, read.readId);
  }
  role.reads = [];
}

/** The leader that was asked is not the leader any more. */
export function loseForwardedReads(node: Node): void {
  for (const read of node.forwardedReads) lose(node, read.readId);
  node.forwardedReads = [];
}

/** A question or its answer was lost on the way: the reader may ask again. */
export function expireForwardedReads(node: Node): void {
  const { forwardedReads, settings } = node;
  let expired = 0;
  for (const read of forwardedReads) {
    if (node.now - read.since < settings.electionTicks) break;
    lose(node, read.readId);
    expired += 1;
  }
  if (expired > 0) forwardedReads.splice(0, expired);
}

function lose(node: Node, readId: number): void {
  node.settings.why?.('ri.drop', { readId });
  node.out.reads.push({ readId, lost: true });
}

function reply(node: Node, to: NodeId, readId: number, index: Index | undefined): void {
  send(node, { kind: 'readIndexReply', from: node.settings.id, to, term: node.term, readId, index });
}

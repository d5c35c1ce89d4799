// What is true of a node at all times (checkState), and between two moments of its life (checkTransition): the invariants
// as code, one English sentence over each. Run after every step in tests and in the simulator, off in production.

import type { Index, LogId, NodeId, Term } from './api.ts';
import { assert } from './assert.ts';
import { isVoter, members } from './configuration.ts';
import { entryBytes } from './log.ts';
import type { Node, Role } from './node.ts';
import type { Peer } from './progress.ts';
import { majority, voteResult } from './quorum.ts';

/** What a later moment is compared with: small, so that it can be taken after every step. */
export interface Observation {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly role: Role['kind'];
  readonly last: LogId;
  readonly base: LogId;
  readonly commit: Index;
  readonly applying: Index;
  readonly applied: Index;
  readonly round: number;
  readonly lastWrite: number;
  readonly now: number;
  readonly matches: readonly (readonly [NodeId, Index])[];
}

export function observe(node: Readonly<Node>): Observation {
  const { term, votedFor, role, log, commit, applying, applied, round, durability, now } = node;
  const matches = role.kind === 'leader' ? role.peers.map((peer) => [peer.id, peer.match] as const) : [];
  const { last } = log;
  const base = log.base.last;
  const lastWrite = durability.lastId;
  return { term, votedFor, role: role.kind, last, base, commit, applying, applied, round, lastWrite, now, matches };
}

/** Throws InvariantError if a node contradicts itself. */
export function checkState(node: Readonly<Node>): void {
  checkLog(node);
  checkPointers(node);
  checkDurability(node);
  checkRole(node);
}

function checkLog({ log, term }: Readonly<Node>): void {
  let { term: before } = log.base.last;
  let bytes = 0;
  for (let index = log.first; index <= log.lastIndex; index = (index + 1) as Index) {
    const entry = log.at(index);
    // Every entry stands at its own index, and the log has no holes.
    assert(entry?.index === index, () => `slot of entry ${index} holds ${entry?.index}`);
    // Terms never fall along a log (§5.3).
    assert(entry.term >= before, () => `entry ${index} has term ${entry.term}, after ${before}`);
    before = entry.term;
    bytes += entryBytes(entry);
  }
  // No entry is of a term that this node has not reached (§5.1).
  assert(before <= term, () => `last entry has term ${before}, beyond current term ${term}`);
  // The byte count that bounds memory is the sum over the entries.
  assert(bytes === log.bytes, () => `log counts ${log.bytes} bytes and holds ${bytes}`);
}

function checkPointers(node: Readonly<Node>): void {
  const { log, commit, applying, applied, durability } = node;
  // Nothing is committed that is not in the log.
  assert(commit <= log.lastIndex, () => `commit ${commit} is beyond last index ${log.lastIndex}`);
  // A base is committed: it came from applied entries or from a snapshot.
  assert(log.base.last.index <= commit, () => `base ${log.base.last.index} is beyond commit ${commit}`);
  // The state machine reports only what it was given.
  assert(applied <= applying, () => `applied ${applied} is beyond what was handed out, ${applying}`);
  // Only committed entries are given to it.
  assert(applying <= commit, () => `applying ${applying} is beyond commit ${commit}`);
  // Only entries durable here are given to it. (Lowered pointers of a restored base come back when it is written.)
  assert(applying <= durability.durable, () => `applying ${applying} is beyond durable ${durability.durable}`);
}

function checkDurability({ durability, log, term, votedFor, commit }: Readonly<Node>): void {
  const { durable, handed, flight, hardDurable, hardHanded, baseDirty, lastId, lastSyncId } = durability;
  // What is durable was written, and what was written is in the log.
  assert(durable <= handed, () => `durable ${durable} is beyond what was handed out, ${handed}`);
  assert(handed <= log.lastIndex, () => `entry ${handed} was handed out, but the log ends at ${log.lastIndex}`);
  // Without a write in flight or due, memory and disk are the same log.
  const settled = flight === undefined && !baseDirty;
  assert(!settled || durable === handed, () => `no write is out, yet ${durable} is durable of ${handed}`);
  assert(!settled || durable >= log.base.last.index, () => `base ${log.base.last.index} is not durable (${durable})`);
  // A write in flight ends at an entry of this log, or below its base.
  if (flight !== undefined && flight.last.index >= log.base.last.index) {
    const found = log.termAt(flight.last.index);
    assert(found === flight.last.term, () => `write ends at term ${flight.last.term}, the log has ${found} there`);
  }
  // Terms on disk trail the one in memory, and within a term a durable vote is the vote.
  assert(hardDurable.term <= hardHanded.term, () => `durable term ${hardDurable.term} passes ${hardHanded.term}`);
  assert(hardHanded.term <= term, () => `written term ${hardHanded.term} passes current term ${term}`);
  const kept = hardDurable.term !== term || hardDurable.votedFor === undefined || hardDurable.votedFor === votedFor;
  assert(kept, () => `vote for ${hardDurable.votedFor} is durable in term ${term}, memory says ${votedFor}`);
  // The commit index on disk never passes the one in memory.
  assert(hardHanded.commit <= commit, () => `written commit ${hardHanded.commit} passes commit ${commit}`);
  // Writes are numbered in order.
  assert(lastSyncId <= lastId, () => `sync write ${lastSyncId} is newer than the newest write ${lastId}`);
}

function checkRole(node: Readonly<Node>): void {
  const { role, settings, votedFor, leader, log, out, pendingAck, term, forwardedReads } = node;
  // Messages that wait belong to the current term.
  for (const message of out.held) {
    assert(message.term === term, () => `${message.kind} of term ${message.term} waits in term ${term}`);
  }
  switch (role.kind) {
    case 'follower':
      // A node that takes itself for the leader has the leader's role.
      assert(leader !== settings.id, () => `a follower of itself in term ${term}`);
      break;
    case 'preCandidate':
      // Who campaigns has given up on its leader.
      assert(leader === undefined, () => `a pre-candidate follows ${leader}`);
      break;
    case 'candidate':
      assert(leader === undefined, () => `a candidate follows ${leader}`);
      // A candidate voted for itself (§5.2).
      assert(votedFor === settings.id, () => `a candidate voted for ${votedFor}`);
      break;
    case 'leader': {
      assert(leader === settings.id, () => `a leader follows ${leader}`);
      // A leader always voted for itself; others may have voted for it without leading.
      assert(votedFor === settings.id, () => `a leader voted for ${votedFor}`);
      // A leader owes nobody an acknowledgement and asks nobody for a read.
      assert(pendingAck === undefined, () => `a leader owes ${pendingAck?.to} an acknowledgement`);
      assert(forwardedReads.length === 0, () => `a leader waits for ${forwardedReads.length} forwarded reads`);
      // Progress is kept for every other member, in order of their names.
      const others = members(log.configuration).filter((id) => id !== settings.id);
      const known = role.peers.map((peer) => peer.id);
      assert(others.join() === known.join(), () => `members ${others.join()} but progress of ${known.join()}`);
      let bytes = 0;
      for (let at = node.commit + 1; at <= log.lastIndex; at += 1) {
        const entry = log.at(at as Index);
        if (entry !== undefined) bytes += entryBytes(entry);
      }
      // The count that bounds the uncommitted tail is the sum over it.
      const { uncommittedBytes } = role;
      assert(bytes === uncommittedBytes, () => `leader counts ${uncommittedBytes} uncommitted bytes of ${bytes}`);
      for (const peer of role.peers) checkPeer(node, peer);
      break;
    }
  }
  if (role.kind === 'candidate' || role.kind === 'preCandidate') {
    // Who has won does not stay a candidate.
    const ballot = (id: NodeId): boolean | undefined => role.votes.find((vote) => vote.voter === id)?.granted;
    const result = voteResult(log.configuration, ballot, majority);
    assert(result !== 'won' || !isVoter(log.configuration, settings.id), () => `a ${role.kind} that has won`);
  }
}

function checkPeer({ log, round }: Readonly<Node>, peer: Peer): void {
  const { id, match, next, flow } = peer;
  // match < next ≤ last + 1: what is proven lies before what is sent next.
  assert(match < next, () => `match ${match} of ${id} is not below next ${next}`);
  assert(next <= log.lastIndex + 1, () => `next ${next} of ${id} is beyond last index ${log.lastIndex}`);
  // Nobody can answer a round that was not sent to it.
  assert(peer.answeredRound <= peer.sentRound, () => `${id} answered round ${peer.answeredRound} of ${peer.sentRound}`);
  assert(peer.sentRound <= round, () => `${id} was sent round ${peer.sentRound} of ${round}`);
  if (flow.kind !== 'replicate') return;
  // What is in flight lies between match and next, in order, and its bytes are counted.
  let before: number = match;
  let bytes = 0;
  for (const inflight of flow.inflight) {
    assert(inflight.last > before, () => `in flight to ${id}: ${inflight.last} after ${before}`);
    before = inflight.last;
    bytes += inflight.bytes;
  }
  assert(before < next, () => `in flight to ${id} through ${before}, but next is ${next}`);
  assert(bytes === flow.inflightBytes, () => `${flow.inflightBytes} bytes counted in flight to ${id}, ${bytes} found`);
}

/** Throws InvariantError if `node` cannot have come out of the moment `before`, within one life of the process. */
export function checkTransition(before: Observation, node: Readonly<Node>): void {
  const after = observe(node);
  // Term and vote: the term never falls, and a vote that was cast in a term stays (§5.1, §5.2).
  assert(after.term >= before.term, () => `term fell from ${before.term} to ${after.term}`);
  const sameTerm = after.term === before.term;
  assert(
    !sameTerm || before.votedFor === undefined || after.votedFor === before.votedFor,
    () => `vote of term ${after.term} changed from ${before.votedFor} to ${after.votedFor}`,
  );
  // Time, rounds and write numbers only grow.
  assert(after.now >= before.now, () => `time fell from ${before.now} to ${after.now}`);
  assert(after.round >= before.round, () => `round fell from ${before.round} to ${after.round}`);
  assert(after.lastWrite >= before.lastWrite, () => `write ${after.lastWrite} after ${before.lastWrite}`);
  // Commit, applied and base only grow.
  assert(after.commit >= before.commit, () => `commit fell from ${before.commit} to ${after.commit}`);
  assert(after.applying >= before.applying, () => `applying fell from ${before.applying} to ${after.applying}`);
  assert(after.applied >= before.applied, () => `applied fell from ${before.applied} to ${after.applied}`);
  assert(after.base.index >= before.base.index, () => `base fell from ${before.base.index} to ${after.base.index}`);
  if (before.role === 'leader' && after.role === 'leader' && sameTerm) {
    // A leader never truncates or rewrites its own log (§5.3, Leader Append-Only).
    const found = node.log.termAt(before.last.index);
    const kept = before.last.index <= after.base.index || found === before.last.term;
    assert(kept, () => `leader rewrote entry ${before.last.index}: term ${before.last.term} became ${found}`);
    // What is proven about a follower stays proven (§5.3).
    for (const [id, match] of before.matches) {
      const now = after.matches.find(([other]) => other === id)?.[1];
      assert(now === undefined || now >= match, () => `match of ${id} fell from ${match} to ${now}`);
    }
  }
}

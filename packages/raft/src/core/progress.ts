// What a leader knows about one follower (§5.3: match and next), and how much it may send.
//
//            matched                     not reachable, rejected
//   probe ───────────> replicate        replicate ─────────────> probe
//     │  next - 1 is below the log's base      │
//     └─────────────> snapshot <───────────────┘        snapshot ── matched, failed, timed out ──> probe
//
// probe: one message until it is answered. replicate: optimistic, up to a limit in messages and in bytes. snapshot:
// nothing but heartbeats. Knows nothing of the log and of messages.

import type { Index, NodeId, Progress, SnapshotMeta } from './api.ts';
import { assert } from './assert.ts';
import { higher, plus } from './numbers.ts';

export type Flow =
  | {
      readonly kind: 'probe';
      awaited: { readonly round: number; readonly last: Index; readonly bytes: number } | undefined;
    }
  | { readonly kind: 'replicate'; inflight: Inflight[]; inflightBytes: number }
  | {
      readonly kind: 'snapshot';
      /** What the log must keep for the follower to go on after the snapshot. */
      pending: Index;
      readonly since: number;
      sent: { readonly snapshot: SnapshotMeta; readonly at: number } | undefined;
    };

interface Inflight {
  readonly last: Index;
  readonly bytes: number;
}

/** Invariant: match < next. Lives as long as one leadership. */
export interface Peer {
  readonly id: NodeId;
  /** Proven: durable there, and the same as here. Never falls. */
  match: Index;
  /** A guess: what to send next. */
  next: Index;
  flow: Flow;
  /** Answers to rounds up to here are from an earlier membership, of a server that may have lost its disk since; 0 for none. */
  readonly addedAfter: number;
  /** The newest round it has answered, and the newest that was sent to it. */
  answeredRound: number;
  sentRound: number;
  /** When the newest round it has answered was sent: what it confirms is not newer than that. */
  contact: number;
  /** When it was last sent anything. */
  sentAt: number;
  /** The highest commit index it was told. */
  sentCommit: Index;
}

export function newPeer(id: NodeId, next: Index, now: number, round: number): Peer {
  return {
    id,
    match: 0 as Index,
    next,
    flow: { kind: 'probe', awaited: undefined },
    addedAfter: round,
    answeredRound: 0,
    sentRound: 0,
    contact: now,
    sentAt: now,
    sentCommit: 0 as Index,
  };
}

export function becomeProbe(peer: Peer, next: Index): void {
  assert(next > peer.match, () => `next ${next} of ${peer.id} is not beyond its match ${peer.match}`);
  peer.next = next;
  peer.flow = { kind: 'probe', awaited: undefined };
}

export function becomeReplicate(peer: Peer): void {
  peer.next = higher(peer.next, plus(peer.match, 1));
  peer.flow = { kind: 'replicate', inflight: [], inflightBytes: 0 };
}

export function becomeSnapshot(peer: Peer, pending: Index, now: number): void {
  peer.flow = { kind: 'snapshot', pending, since: now, sent: undefined };
}

/** Takes note of a durable match. Late and doubled answers change nothing: match is a maximum, not a sum. */
export function noteMatch(peer: Peer, match: Index): boolean {
  if (match <= peer.match) return false;
  peer.match = match;
  peer.next = higher(peer.next, plus(match, 1));
  if (peer.flow.kind === 'replicate') {
    const { flow } = peer;
    while (flow.inflight.length > 0 && (flow.inflight[0]?.last ?? match) <= match) {
      flow.inflightBytes -= flow.inflight.shift()?.bytes ?? 0;
    }
  }
  return true;
}

export function noteInflight(peer: Peer, last: Index, bytes: number): void {
  if (peer.flow.kind !== 'replicate') return;
  peer.flow.inflight.push({ last, bytes });
  peer.flow.inflightBytes += bytes;
}

/** What a status shows: a copy that does not change any more. */
export function progressOf(peer: Peer): Progress {
  const { match, next, flow } = peer;
  switch (flow.kind) {
    case 'probe':
      return { kind: 'probe', match, next, paused: flow.awaited !== undefined };
    case 'replicate':
      return { kind: 'replicate', match, next, inflight: flow.inflight.length };
    case 'snapshot':
      return { kind: 'snapshot', match, next, pending: flow.pending };
  }
}

// The whole state of one node, and the few verbs that every handler needs. All of it is plain data except the log, so
// that a dump is a copy. What belongs to one role lives inside that role.
//
// The pointers, and how they are ordered at all times:
//
//   base ≤ applied ≤ applying ≤ min(commit, durable)      durable ≤ handed ≤ last      commit ≤ last
//
// (While a restored base is not yet durable, durable and handed may lie below the base.)

import type {
  Configuration,
  Entry,
  HardState,
  Index,
  LogId,
  Message,
  NodeId,
  Options,
  PersistId,
  Ready,
  Term,
} from './api.ts';
import { isVoter } from './configuration.ts';
import type { Log } from './log.ts';
import type { Peer } from './progress.ts';
import type { Rules } from './rules.ts';

export type Settings = Omit<Options, 'restore'>;

export interface Ballot {
  readonly voter: NodeId;
  readonly granted: boolean;
}

/** A read that waits for a leader's confirmation. `from` is undefined for a read of this node's own. */
export interface LeaderRead {
  readonly readId: number;
  readonly from: NodeId | undefined;
  /** The commit index noted when the read came; undefined until an entry of this term is committed. */
  index: Index | undefined;
  /** The first round that began after the read was noted: only such a round confirms it. */
  minRound: number;
}

export interface Transfer {
  readonly to: NodeId;
  readonly since: number;
  sent: boolean;
}

export type Role =
  | { readonly kind: 'follower' }
  | { readonly kind: 'preCandidate'; votes: Ballot[] }
  | { readonly kind: 'candidate'; votes: Ballot[]; readonly transfer: boolean }
  | {
      readonly kind: 'leader';
      /** The configuration that `peers` are the members of. */
      configuration: Configuration;
      /** Everybody but this node, sorted by id. */
      peers: Peer[];
      transfer: Transfer | undefined;
      /** Once `timeoutNow` has left, another leader may exist at any moment of this term. */
      leaseForfeited: boolean;
      reads: LeaderRead[];
      /** The first round of each recent tick, oldest first: when a round was sent. */
      rounds: { readonly tick: number; readonly first: number }[];
      uncommittedBytes: number;
    };
export type Leader = Extract<Role, { readonly kind: 'leader' }>;

/** What is on disk, what is on its way there. One write is out at a time. */
export interface Durability {
  /** Entries up to here are on disk as they are in memory. */
  durable: Index;
  /** Entries up to here are on disk or in the write that is out. */
  handed: Index;
  hardDurable: HardState;
  hardHanded: HardState;
  /** The base of the log has changed since it was last handed out. */
  baseDirty: boolean;
  /** A tick has passed since the commit index moved: it may go to disk by itself. */
  commitDue: boolean;
  flight: Flight | undefined;
  lastId: PersistId;
  lastSyncId: PersistId;
}

export interface Flight {
  readonly id: PersistId;
  readonly hard: HardState;
  /** The last entry that this write makes durable; a truncation lowers it. */
  last: LogId;
  readonly since: number;
}

/** An answer to a leader that waits until a write is handed out. */
export interface PendingAck {
  readonly to: NodeId;
  readonly round: number;
  readonly match: Index;
}

export interface ForwardedRead {
  readonly readId: number;
  readonly since: number;
}

export interface ConfirmedRead {
  readonly readId: number;
  readonly index: Index;
}

export interface Outbox {
  send: Message[];
  /** Vote requests and votes, which wait for term and vote to be durable. */
  held: Message[];
  reads: Ready['reads'][number][];
  snapshotsWanted: NodeId[];
  /** The configuration the driver was last told. */
  configuration: Configuration;
}

export interface Node {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly log: Log;

  term: Term;
  votedFor: NodeId | undefined;
  commit: Index;
  /** Handed to the state machine, and reported back as applied. */
  applying: Index;
  applied: Index;
  applyBatches: { readonly last: Index; readonly bytes: number }[];
  applyingBytes: number;
  compactWanted: Index;

  role: Role;
  leader: NodeId | undefined;
  /** When AppendEntries of the current leader last came. */
  heardAt: number;
  /** Ticks since this node started: all that have passed. */
  now: number;
  /** Moves at most one tick a turn, so that a process that was stopped reads its mail before it campaigns. */
  electionElapsed: number;
  electionTimeout: number;
  draws: number;
  /** thesis §6.4.1: with lease reads, a restarted node keeps the promise that its former life may have made. */
  silentUntil: number;

  /** The id of the newest round; never reused, whatever role this node has had. */
  round: number;
  readonly durability: Durability;
  pendingAck: PendingAck | undefined;
  forwardedReads: ForwardedRead[];
  confirmedReads: ConfirmedRead[];
  readonly out: Outbox;
}

/** A message from this node in its current term. */
export function send(node: Node, message: Message): void {
  node.out.send.push(message);
}

/**
 * A message that leaves only when term and vote are durable (figure 2). At most one of a kind waits for each peer:
 * the newest says all that the others did.
 */
export function hold(node: Node, message: Message): void {
  if (node.rules.leavesBeforeDurable(message)) {
    send(node, message);
    return;
  }
  const { held } = node.out;
  const older = held.findIndex((other) => other.to === message.to && other.kind === message.kind);
  if (older >= 0) held.splice(older, 1);
  held.push(message);
}

/** The configuration in force (thesis §4.1). */
export function configurationOf(node: Readonly<Node>): Configuration {
  return node.rules.configurationInForce(node.log, node.commit);
}

/**
 * Whether this node may campaign. Who is asked for a vote does not look at configurations at all (thesis §4.2.2): it may lack
 * the one that makes it a voter.
 */
export function isElectable(node: Readonly<Node>): boolean {
  const { settings, rules, log, commit } = node;
  return rules.mayCampaign({
    isVoter: isVoter(configurationOf(node), settings.id),
    mayBeNeeded: () => log.configurationsFrom(commit).some((configuration) => isVoter(configuration, settings.id)),
  });
}

export function peerOf(leader: Leader, id: NodeId): Peer | undefined {
  for (const peer of leader.peers) if (peer.id === id) return peer;
  return undefined;
}

/** A payload that is a small window on a large buffer (a socket's) is copied, so that the log does not keep the buffer. */
export function ownPayload(data: Uint8Array): Uint8Array {
  return data.byteLength * 2 < data.buffer.byteLength ? data.slice() : data;
}

export function ownEntry(entry: Entry): Entry {
  if (entry.kind !== 'command') return entry;
  const data = ownPayload(entry.data);
  return data === entry.data ? entry : { kind: 'command', term: entry.term, index: entry.index, data };
}

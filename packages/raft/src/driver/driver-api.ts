// What goes into a driver and what it says of itself.

import type { Configuration, LogId, NodeId, Options, Raft, Status } from '../core/api.ts';
import type { Rules } from '../core/rules.ts';
import type { NotLeaderError, OverloadedError, StoppedError } from './errors.ts';
import type { Logger, LogStore, Peer, SnapshotStore, StateMachine, Ticker, Transport } from './ports.ts';
import type { ProposalCounts } from './proposals.ts';
import type { ReadSession } from './read-session.ts';
import type { DriverRules } from './rules.ts';
import type { DriverSettings } from './settings.ts';
import type { SnapshotCounts } from './snapshotting.ts';

export interface DriverOptions<Result, Query, Answer> {
  readonly id: NodeId;
  /** Counts the starts of this node, from 1; the embedder keeps it. No two lives of a node may share one. */
  readonly boot: number;
  /** The members of a new cluster, the same on each of them. Looked at on the first start only. */
  readonly bootstrap?: Configuration;
  /**
   * For a node that joins a cluster which has added it, instead of `bootstrap`, and looked at on the first start only: members of
   * now, so that it can answer whoever leads. It knows no configuration, never campaigns, and waits to be sent the log.
   */
  readonly join?: { readonly peers: readonly Peer[] };
  /** Open and recovered; the node closes it, also when it cannot start. */
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  /** Not yet started; the node stops it, also when it cannot start. */
  readonly transport: Transport;
  readonly ticker: Ticker;
  readonly stateMachine: StateMachine<Result, Query, Answer>;
  /** All chance comes from it. It is logged, so that a run can be repeated. */
  readonly seed: string;
  readonly settings?: Partial<DriverSettings>;
  readonly logger?: Logger;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: { readonly core?: Rules; readonly driver?: DriverRules };
  /** Which rule of the paper fired; see `Options.why`. */
  readonly why?: Options['why'];
  /** For those who judge a run: called at the end of each turn of the loop that brought something. Must not call back. */
  readonly onTurn?: (status: Status) => void;
  /** For those who write a run down: stands between the loop and the core, and passes everything on as it is. */
  readonly around?: (core: Raft) => Raft;
  /** Requests of peers that are not Raft: what an embedder forwards. */
  readonly onRequest?: (from: NodeId, body: Uint8Array, reply: (body: Uint8Array) => void) => void;
}

/** Where a command stands, if it is ever committed; or why it was not taken, certainly without effect. */
export type Started =
  | { readonly kind: 'started'; readonly at: LogId }
  | { readonly kind: 'refused'; readonly error: NotLeaderError | OverloadedError | StoppedError };

/** Where a change of the members begins in the log, if it is ever committed; or why it was not begun, certainly without effect. */
export type ChangeStarted =
  | { readonly kind: 'started'; readonly at: LogId }
  | { readonly kind: 'refused'; readonly reason: ChangeRefusal; readonly leader: NodeId | undefined };

/**
 * `noCommitInTerm` and `transferring` pass within a moment, `changePending` with the change before. `invalid` never does.
 */
export type ChangeRefusal = 'notLeader' | 'transferring' | 'noCommitInTerm' | 'changePending' | 'invalid' | 'stopped';

export interface Applied<Result> {
  readonly result: Result;
  readonly at: LogId;
}

/**
 * What a read may be relied on for.
 * - `linearizable` (the default) sees everything acknowledged to anybody before the call; costs one round to a majority.
 * - `lease` is the same without the round, while clocks keep to `settings.leaseReads` (thesis §6.4.1). Where there is no
 *   lease, as on a follower, it is an ordinary linearizable read.
 * - `session` sees at least what `ReadOptions.session` has seen, on any member: read-your-writes, monotonic reads,
 *   writes-follow-reads and a consistent prefix. It asks nobody and waits only for this member to be as far.
 * - `stale` sees what this member has applied, however old.
 */
export type Consistency = 'linearizable' | 'lease' | 'session' | 'stale';

export interface CallOptions {
  /** How long to wait, in ticks; `settings.timeoutTicks` when absent. */
  readonly timeoutTicks?: number;
  /** It has seen the effect of this call when the call has ended well. */
  readonly session?: ReadSession;
}

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
}

/** Who leads, as this node knows it. */
export interface Leadership {
  readonly leader: NodeId | undefined;
  readonly term: number;
  readonly role: Status['role'];
}

export type StopReason =
  | { readonly kind: 'stopped' }
  /** The node stopped itself; nothing it held in memory may be trusted any more. */
  | { readonly kind: 'failed'; readonly error: Error };

/** Counts since the start. */
export interface DriverMetrics {
  readonly turns: number;
  readonly writes: number;
  readonly leaderChanges: number;
  readonly proposals: ProposalCounts & { readonly refused: number };
  readonly commandsApplied: number;
  readonly readsPending: number;
  readonly snapshots: SnapshotCounts;
  readonly messages: { readonly sent: number; readonly received: number };
}

// What a server asks of a member: propose, read, watch, leases, status. The glue behind it is this package's affair.

import type { Result, Store, WatchSink, WatchStream } from '@kontiki/kv';

/** Names a member and its cluster: 64-bit ids as etcd prints them. */
export interface MemberIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly name: string;
}

/** One row of MemberList. `name` and `clientUrls` are empty until that member has started and published itself. */
export interface MemberRecord {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/**
 * A change of who belongs to the cluster. `id` of an addition is the proposer's choice and never used again after a removal.
 * Whoever is added without `isLearner` is a voter to every client from then on; it votes once it has caught up.
 */
export type MembershipChange =
  | {
      readonly kind: 'add';
      readonly id: bigint;
      readonly peerUrls: readonly string[];
      readonly isLearner: boolean;
    }
  | { readonly kind: 'remove' | 'promote'; readonly id: bigint }
  | { readonly kind: 'update'; readonly id: bigint; readonly peerUrls: readonly string[] };

/**
 * A command as it goes into the log: the client's own encoded request, and what the proposer chose for it. `grantId` and
 * `grantTtl` are the effective lease id (never 0) and TTL in seconds.
 */
export type Command =
  | { readonly kind: 'put' | 'deleteRange' | 'txn' | 'compact' | 'leaseRevoke'; readonly request: Uint8Array }
  | { readonly kind: 'leaseGrant'; readonly grantId: bigint; readonly grantTtl: number };

/** A lease as TimeToLive answers it; `ttl` -1 when there is none. Seconds. */
export interface LeaseTimeToLive {
  readonly ttl: number;
  readonly grantedTtl: number;
  readonly keys: readonly string[];
}

export interface MemberStatus {
  readonly leader: bigint | undefined;
  readonly isLeader: boolean;
  /** Whose votes count in the configuration in force; while it changes, those of before and of after. */
  readonly voters: readonly bigint[];
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** Per peer, only on the leader: how far its log is known to match. */
  readonly progress: readonly { readonly id: bigint; readonly match: number }[];
}

export interface HashKv {
  readonly hash: number;
  readonly compactRevision: number;
  readonly hashRevision: number;
}

/** Bytes of a backup of the whole store at one revision; `total` may be an estimate. */
export interface BackupSource {
  readonly total: number;
  next(): Uint8Array | undefined;
  close(): void;
}

/**
 * A running member. Promises reject with the driver's errors (`NotLeaderError`, `OverloadedError`, `OutcomeUnknownError`,
 * `StoppedError`) or with `MemberError`; a refusal by the state machine is a `Result` of kind `error`.
 */
export interface Member {
  readonly identity: MemberIdentity;
  /** Read-only use: range, readTxn, revision, compactRevision, leases. Never waits. */
  readonly store: Store;
  /** Replicates and applies, through the leader wherever it is; within etcd's 5 s + 2 x election timeout. */
  propose(command: Command): Promise<Result>;
  /** After it, `store` holds everything acknowledged anywhere before the call (thesis §6.4). */
  linearize(): Promise<void>;
  watch(sink: WatchSink): WatchStream;
  /** Renews on the leader, which must have confirmed its quorum; `ttl` 0 when the lease is unknown or expired. */
  keepAlive(lease: bigint): Promise<{ readonly ttl: number }>;
  timeToLive(lease: bigint, withKeys: boolean): Promise<LeaseTimeToLive>;
  leases(): Promise<readonly bigint[]>;
  /** As of what is applied here. */
  members(): readonly MemberRecord[];
  /** Whether this member is a learner to clients, who are served little then. */
  isLearner(): boolean;
  /**
   * Changes the membership, through the leader wherever it is, one change at a time, and resolves with the members after it.
   * Rejects with `MemberError` when it is refused, with `OutcomeUnknownError` when it may take effect yet.
   */
  changeMembers(change: MembershipChange): Promise<readonly MemberRecord[]>;
  status(): MemberStatus;
  /** Only on the leader, else `MemberError` `notLeader`; an unknown target is `badTransferee`. */
  moveLeader(target: bigint): Promise<void>;
  hashKv(revision: number): Promise<HashKv | { readonly kind: 'error'; readonly code: 'compacted' | 'futureRevision' }>;
  backup(): BackupSource;
  /** Called with the new leader, `undefined` when it is lost. */
  onLeaderChange(listener: (leader: bigint | undefined) => void): void;
  /** Called once when this member was removed from the cluster for good: it must stop, and never come back. */
  onRemoved(listener: () => void): void;
  /** Called once when the node had to stop by itself: the fail-stop. */
  onFailure(listener: (error: Error) => void): void;
  /** With `handOver`, a leader first hands its leadership to a follower that is up to date. */
  stop(options: { readonly handOver: boolean }): Promise<void>;
}

/** A refusal that is the member's own. `code` is stable. None of them had an effect. */
export type MemberErrorCode =
  | 'notLeader'
  | 'badTransferee'
  | 'noLeader'
  | 'leaderChanged'
  | 'requestTooLarge'
  | 'timedOut'
  | ChangeRefusal;

/** Why a change of membership is refused, etcd's reasons. */
export const changeRefusals = [
  'memberNotFound',
  'memberExists',
  'peerUrlExists',
  'tooManyLearners',
  'learnerNotReady',
  'memberNotLearner',
  'notEnoughStarted',
  'unhealthyCluster',
] as const;
export type ChangeRefusal = (typeof changeRefusals)[number];

export class MemberError extends Error {
  readonly code: MemberErrorCode;
  constructor(code: MemberErrorCode, message: string) {
    super(message);
    this.name = 'MemberError';
    this.code = code;
  }
}

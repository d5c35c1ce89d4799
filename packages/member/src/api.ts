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
  members(): readonly MemberRecord[];
  status(): MemberStatus;
  /** Only on the leader, else `MemberError` `notLeader`; an unknown target is `badTransferee`. */
  moveLeader(target: bigint): Promise<void>;
  hashKv(revision: number): Promise<HashKv | { readonly kind: 'error'; readonly code: 'compacted' | 'futureRevision' }>;
  backup(): BackupSource;
  /** Called with the new leader, `undefined` when it is lost. */
  onLeaderChange(listener: (leader: bigint | undefined) => void): void;
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
  | 'timedOut';
export class MemberError extends Error {
  readonly code: MemberErrorCode;
  constructor(code: MemberErrorCode, message: string) {
    super(message);
    this.name = 'MemberError';
    this.code = code;
  }
}

// The words of the state machine: what may be asked of it and what it answers. etcd's own names (`mvccpb`, `etcdserverpb`)
// on plain data; nothing here knows protobuf messages, Raft or a network.
//
// Numbers: revisions, versions and counts are safe integers inside. At the edge an int64 from a client is clamped to
// [-2, Number.MAX_SAFE_INTEGER] before it comes here; since every stored number lies strictly inside, no comparison
// changes its answer. Lease ids are bigint.

/** A key as a latin1 string: one char code (0–255) per byte, so that string order is byte order. */
export type Key = string;

/** An encoded `mvccpb.KeyValue`, as stored and as spliced into responses. Never mutated. */
export type EncodedKeyValue = Uint8Array;

/** Where in the log a command stood; opaque to kv but for its order. Kept in the same transaction as the rows (architecture §8). */
export interface Position {
  readonly index: number;
  readonly term: number;
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';
export type SortOrder = 'none' | 'ascend' | 'descend';

/** `rangeEnd`: '' one key; '\0' every key from `key` on; otherwise [key, rangeEnd), empty when rangeEnd <= key. */
export interface RangeRequest {
  readonly kind: 'range';
  readonly key: Key;
  readonly rangeEnd: Key;
  /** 0 = no limit. */
  readonly limit: number;
  /** Outside a txn <= 0 is the latest; inside one only 0 is, less is `compacted` (but for -1 before any compaction). */
  readonly revision: number;
  readonly sortTarget: SortTarget;
  readonly sortOrder: SortOrder;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** 0 = not filtered. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}
export interface PutRequest {
  readonly kind: 'put';
  readonly key: Key;
  readonly value: Uint8Array;
  /** 0n = none: detaches. */
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}
export interface DeleteRangeRequest {
  readonly kind: 'deleteRange';
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
}
export type CompareResult = 'equal' | 'greater' | 'less' | 'notEqual';
export type Compare = { readonly key: Key; readonly rangeEnd: Key; readonly result: CompareResult } & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: Uint8Array }
  | { readonly target: 'lease'; readonly operand: bigint }
);
/** `empty` is a RequestOp without a request: refused with `keyNotFound`. */
export type RequestOp = RangeRequest | PutRequest | DeleteRangeRequest | TxnRequest | { readonly kind: 'empty' };
export interface TxnRequest {
  readonly kind: 'txn';
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export interface CompactRequest {
  readonly kind: 'compact';
  readonly revision: number;
}
export interface LeaseGrantRequest {
  readonly kind: 'leaseGrant';
  /** Chosen by the proposer when the client sent 0; never 0n here. */
  readonly id: bigint;
  /** Effective TTL in seconds: the minimum has been applied by the proposer. */
  readonly ttl: number;
}
export interface LeaseRevokeRequest {
  readonly kind: 'leaseRevoke';
  readonly id: bigint;
}
/**
 * A small replicated record beside the keys (the members' names and URLs, alarms later): kept in `meta`, part of snapshots,
 * read back by `Store.record(name)`; it moves no revision. An empty value removes it. Answers `none`.
 */
export interface SetRecordRequest {
  readonly kind: 'setRecord';
  readonly name: string;
  readonly value: Uint8Array;
}
/** What goes through the log. `none` only moves the position (a no-op, a configuration, a command refused by its fence). */
export type Operation =
  | PutRequest
  | DeleteRangeRequest
  | TxnRequest
  | CompactRequest
  | LeaseGrantRequest
  | LeaseRevokeRequest
  | SetRecordRequest
  | { readonly kind: 'none' };

/** Refusals; the server's one table maps them to etcd's codes and texts. */
export type KvErrorCode =
  | 'emptyKey'
  | 'keyNotFound'
  | 'valueProvided'
  | 'leaseProvided'
  | 'leaseNotFound'
  | 'leaseExists'
  | 'leaseTtlTooLarge'
  | 'tooManyOps'
  | 'duplicateKey'
  | 'invalidSortOption'
  | 'compacted'
  | 'futureRevision';
export interface KvError {
  readonly kind: 'error';
  readonly code: KvErrorCode;
}

/** `revision` in results is what etcd's header carries: the store's revision when the operation had been executed. */
export interface RangeResult {
  readonly kind: 'range';
  readonly revision: number;
  readonly kvs: readonly EncodedKeyValue[];
  readonly more: boolean;
  readonly count: number;
}
export interface PutResult {
  readonly kind: 'put';
  readonly revision: number;
  readonly prevKv: EncodedKeyValue | undefined;
}
export interface DeleteRangeResult {
  readonly kind: 'deleteRange';
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly EncodedKeyValue[];
}
export interface TxnResult {
  readonly kind: 'txn';
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly (RangeResult | PutResult | DeleteRangeResult | TxnResult)[];
}
export type Result =
  | RangeResult
  | PutResult
  | DeleteRangeResult
  | TxnResult
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'leaseGrant'; readonly revision: number; readonly id: bigint; readonly ttl: number }
  | { readonly kind: 'leaseRevoke'; readonly revision: number }
  | { readonly kind: 'none'; readonly revision: number }
  | KvError;

/** One event of one revision. Both encodings are of `mvccpb.Event`, made once and shared by all watchers. */
export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly key: Key;
  readonly modRevision: number;
  readonly encoded: Uint8Array;
  /** With prev_kv when there was a previous value that is not compacted; made on first use. */
  encodedWithPrevKv(): Uint8Array;
}
export interface WatchCreateRequest {
  readonly key: Key;
  readonly rangeEnd: Key;
  /** 0 = from the next revision on. A future one is a floor for events and progress. */
  readonly startRevision: number;
  /** 0 = the stream chooses the next free one. */
  readonly watchId: number;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  readonly filters: readonly ('noPut' | 'noDelete')[];
}
export type WatchResponse = { readonly watchId: number; readonly revision: number } & (
  | { readonly kind: 'created' }
  | { readonly kind: 'refused'; readonly reason: string } // created and canceled in one, watchId -1
  | {
      readonly kind: 'events';
      readonly events: readonly WatchEvent[];
      readonly prevKv: boolean;
      readonly fragment: boolean;
    }
  | { readonly kind: 'canceled'; readonly compactRevision: number; readonly reason: string }
  | { readonly kind: 'progress' } // watchId -1 when asked for by hand
);
/** Where a stream's responses go. `false`: that one was taken, but send no more before `WatchStream.resume`. */
export interface WatchSink {
  send(response: WatchResponse): boolean;
  /**
   * Whether events of the past may be sent now, a batch at a time: they can be read at any time, so there is no need for many of
   * them to wait. After `false`, `WatchStream.resume` says when they may. Always, when absent.
   */
  takesHistory?(): boolean;
}
export interface WatchStream {
  create(request: WatchCreateRequest): void;
  cancel(watchId: number): void;
  requestProgress(): void;
  /** The sink takes more again, of what happens or of history. */
  resume(): void;
  close(): void;
}

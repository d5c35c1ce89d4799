// etcd's protobuf requests as the state machine's words: the one place where int64 is clamped, bytes become keys and enums
// become names. Servers use it for reads, the apply loop for commands; both see the same request the same way.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  type Compare_CompareResult,
  type Compare_CompareTarget,
  type Compare as CompareMessage,
  type DeleteRangeRequest as DeleteRangeMessage,
  DeleteRangeRequestSchema,
  LeaseRevokeRequestSchema,
  type PutRequest as PutMessage,
  PutRequestSchema,
  type RangeRequest as RangeMessage,
  type RequestOp as RequestOpMessage,
  type TxnRequest as TxnMessage,
  TxnRequestSchema,
} from '@kontiki/etcd-proto';
import {
  type Compare,
  type CompareResult,
  type DeleteRangeRequest,
  keyOfBytes,
  type Operation,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  type SortOrder,
  type SortTarget,
  type TxnRequest,
} from '@kontiki/kv';
import type { RequestKind } from './envelope.ts';

const sortTargets: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const sortOrders: readonly SortOrder[] = ['none', 'ascend', 'descend'];
const compareResults: readonly CompareResult[] = ['equal', 'greater', 'less', 'notEqual'];

/**
 * An int64 among the numbers the state machine counts with. Everything stored lies strictly between the ends, so every
 * comparison with what is stored has the answer that the unclamped number has. -1 and -2 stay apart: inside a transaction
 * etcd reads the first as the latest revision until something was compacted.
 */
export function clampInt64(value: bigint): number {
  if (value < -2n) return -2;
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** `undefined`: a sort enum that etcd does not know (`invalid sort option`). */
export function rangeRequest(message: RangeMessage): RangeRequest | undefined {
  const sortTarget = sortTargets[message.sortTarget];
  const sortOrder = sortOrders[message.sortOrder];
  if (sortTarget === undefined || sortOrder === undefined) return undefined;
  return {
    kind: 'range',
    key: keyOfBytes(message.key),
    rangeEnd: keyOfBytes(message.rangeEnd),
    limit: clampInt64(message.limit),
    revision: clampInt64(message.revision),
    sortTarget,
    sortOrder,
    keysOnly: message.keysOnly,
    countOnly: message.countOnly,
    minModRevision: clampInt64(message.minModRevision),
    maxModRevision: clampInt64(message.maxModRevision),
    minCreateRevision: clampInt64(message.minCreateRevision),
    maxCreateRevision: clampInt64(message.maxCreateRevision),
  };
}

export function putRequest(message: PutMessage): PutRequest {
  return {
    kind: 'put',
    key: keyOfBytes(message.key),
    value: message.value,
    lease: message.lease,
    prevKv: message.prevKv,
    ignoreValue: message.ignoreValue,
    ignoreLease: message.ignoreLease,
  };
}

export function deleteRangeRequest(message: DeleteRangeMessage): DeleteRangeRequest {
  return {
    kind: 'deleteRange',
    key: keyOfBytes(message.key),
    rangeEnd: keyOfBytes(message.rangeEnd),
    prevKv: message.prevKv,
  };
}

/** `undefined`: an enum value somewhere inside that etcd does not know. */
export function txnRequest(message: TxnMessage): TxnRequest | undefined {
  const compare = all(message.compare, comparison);
  const success = all(message.success, requestOp);
  const failure = all(message.failure, requestOp);
  if (compare === undefined || success === undefined || failure === undefined) return undefined;
  return { kind: 'txn', compare, success, failure };
}

/** Room for the deepest txn that may be proposed: 128 in one another, of two messages each. */
const deep = { recursionLimit: 258 };

/**
 * The operation a committed request stands for. Bytes that are no request of that kind give `none`: the proposer has
 * proved them, so only a faulty peer can have sent them, and every member skips them alike.
 */
export function operationOf(kind: RequestKind, request: Uint8Array): Operation {
  try {
    switch (kind) {
      case 'put':
        return putRequest(fromBinary(PutRequestSchema, request));
      case 'deleteRange':
        return deleteRangeRequest(fromBinary(DeleteRangeRequestSchema, request));
      case 'txn':
        return txnRequest(fromBinary(TxnRequestSchema, request, deep)) ?? { kind: 'none' };
      case 'compact':
        return { kind: 'compact', revision: clampInt64(fromBinary(CompactionRequestSchema, request).revision) };
      case 'leaseRevoke':
        return { kind: 'leaseRevoke', id: fromBinary(LeaseRevokeRequestSchema, request).ID };
    }
  } catch {
    return { kind: 'none' };
  }
}

/** A client's request to end a lease. */
export function revokeRequest(id: bigint): Uint8Array {
  return toBinary(LeaseRevokeRequestSchema, create(LeaseRevokeRequestSchema, { ID: id }));
}

function requestOp(message: RequestOpMessage): RequestOp | undefined {
  switch (message.request.case) {
    case 'requestRange':
      return rangeRequest(message.request.value);
    case 'requestPut':
      return putRequest(message.request.value);
    case 'requestDeleteRange':
      return deleteRangeRequest(message.request.value);
    case 'requestTxn':
      return txnRequest(message.request.value);
    case undefined:
      return { kind: 'empty' };
  }
}

/** etcd reads the operand of the named target and takes 0 or no bytes where the union holds another. */
function comparison(message: CompareMessage): Compare | undefined {
  const result = compareResults[message.result satisfies Compare_CompareResult];
  if (result === undefined) return undefined;
  const common = { key: keyOfBytes(message.key), rangeEnd: keyOfBytes(message.rangeEnd), result };
  const union = message.targetUnion;
  switch (message.target satisfies Compare_CompareTarget) {
    case 0:
      return { target: 'version', operand: union.case === 'version' ? clampInt64(union.value) : 0, ...common };
    case 1:
      return { target: 'create', operand: union.case === 'createRevision' ? clampInt64(union.value) : 0, ...common };
    case 2:
      return { target: 'mod', operand: union.case === 'modRevision' ? clampInt64(union.value) : 0, ...common };
    case 3:
      return { target: 'value', operand: union.case === 'value' ? union.value : new Uint8Array(0), ...common };
    case 4:
      return { target: 'lease', operand: union.case === 'lease' ? union.value : 0n, ...common };
    default:
      return undefined;
  }
}

function all<From, To>(from: readonly From[], convert: (one: From) => To | undefined): readonly To[] | undefined {
  const to: To[] = [];
  for (const one of from) {
    const converted = convert(one);
    if (converted === undefined) return undefined;
    to.push(converted);
  }
  return to;
}

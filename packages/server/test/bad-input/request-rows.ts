// Rows about what a request says: keys, operations, leases.

import {
  Compare_CompareTarget as CompareTarget,
  DeleteRangeRequestSchema,
  LeaseGrantRequestSchema,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
  LeaseRevokeRequestSchema,
  LeaseTimeToLiveRequestSchema,
  LeaseTimeToLiveResponseSchema,
  MoveLeaderRequestSchema,
  type RequestOp,
  type RangeRequest_SortOrder as SortOrder,
} from '@kontiki/etcd-proto';
import {
  bytes,
  delOp,
  int64Max,
  int64Min,
  key,
  operation,
  put,
  putOp,
  type Row,
  range,
  rangeOp,
  raw,
  stream,
  tooManyOperations,
  txn,
  txnOp,
  unary,
} from './row.ts';

const emptyKey = '3 etcdserver: key is not provided';
const keyNotFound = '3 etcdserver: key not found';
const duplicate = '3 etcdserver: duplicate key given in txn request';
const noLease = '5 etcdserver: requested lease not found';
const ttlTooLarge = '11 etcdserver: too large lease TTL';
const badTransferee = '9 etcdserver: bad leader transferee';

const puts = (count: number): RequestOp[] => Array.from({ length: count }, (_, at) => putOp(`p${at}`));

export const requestRows: readonly Row[] = [
  range('a range without a key', {}, emptyKey),
  put('a put without a key', { value: bytes('1') }, emptyKey),
  unary('a delete without a key', 'KV/DeleteRange', DeleteRangeRequestSchema, { rangeEnd: bytes('b') }, emptyKey),
  txn('a put without a key in a txn', { success: [putOp('')] }, emptyKey),
  txn('a range without a key in the other branch', { failure: [rangeOp('')] }, emptyKey),
  txn('a compare without a key', { compare: [{}] }, emptyKey),
  txn('a put without a key in a nested txn', { success: [txnOp({ failure: [putOp('')] })] }, emptyKey),
  txn('an operation that is none', { success: [operation({ case: undefined })] }, keyNotFound),
  put('a value with ignore_value', { key, value: bytes('1'), ignoreValue: true }, '3 etcdserver: value is provided'),
  put('a lease with ignore_lease', { key, lease: 1n, ignoreLease: true }, '3 etcdserver: lease is provided'),
  put('ignore_value where there is no key', { key, ignoreValue: true }, keyNotFound),
  range(
    'an unknown sort order',
    { key, rangeEnd: bytes('z'), sortOrder: 9 as SortOrder },
    '3 etcdserver: invalid sort option',
    'ok',
  ),

  txn('128 operations in each branch', { success: puts(128), failure: puts(128) }, 'ok'),
  txn('129 operations', { success: puts(129) }, tooManyOperations),
  txn('129 operations in the other branch', { failure: puts(129) }, tooManyOperations),
  txn(
    '129 compares',
    { compare: Array.from({ length: 129 }, (_, at) => ({ key: bytes(`c${at}`), target: CompareTarget.VERSION })) },
    tooManyOperations,
  ),
  txn('127 operations nested in one', { success: [txnOp({ success: puts(127) })] }, 'ok'),
  txn('128 operations nested in one', { success: [txnOp({ success: puts(128) })] }, tooManyOperations),
  raw('128 txns in one another', '/etcdserverpb.KV/Txn', nestedTxn(128), 'ok'),
  raw('129 txns in one another', '/etcdserverpb.KV/Txn', nestedTxn(129), tooManyOperations),
  raw('200 txns in one another', '/etcdserverpb.KV/Txn', nestedTxn(200), tooManyOperations),
  raw('100,000 txns in one another', '/etcdserverpb.KV/Txn', nestedTxn(100_000), tooManyOperations),
  txn('a key put twice', { success: [putOp('a'), putOp('a')] }, duplicate),
  txn('a key put and deleted', { success: [putOp('a'), delOp('a')] }, duplicate),
  txn('a key put in a range that is deleted', { failure: [delOp('a', 'c'), putOp('b')] }, duplicate),
  txn('a key put in a nested txn and outside', { success: [txnOp({ failure: [putOp('a')] }), putOp('a')] }, duplicate),
  txn('a key put in both branches', { success: [putOp('a')], failure: [putOp('a')] }, 'ok'),
  txn('a key deleted twice', { success: [delOp('x', 'z'), delOp('y')] }, 'ok'),

  put('a put on an unknown lease', { key, lease: 77n }, noLease),
  put('a put on a lease below zero', { key, lease: -1n }, noLease),
  put('a put on the greatest lease', { key, lease: int64Max }, noLease),
  txn('a put on an unknown lease in a txn', { success: [putOp('a', { lease: 77n })] }, noLease),
  txn(
    'a put on an unknown lease in a nested txn',
    { success: [putOp('a'), txnOp({ success: [putOp('b', { lease: 77n })] })] },
    noLease,
  ),
  unary('a revoke of an unknown lease', 'Lease/LeaseRevoke', LeaseRevokeRequestSchema, { ID: 77n }, noLease),
  unary('a revoke of no lease', 'Lease/LeaseRevoke', LeaseRevokeRequestSchema, {}, noLease),
  unary('a revoke of the least lease', 'Lease/LeaseRevoke', LeaseRevokeRequestSchema, { ID: int64Min }, noLease),
  {
    title: 'the time to live of an unknown lease',
    send: async (wire) => {
      const path = 'Lease/LeaseTimeToLive';
      const { TTL } = await wire.ask(path, LeaseTimeToLiveRequestSchema, { ID: 77n }, LeaseTimeToLiveResponseSchema);
      return `TTL ${TTL}`;
    },
    answer: 'TTL -1',
  },
  stream(
    'a keep-alive of an unknown lease',
    'Lease/LeaseKeepAlive',
    [LeaseKeepAliveRequestSchema, LeaseKeepAliveResponseSchema],
    { ID: 77n },
    ({ TTL }) => `TTL ${TTL}`,
    'TTL 0',
  ),
  unary('a lease for ever', 'Lease/LeaseGrant', LeaseGrantRequestSchema, { TTL: int64Max }, ttlTooLarge),
  unary('a lease a second too long', 'Lease/LeaseGrant', LeaseGrantRequestSchema, { TTL: 9_000_000_001n }, ttlTooLarge),

  unary('leading for a stranger', 'Maintenance/MoveLeader', MoveLeaderRequestSchema, { targetID: 77n }, badTransferee),
  unary('leading for nobody', 'Maintenance/MoveLeader', MoveLeaderRequestSchema, {}, badTransferee),
];

/** A txn inside a txn inside a txn, written by hand: no encoder goes that deep. */
function nestedTxn(depth: number): Uint8Array {
  const varint = (value: number): readonly number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let level = 0; level < depth; level++) {
    // success = 2 of a txn holds an operation, whose request_txn = 4 holds the txn that is one deeper.
    const inner = [0x22, ...varint(length)];
    const piece = Uint8Array.from([0x12, ...varint(inner.length + length), ...inner]);
    pieces.push(piece);
    length += piece.length;
  }
  return Buffer.concat(pieces.reverse());
}

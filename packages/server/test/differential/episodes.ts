/**
 * Short scripted sequences for what chance would meet too rarely: limits, fragments, expiry, listed differences. Each is
 * played at least once a run, at a place that the seed chooses, in the middle of random requests.
 */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  type Compare,
  type Compare_CompareResult,
  type Compare_CompareTarget,
  CompareSchema,
  DeleteRangeRequestSchema,
  HashKVRequestSchema,
  KV,
  Lease,
  LeaseGrantRequestSchema,
  LeaseLeasesRequestSchema,
  LeaseRevokeRequestSchema,
  LeaseTimeToLiveRequestSchema,
  Maintenance,
  PutRequestSchema,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  RangeRequestSchema,
  type RequestOp,
  RequestOpSchema,
  type TxnRequest,
  TxnRequestSchema,
  WatchCreateRequest_FilterType,
  WatchCreateRequestSchema,
} from '@kontiki/etcd-proto';
import { enumValue, type Generator, int64Max } from './generator.ts';
import { fromKeyOn, prefix, text } from './keys.ts';
import type { Model } from './model.ts';
import { type Step, type TranscriptName, type UnaryCall, unaryCall } from './steps.ts';

export interface Stage {
  readonly generator: Generator;
  readonly model: Model;
}

export type Episode = (stage: Stage) => Iterable<Step>;

const mebibyte = 1024 * 1024;

export const episodes: readonly Episode[] = [
  requestSizes,
  fragments,
  tooManyOperations,
  duplicateKeys,
  expiry,
  shortestLease,
  leaseErrors,
  unknownEnums,
  sortTies,
  compactedAndFuture,
  twoErrors,
  watchOptions,
  putOptions,
  badRequests,
  transcript('negative start revision'),
  transcript('progress without watchers'),
  transcript('progress before a future start'),
  transcript('watch id beyond 2^53'),
  deleteAtCompactedRevision,
  idOfCompactedWatcher,
];

/** Around etcd's limit of 1.5 MiB for a proposal, and past the 2 MiB that a gRPC message may have. */
function* requestSizes({ generator, model }: Stage): Iterable<Step> {
  const key = text('size');
  const sizes = [1.5 * mebibyte - 2048, 1.5 * mebibyte + 2048, 2.2 * mebibyte];
  for (const size of sizes) yield* calls(generator, put(key, Buffer.alloc(size, 's')));
  yield* calls(
    generator,
    put(Buffer.alloc(1.5 * mebibyte + 2048, 'k'), text('v')),
    unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { key })),
  );
  yield* calls(generator, compactionAt(model.revision));
}

/** A response of more than 2 MiB comes in parts for those who can put them together, whole for the others. */
function* fragments({ generator, model }: Stage): Iterable<Step> {
  const [stream, at] = [generator.freshStream(), generator.member()];
  const range = prefix(text('big/'));
  yield { kind: 'openStream', at, stream };
  for (const fragment of [true, false]) {
    yield {
      kind: 'watch',
      stream,
      create: create(WatchCreateRequestSchema, { ...range, fragment, prevKv: true }),
    };
  }
  const names = ['big/1', 'big/2', 'big/3', 'big/4', 'big/5'];
  for (const letter of ['p', 'q']) {
    const puts = names.map((name) => putOperation(text(name), Buffer.alloc(280_000, letter)));
    yield* calls(generator, unaryCall(KV.method.txn, create(TxnRequestSchema, { success: puts })));
  }
  yield* calls(
    generator,
    unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { ...range, prevKv: true })),
  );
  yield { kind: 'closeStream', stream };
  // Lest every later watch from the past carries these values again.
  yield { kind: 'call', at, call: compactionAt(model.revision) };
}

/** 128 for each list of one transaction; a nested one has what its parent left. */
function* tooManyOperations({ generator }: Stage): Iterable<Step> {
  const reads = (count: number): RequestOp[] => Array.from({ length: count }, () => readOperation(text('a')));
  const compares = (count: number): Compare[] =>
    Array.from({ length: count }, () => create(CompareSchema, { key: text('a') }));
  const nested = (success: RequestOp[]): RequestOp => txnOperation({ success });
  const txns: readonly Partial<TxnRequest>[] = [
    { success: reads(128), failure: reads(128), compare: compares(128) },
    { success: reads(129) },
    { failure: reads(129) },
    { compare: compares(129) },
    { success: [...reads(100), nested(reads(27))] },
    { success: [...reads(100), nested(reads(28))] },
    { success: [nested([nested(reads(126))])] },
    { success: [nested([nested(reads(127))])] },
  ];
  for (const txn of txns) {
    yield* calls(generator, unaryCall(KV.method.txn, create(TxnRequestSchema, { ...fields(txn) })));
  }
}

/** What counts as the same key twice, and what etcd overlooks. */
function* duplicateKeys({ generator }: Stage): Iterable<Step> {
  const a = putOperation(text('a'), text('1'));
  const b = putOperation(text('b'), text('1'));
  const remove = (key: string, rangeEnd = ''): RequestOp =>
    create(RequestOpSchema, {
      request: {
        case: 'requestDeleteRange',
        value: create(DeleteRangeRequestSchema, { key: text(key), rangeEnd: text(rangeEnd) }),
      },
    });
  const branches: readonly (readonly RequestOp[])[] = [
    [a, a],
    [a, remove('a')],
    [remove('a'), a],
    [remove('a', 'c'), b],
    [b, remove('a', 'b')],
    [remove('a'), remove('a')],
    [remove('a', '\0'), b],
    [b, remove('a', '\0')],
    [remove('z', 'a'), b],
    [txnOperation({ success: [a], failure: [a] })],
    [txnOperation({ success: [a] }), a],
    [txnOperation({ success: [a] }), txnOperation({ failure: [a] })],
    [txnOperation({ success: [a] }), txnOperation({ success: [remove('a')] })],
    [txnOperation({ success: [remove('a')] }), txnOperation({ success: [a] })],
    [a, txnOperation({ success: [remove('a')] })],
    [txnOperation({ success: [b] }), remove('a', 'c')],
  ];
  for (const branch of branches) {
    const lists = { success: [...branch], failure: [...branch] };
    yield* calls(generator, unaryCall(KV.method.txn, create(TxnRequestSchema, lists)));
  }
}

/** Keys of a lease that runs out vanish in one revision; watchers are told. */
function* expiry({ generator, model }: Stage): Iterable<Step> {
  const ID = 900_000n + BigInt(model.history.length);
  const [stream, at] = [generator.freshStream(), generator.member()];
  yield { kind: 'openStream', at, stream };
  yield {
    kind: 'watch',
    stream,
    create: create(WatchCreateRequestSchema, { ...prefix(text('expire/')), prevKv: true }),
  };
  yield* calls(generator, unaryCall(Lease.method.leaseGrant, create(LeaseGrantRequestSchema, { ID, TTL: 1n })));
  for (const name of ['expire/2', 'expire/1', 'expire/3']) yield* calls(generator, put(text(name), text('v'), ID));
  yield { kind: 'awaitExpiry', at, lease: ID };
  yield* calls(
    generator,
    unaryCall(KV.method.range, create(RangeRequestSchema, prefix(text('expire/')))),
    put(text('expire/1'), text('v'), ID),
  );
  yield { kind: 'closeStream', stream };
}

function* shortestLease({ generator }: Stage): Iterable<Step> {
  for (const TTL of [0n, -1n, 1n, 2n, 3n]) {
    const ID = 800_000n + TTL;
    yield* calls(
      generator,
      unaryCall(Lease.method.leaseGrant, create(LeaseGrantRequestSchema, { ID, TTL })),
      unaryCall(Lease.method.leaseRevoke, create(LeaseRevokeRequestSchema, { ID })),
    );
  }
}

function* leaseErrors({ generator }: Stage): Iterable<Step> {
  const ID = 700_000n;
  const grant = (TTL: bigint): UnaryCall =>
    unaryCall(Lease.method.leaseGrant, create(LeaseGrantRequestSchema, { ID, TTL }));
  yield* calls(generator, grant(9_000_000_001n), grant(int64Max), grant(9_000_000_000n), grant(3600n));
  yield* calls(generator, put(text('leased'), text('v'), ID), put(text('leased/too'), text('v'), ID));
  yield { kind: 'keepAlive', at: generator.member(), leases: [ID, ID] };
  yield* calls(
    generator,
    unaryCall(Lease.method.leaseLeases, create(LeaseLeasesRequestSchema)),
    unaryCall(Lease.method.leaseTimeToLive, create(LeaseTimeToLiveRequestSchema, { ID, keys: true })),
    // Without a lease, the key lets go of the one it had.
    put(text('leased'), text('v')),
    unaryCall(KV.method.put, create(PutRequestSchema, { key: text('leased/too'), ignoreLease: true, lease: ID })),
    unaryCall(
      KV.method.put,
      create(PutRequestSchema, { key: text('leased/too'), ignoreValue: true, value: text('v') }),
    ),
    unaryCall(KV.method.put, create(PutRequestSchema, { key: text('nothing here'), ignoreValue: true })),
    // Which of the two errors comes first?
    unaryCall(KV.method.put, create(PutRequestSchema, { key: text('nothing here'), ignoreValue: true, lease: 1_234n })),
    unaryCall(KV.method.txn, create(TxnRequestSchema, { success: [putOperation(text('x'), text('v'), 1_234n)] })),
    unaryCall(Lease.method.leaseTimeToLive, create(LeaseTimeToLiveRequestSchema, { ID, keys: true })),
    unaryCall(Lease.method.leaseRevoke, create(LeaseRevokeRequestSchema, { ID })),
    unaryCall(Lease.method.leaseRevoke, create(LeaseRevokeRequestSchema, { ID })),
    unaryCall(Lease.method.leaseTimeToLive, create(LeaseTimeToLiveRequestSchema, { ID, keys: true })),
  );
  yield { kind: 'keepAlive', at: generator.member(), leases: [ID] };
}

/** Numbers that name no sort order and no comparison; read-only, so that a refusal on one side leaves both alike. */
function* unknownEnums({ generator }: Stage): Iterable<Step> {
  const range = create(RangeRequestSchema, { key: text('a'), sortOrder: enumValue<RangeRequest_SortOrder>(7) });
  const operation = create(RequestOpSchema, { request: { case: 'requestRange', value: range } });
  const txn = (fields: MessageInitShape<typeof TxnRequestSchema>): UnaryCall =>
    unaryCall(KV.method.txn, create(TxnRequestSchema, fields));
  yield* calls(
    generator,
    unaryCall(KV.method.range, range),
    txn({ success: [operation] }),
    txn({ compare: [{ key: text('a'), target: enumValue<Compare_CompareTarget>(99) }] }),
    txn({ compare: [{ key: text('a'), result: enumValue<Compare_CompareResult>(99) }] }),
  );
}

/** More keys than etcd sorts stably. */
function* sortTies({ generator }: Stage): Iterable<Step> {
  const range = prefix(text('tie/'));
  const puts = Array.from({ length: 30 }, (_, index) => putOperation(text(`tie/${index}`), text(`${index % 3}`)));
  yield* calls(generator, unaryCall(KV.method.txn, create(TxnRequestSchema, { success: puts })));
  const targets = Object.values(RangeRequest_SortTarget).filter((value) => typeof value === 'number');
  for (const sortTarget of targets) {
    for (const sortOrder of [RangeRequest_SortOrder.ASCEND, RangeRequest_SortOrder.DESCEND]) {
      for (const limit of [0n, 17n]) {
        const request = create(RangeRequestSchema, { ...range, sortTarget, sortOrder, limit });
        yield* calls(generator, unaryCall(KV.method.range, request));
      }
    }
  }
  yield* calls(generator, unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, range)));
}

/** The edges of what can be read, at the top level and inside a transaction. */
function* compactedAndFuture({ generator, model }: Stage): Iterable<Step> {
  yield* calls(generator, put(text('a'), text('1')), put(text('a'), text('2')), put(text('b'), text('1')));
  const compacted = model.revision - 1n;
  yield* calls(generator, compactionAt(compacted), compactionAt(compacted), compactionAt(model.revision + 1n));
  for (const revision of [compacted - 1n, compacted, model.revision, model.revision + 1n, -1n, -2n]) {
    const range = create(RangeRequestSchema, { key: text('a'), revision });
    const operation = create(RequestOpSchema, { request: { case: 'requestRange', value: range } });
    const write = putOperation(text('w'), text('1'));
    yield* calls(
      generator,
      unaryCall(Maintenance.method.hashKV, create(HashKVRequestSchema, { revision })),
      unaryCall(KV.method.range, range),
      unaryCall(KV.method.txn, create(TxnRequestSchema, { success: [operation] })),
      unaryCall(KV.method.txn, create(TxnRequestSchema, { success: [write, operation] })),
    );
  }
}

/** Two operations of one transaction that cannot be done: which error is it? */
function* twoErrors({ generator, model }: Stage): Iterable<Step> {
  const future = create(RangeRequestSchema, { key: text('a'), revision: model.revision + 1n });
  const read = create(RequestOpSchema, { request: { case: 'requestRange', value: future } });
  const ignoring = create(PutRequestSchema, { key: text('nothing here'), ignoreValue: true });
  const keyMissing = create(RequestOpSchema, { request: { case: 'requestPut', value: ignoring } });
  const leaseMissing = putOperation(text('a'), text('1'), 1_234n);
  for (const success of [
    [read, keyMissing],
    [read, leaseMissing],
    [keyMissing, read],
    [leaseMissing, read],
    [keyMissing, leaseMissing],
  ]) {
    yield* calls(generator, unaryCall(KV.method.txn, create(TxnRequestSchema, { success })));
  }
}

/** Every option of a watch once, each on a watcher of its own, and every way to be refused. */
function* watchOptions({ generator, model }: Stage): Iterable<Step> {
  const key = text('watched');
  const stream = generator.freshStream();
  yield* calls(generator, put(key, text('1')), put(key, text('2')));
  const compacted = model.revision;
  yield* calls(generator, compactionAt(compacted), put(key, text('3')));
  yield { kind: 'openStream', at: generator.member(), stream };
  const watches: readonly MessageInitShape<typeof WatchCreateRequestSchema>[] = [
    {},
    { prevKv: true, progressNotify: true },
    { filters: [WatchCreateRequest_FilterType.NOPUT] },
    { filters: [WatchCreateRequest_FilterType.NODELETE], fragment: true },
    { filters: [WatchCreateRequest_FilterType.NOPUT, WatchCreateRequest_FilterType.NODELETE] },
    { startRevision: compacted - 1n },
    { startRevision: compacted, prevKv: true },
    { startRevision: compacted + 1n, prevKv: true },
    { watchId: 77n },
    { watchId: 77n },
    { rangeEnd: key },
    { rangeEnd: text('a') },
    { key: new Uint8Array(), rangeEnd: fromKeyOn },
  ];
  for (const options of watches) {
    yield { kind: 'watch', stream, create: create(WatchCreateRequestSchema, { key, ...options }) };
  }
  yield* calls(generator, put(key, text('4')), put(text('watched too'), text('1')));
  yield* calls(generator, unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { key })));
  yield* calls(generator, put(key, text('5')));
  for (const watchId of [77n, 77n, 0n]) yield { kind: 'cancel', stream, watchId };
  yield { kind: 'emptyWatchRequest', stream };
  yield* calls(generator, put(key, text('6')));
  yield { kind: 'closeStream', stream };
  const quiet = generator.freshStream();
  yield { kind: 'openStream', at: generator.member(), stream: quiet };
  yield { kind: 'watch', stream: quiet, create: create(WatchCreateRequestSchema, { key }) };
  yield { kind: 'progress', stream: quiet };
  yield { kind: 'closeStream', stream: quiet };
}

function* putOptions({ generator }: Stage): Iterable<Step> {
  const key = text('options');
  const ID = 600_000n;
  const put = (fields: MessageInitShape<typeof PutRequestSchema>): UnaryCall =>
    unaryCall(KV.method.put, create(PutRequestSchema, { key, ...fields }));
  yield* calls(generator, unaryCall(Lease.method.leaseGrant, create(LeaseGrantRequestSchema, { ID, TTL: 3600n })));
  yield* calls(
    generator,
    put({ value: text('1'), prevKv: true }),
    put({ value: text('2'), prevKv: true, lease: ID }),
    put({ value: text('3'), prevKv: true, ignoreLease: true }),
    put({ ignoreValue: true, prevKv: true }),
    put({ ignoreValue: true, ignoreLease: true, prevKv: true }),
    put({ key: text('nothing there'), ignoreLease: true }),
    put({ value: text('4'), ignoreValue: true }),
    put({ lease: ID, ignoreLease: true }),
    put({ key: new Uint8Array() }),
    unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { key, prevKv: true })),
    unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { key, prevKv: true })),
    unaryCall(Lease.method.leaseRevoke, create(LeaseRevokeRequestSchema, { ID })),
  );
}

/** Bytes that are no request, and names that are no method. */
function* badRequests({ generator }: Stage): Iterable<Step> {
  const requests: readonly (readonly [path: string, bytes: readonly number[]])[] = [
    ['/etcdserverpb.KV/NoSuchMethod', []],
    ['/etcdserverpb.NoSuchService/Range', []],
    // A field longer than the message, a group end, a varint where bytes belong, field number 0.
    ['/etcdserverpb.KV/Range', [0x0a, 0x05, 0x61]],
    ['/etcdserverpb.KV/Put', [0x0c]],
    ['/etcdserverpb.KV/Put', [0x08, 0x01]],
    ['/etcdserverpb.KV/Range', [0x02, 0x01, 0x61]],
    // An unknown field is skipped: only the key is missing.
    ['/etcdserverpb.KV/Range', [0xa0, 0x06, 0x01]],
  ];
  for (const [path, bytes] of requests) {
    yield { kind: 'raw', at: generator.member(), path, bytes: Uint8Array.from(bytes) };
  }
}

function transcript(name: TranscriptName): Episode {
  return function* ({ generator }: Stage): Iterable<Step> {
    yield { kind: 'transcript', at: generator.member(), name };
  };
}

function* deleteAtCompactedRevision({ generator, model }: Stage): Iterable<Step> {
  const key = text('gone');
  yield* calls(generator, put(key, text('v')));
  yield* calls(generator, unaryCall(KV.method.deleteRange, create(DeleteRangeRequestSchema, { key })));
  // The member that was asked answers after its own tombstones are gone; the others may take longer.
  const at = generator.member();
  yield { kind: 'call', at, call: compactionAt(model.revision) };
  yield { kind: 'transcript', at, name: 'delete at the compacted revision' };
}

function* idOfCompactedWatcher({ generator, model }: Stage): Iterable<Step> {
  yield* calls(generator, put(text('gone'), text('v')));
  const at = generator.member();
  yield { kind: 'call', at, call: compactionAt(model.revision) };
  yield { kind: 'transcript', at, name: 'id of a compacted watcher' };
}

function* calls(generator: Generator, ...unary: readonly UnaryCall[]): Iterable<Step> {
  for (const call of unary) yield { kind: 'call', at: generator.member(), call };
}

function put(key: Uint8Array, value: Uint8Array, lease = 0n): UnaryCall {
  return unaryCall(KV.method.put, create(PutRequestSchema, { key, value, lease }));
}

function compactionAt(revision: bigint): UnaryCall {
  return unaryCall(KV.method.compact, create(CompactionRequestSchema, { revision, physical: true }));
}

function putOperation(key: Uint8Array, value: Uint8Array, lease = 0n): RequestOp {
  return create(RequestOpSchema, {
    request: { case: 'requestPut', value: create(PutRequestSchema, { key, value, lease }) },
  });
}

function readOperation(key: Uint8Array): RequestOp {
  return create(RequestOpSchema, { request: { case: 'requestRange', value: create(RangeRequestSchema, { key }) } });
}

function txnOperation(txn: {
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}): RequestOp {
  const value = create(TxnRequestSchema, { success: [...(txn.success ?? [])], failure: [...(txn.failure ?? [])] });
  return create(RequestOpSchema, { request: { case: 'requestTxn', value } });
}

function fields(txn: Partial<TxnRequest>): { compare: Compare[]; success: RequestOp[]; failure: RequestOp[] } {
  return { compare: txn.compare ?? [], success: txn.success ?? [], failure: txn.failure ?? [] };
}

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import {
  CompactionRequestSchema,
  CompactionResponseSchema,
  DeleteRangeRequestSchema,
  type DeleteRangeResponse,
  DeleteRangeResponseSchema,
  RangeRequest_SortOrder as Order,
  PutRequestSchema,
  type PutResponse,
  PutResponseSchema,
  RangeRequestSchema,
  type RangeResponse,
  RangeResponseSchema,
  type RequestOpSchema,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  TxnRequestSchema,
  type TxnResponse,
  TxnResponseSchema,
} from '@kontiki/etcd-proto';
import { grpcCode } from '@kontiki/grpc';
import { commandBytes } from '../../src/services/command-size.ts';
import { same } from '../rpc/port.ts';
import { type EtcdPort, openEtcdPort } from './etcd-port.ts';
import { selfId } from './memory-member.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1');

const invalid = grpcCode.invalidArgument;
const emptyKey = `${invalid} etcdserver: key is not provided`;
const compacted = `${grpcCode.outOfRange} etcdserver: mvcc: required revision has been compacted`;
const future = `${grpcCode.outOfRange} etcdserver: mvcc: required revision is a future revision`;
const leaseNotFound = `${grpcCode.notFound} etcdserver: requested lease not found`;
const tooLarge = `${invalid} etcdserver: request is too large`;
const keyNotFound = `${invalid} etcdserver: key not found`;
const duplicateKey = `${invalid} etcdserver: duplicate key given in txn request`;
const tooManyOps = `${invalid} etcdserver: too many operations in txn request`;

let etcd: EtcdPort;

const range = (fields: MessageInitShape<typeof RangeRequestSchema>): Promise<RangeResponse | string> =>
  etcd.call('etcdserverpb.KV/Range', RangeRequestSchema, RangeResponseSchema, fields);
const put = (fields: MessageInitShape<typeof PutRequestSchema>): Promise<PutResponse | string> =>
  etcd.call('etcdserverpb.KV/Put', PutRequestSchema, PutResponseSchema, fields);
const del = (fields: MessageInitShape<typeof DeleteRangeRequestSchema>): Promise<DeleteRangeResponse | string> =>
  etcd.call('etcdserverpb.KV/DeleteRange', DeleteRangeRequestSchema, DeleteRangeResponseSchema, fields);
const txn = (fields: MessageInitShape<typeof TxnRequestSchema>): Promise<TxnResponse | string> =>
  etcd.call('etcdserverpb.KV/Txn', TxnRequestSchema, TxnResponseSchema, fields);
const compact = async (revision: bigint): Promise<bigint | string> => {
  const response = await etcd.call('etcdserverpb.KV/Compact', CompactionRequestSchema, CompactionResponseSchema, {
    revision,
  });
  return typeof response === 'string' ? response : (response.header?.revision ?? -1n);
};

function answered<T>(response: T | string): T {
  if (typeof response === 'string') assert.fail(response);
  return response;
}

type Op = MessageInitShape<typeof RequestOpSchema>;
const putOp = (key: string, value = ''): Op => ({
  request: { case: 'requestPut', value: { key: bytes(key), value: bytes(value) } },
});
const rangeOp = (key: string, serializable = false): Op => ({
  request: { case: 'requestRange', value: { key: bytes(key), serializable } },
});
const delOp = (key: string, rangeEnd = ''): Op => ({
  request: { case: 'requestDeleteRange', value: { key: bytes(key), rangeEnd: bytes(rangeEnd) } },
});
const txnOp = (fields: MessageInitShape<typeof TxnRequestSchema>): Op => ({
  request: { case: 'requestTxn', value: fields },
});

describe('KV', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('answers a put with who applied it, at which revision and in which term', async () => {
    const { header, prevKv } = answered(await put({ key: bytes('a'), value: bytes('1') }));

    assert.equal(header?.clusterId, 0xcf35_41d8_2322_dc81n);
    assert.equal(header?.memberId, selfId);
    assert.equal(header?.revision, 2n);
    assert.equal(header?.raftTerm, 2n);
    assert.equal(prevKv, undefined);
  });

  it('answers with the whole pair, byte by byte, and with the one before', async () => {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await put({ key: everyByte, value: bytes('old') });
    const { prevKv } = answered(await put({ key: everyByte, value: everyByte, prevKv: true }));
    const { kvs, count, more } = answered(await range({ key: everyByte }));

    assert.equal(text(prevKv?.value ?? bytes('')), 'old');
    assert.deepEqual([count, more, kvs.length], [1n, false, 1]);
    assert.deepEqual(Buffer.from(kvs[0]?.key ?? []), everyByte);
    assert.deepEqual(Buffer.from(kvs[0]?.value ?? []), everyByte);
    assert.deepEqual([kvs[0]?.createRevision, kvs[0]?.modRevision, kvs[0]?.version, kvs[0]?.lease], [2n, 3n, 2n, 0n]);
  });

  it('counts what limit leaves out and says that there is more', async () => {
    for (const key of ['a', 'b', 'c']) await put({ key: bytes(key) });
    const first = answered(await range({ key: bytes('a'), rangeEnd: bytes('\0'), limit: 2n }));
    const none = answered(await range({ key: bytes('c'), rangeEnd: bytes('a') }));
    const sorted = answered(await range({ key: bytes('\0'), rangeEnd: bytes('\0'), sortOrder: Order.DESCEND }));

    assert.deepEqual([first.kvs.map(({ key }) => text(key)), first.count, first.more], [['a', 'b'], 3n, true]);
    assert.deepEqual([none.kvs.length, none.count, none.more], [0, 0n, false]);
    assert.deepEqual(
      sorted.kvs.map(({ key }) => text(key)),
      ['c', 'b', 'a'],
    );
  });

  it('answers a thousand calls of a millisecond each, in time or with DEADLINE_EXCEEDED, and goes on', async () => {
    const request = toBinary(RangeRequestSchema, create(RangeRequestSchema, { key: bytes('k') }));
    const codes = await Promise.all(
      Array.from({ length: 1000 }, () => {
        const deadline = Date.now() + 1;
        return new Promise<number | undefined>((resolve) => {
          const path = '/etcdserverpb.KV/Range';
          etcd.port.client.makeUnaryRequest(path, same, same, request, new Metadata(), { deadline }, (error) =>
            resolve(error?.code),
          );
        });
      }),
    );

    assert.deepEqual(
      codes.filter((code) => code !== undefined && code !== grpcCode.deadlineExceeded),
      [],
    );
    answered(await put({ key: bytes('k'), value: bytes('v') }));
    assert.equal(answered(await range({ key: bytes('k') })).count, 1n);
  });

  it('waits for the barrier unless a read does without it', async () => {
    await range({ key: bytes('a'), serializable: true });
    assert.equal(etcd.member.barriers, 0);
    await range({ key: bytes('a') });
    assert.equal(etcd.member.barriers, 1);
  });

  it('keeps reads off the log, and a txn of reads with them', async () => {
    await range({ key: bytes('a') });
    await txn({ success: [rangeOp('a', true)], failure: [rangeOp('b', true)] });
    await txn({});
    assert.equal(etcd.member.barriers, 1);
    await txn({ success: [rangeOp('a', true)], failure: [rangeOp('b')] });
    assert.equal(etcd.member.barriers, 2);
    assert.equal(etcd.member.commands.length, 0);

    await txn({ success: [txnOp({ success: [rangeOp('a')] })] });
    assert.equal(etcd.member.commands.length, 1, 'a txn inside a txn is never taken for a read');
  });

  it('takes any int64 for a revision', async () => {
    await put({ key: bytes('a'), value: bytes('1') });
    await put({ key: bytes('a'), value: bytes('2') });
    const most = 2n ** 63n - 1n;

    for (const revision of [-1n, -most - 1n, 0n, 3n]) {
      const { kvs, header } = answered(await range({ key: bytes('a'), revision }));
      assert.deepEqual([text(kvs[0]?.value ?? bytes('')), header?.revision], ['2', 3n], `revision ${revision}`);
    }
    const old = answered(await range({ key: bytes('a'), revision: 2n }));
    assert.deepEqual([text(old.kvs[0]?.value ?? bytes('')), old.header?.revision], ['1', 3n]);
    for (const revision of [4n, 2n ** 53n, 2n ** 53n + 1n, most]) {
      assert.equal(await range({ key: bytes('a'), revision }), future, `revision ${revision}`);
      assert.equal(await compact(revision), future, `revision ${revision}`);
    }
    for (const limit of [most, -1n]) {
      assert.equal(answered(await range({ key: bytes('a'), limit })).kvs.length, 1, `limit ${limit}`);
    }
    assert.equal(answered(await range({ key: bytes('a'), minModRevision: most })).kvs.length, 0);
    assert.equal(answered(await range({ key: bytes('a'), maxCreateRevision: most })).kvs.length, 1);
  });

  it('compacts, and reads the compacted revision but none before it', async () => {
    await put({ key: bytes('a'), value: bytes('1') });
    await put({ key: bytes('a'), value: bytes('2') });
    await put({ key: bytes('a'), value: bytes('3') });

    assert.equal(await compact(3n), 4n);
    assert.equal(await compact(3n), compacted);
    assert.equal(await compact(0n), compacted);
    assert.equal(await compact(-1n), compacted);
    assert.equal(await range({ key: bytes('a'), revision: 2n }), compacted);
    const inTxn = { case: 'requestRange', value: { key: bytes('a'), revision: -1n } } as const;
    assert.equal(await txn({ success: [{ request: inTxn }] }), compacted, 'only a plain range takes -1 for the latest');
    assert.equal(text(answered(await range({ key: bytes('a'), revision: 3n })).kvs[0]?.value ?? bytes('')), '2');
  });

  it('answers a physical compaction only when the space has been given back', async () => {
    for (const value of ['1', '2', '3']) await put({ key: bytes('a'), value: bytes(value) });
    let isAnswered = false;
    const path = 'etcdserverpb.KV/Compact';
    const fields = { revision: 4n, physical: true };
    const response = etcd.call(path, CompactionRequestSchema, CompactionResponseSchema, fields).then((one) => {
      isAnswered = true;
      return one;
    });
    while (etcd.member.store.compactRevision < 4) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!isAnswered);

    while (etcd.member.store.scrub(100) !== 'done');
    assert.equal(answered(await response).header?.revision, 4n);
  });

  it('refuses what etcd refuses, in its words', async () => {
    await put({ key: bytes('there') });
    const rows: readonly (readonly [Promise<unknown>, string])[] = [
      [range({}), emptyKey],
      [put({ value: bytes('1') }), emptyKey],
      [del({ rangeEnd: bytes('b') }), emptyKey],
      [put({ key: bytes('a'), value: bytes('1'), ignoreValue: true }), `${invalid} etcdserver: value is provided`],
      [put({ key: bytes('a'), lease: 1n, ignoreLease: true }), `${invalid} etcdserver: lease is provided`],
      [put({ key: bytes('a'), ignoreValue: true }), keyNotFound],
      [put({ key: bytes('a'), ignoreLease: true }), keyNotFound],
      [put({ key: bytes('a'), lease: 77n }), leaseNotFound],
      [range({ key: bytes('a'), sortOrder: 9 as Order }), `${invalid} etcdserver: invalid sort option`],
      [range({ sortOrder: 9 as Order }), emptyKey],
      [txn({ success: [putOp('')] }), emptyKey],
      [txn({ compare: [{ key: bytes('') }] }), emptyKey],
      [txn({ success: [{}] }), keyNotFound],
      [txn({ success: [putOp('a'), putOp('a')] }), duplicateKey],
      [txn({ success: [putOp('a'), delOp('a')] }), duplicateKey],
      [txn({ failure: [delOp('a', 'c'), putOp('b')] }), duplicateKey],
      [txn({ success: [txnOp({ success: [putOp('a')] }), putOp('a')] }), duplicateKey],
      [txn({ success: [{ request: { case: 'requestPut', value: { key: bytes('a'), lease: 77n } } }] }), leaseNotFound],
      [txn({ success: [{ request: { case: 'requestRange', value: { key: bytes('a'), revision: 99n } } }] }), future],
      [
        txn({
          success: [
            txnOp({ success: [{ request: { case: 'requestRange', value: { key: bytes('a'), sortTarget: 9 as 0 } } }] }),
          ],
        }),
        `${invalid} etcdserver: invalid sort option`,
      ],
      [
        txn({ compare: [{ key: bytes('a'), target: 9 as Target }] }),
        `${invalid} kontiki: a comparison in the txn has a result or a target that etcd does not know`,
      ],
    ];
    for (const [i, [response, refusal]] of rows.entries()) assert.equal(await response, refusal, `row ${i}`);
    assert.equal(answered(await range({ key: bytes('there') })).header?.revision, 2n, 'none of them had an effect');
  });

  it('takes 128 operations a branch and no more, of which a nested txn gets what is left', async () => {
    const puts = (count: number): Op[] => Array.from({ length: count }, (_, i) => putOp(`k${i}`));

    assert.equal(answered(await txn({ success: puts(128) })).responses.length, 128);
    assert.equal(await txn({ success: puts(129) }), tooManyOps);
    assert.equal(await txn({ failure: puts(129) }), tooManyOps);
    const compares = Array.from({ length: 129 }, (_, i) => ({ key: bytes(`k${i}`) }));
    assert.equal(await txn({ compare: compares }), tooManyOps);
    assert.equal(answered(await txn({ success: [txnOp({ success: puts(127) })] })).responses.length, 1);
    assert.equal(await txn({ success: [txnOp({ success: puts(128) })] }), tooManyOps);
  });

  it('takes a command of 1.5 MiB to the byte, as etcd measures it', async () => {
    const fits = 1_572_847;
    assert.equal(commandBytes(fits, selfId), 1_572_864);
    const value = (size: number): Buffer => Buffer.alloc(size - 3 - 4, 'v');

    const accepted = { key: bytes('k'), value: value(fits) };
    assert.equal(answered(await put(accepted)).header?.revision, 2n);
    assert.equal(await put({ key: bytes('k'), value: value(fits + 1) }), tooLarge);
    assert.equal(await put({ key: Buffer.alloc(fits + 1, 'k') }), tooLarge);
    assert.equal(await del({ key: Buffer.alloc(fits + 1, 'k') }), tooLarge);
    assert.equal(await txn({ success: [{ request: { case: 'requestPut', value: accepted } }] }), tooLarge);
    assert.equal(answered(await range({ key: bytes('k') })).kvs[0]?.value.length, fits - 7);
  });

  it('deletes, and moves the revision only if something was there', async () => {
    await put({ key: bytes('a'), value: bytes('1') });
    await put({ key: bytes('b'), value: bytes('2') });
    const both = answered(await del({ key: bytes('a'), rangeEnd: bytes('z'), prevKv: true }));
    const none = answered(await del({ key: bytes('a') }));

    assert.deepEqual(
      [both.deleted, both.header?.revision, both.prevKvs.map(({ value }) => text(value))],
      [2n, 4n, ['1', '2']],
    );
    assert.deepEqual([none.deleted, none.header?.revision, none.prevKvs.length], [0n, 4n, 0]);
  });

  it('answers each operation of a txn with a revision and nothing else, and a nested txn with an empty header', async () => {
    const response = answered(
      await txn({
        compare: [{ key: bytes('a'), target: Target.CREATE, result: Result.EQUAL }],
        success: [
          putOp('a', '1'),
          rangeOp('a'),
          delOp('b'),
          txnOp({
            compare: [{ key: bytes('a'), target: Target.VERSION, result: Result.GREATER }],
            failure: [putOp('c')],
          }),
        ],
      }),
    );

    assert.deepEqual([response.succeeded, response.header?.revision, response.header?.memberId], [true, 2n, selfId]);
    const [first, second, third, fourth] = response.responses.map(({ response }) => response);
    assert.ok(first?.case === 'responsePut' && second?.case === 'responseRange');
    assert.ok(third?.case === 'responseDeleteRange' && fourth?.case === 'responseTxn');
    for (const { header } of [first.value, second.value, third.value]) {
      assert.deepEqual([header?.revision, header?.memberId, header?.clusterId, header?.raftTerm], [2n, 0n, 0n, 0n]);
    }
    assert.equal(text(second.value.kvs[0]?.value ?? bytes('')), '1');
    assert.deepEqual(
      [fourth.value.succeeded, fourth.value.header?.revision, fourth.value.header?.memberId],
      [false, 0n, 0n],
    );
    assert.equal(fourth.value.responses[0]?.response.case, 'responsePut');
  });

  it('answers a failed comparison by the other branch, in a reading txn too', async () => {
    const response = answered(
      await txn({
        compare: [{ key: bytes('a'), target: Target.VALUE, targetUnion: { case: 'value', value: bytes('') } }],
        success: [rangeOp('x')],
        failure: [rangeOp('y')],
      }),
    );

    assert.deepEqual([response.succeeded, response.responses.length, response.header?.revision], [false, 1, 1n]);
  });

  it('says that bytes are no request of its', async () => {
    for (const garbage of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from([0x0a, 5, 1])]) {
      assert.match(
        await etcd.port.unary('/etcdserverpb.KV/Put', garbage),
        new RegExp(`^${grpcCode.internal} grpc: error unmarshalling request: `),
      );
    }
  });

  it('does not know RangeStream, as an etcd 3.6 does not', async () => {
    assert.equal(
      await etcd.port.unary('/etcdserverpb.KV/RangeStream', bytes('')),
      `${grpcCode.unimplemented} unknown method RangeStream for service etcdserverpb.KV`,
    );
  });
});

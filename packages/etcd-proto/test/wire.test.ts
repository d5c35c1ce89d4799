/** Spot checks of field numbers and types against bytes written down by hand from etcd's public wire format. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Auth,
  Cluster,
  Compare_CompareResult,
  Compare_CompareTarget,
  CompareSchema,
  Event_EventType,
  Health,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  KeyValueSchema,
  KV,
  Lease,
  LeaseTimeToLiveResponseSchema,
  Maintenance,
  PutRequestSchema,
  RangeRequestSchema,
  StatusResponseSchema,
  Watch,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const hex = (schema: DescMessage, message: Parameters<typeof toBinary>[1]): string =>
  Buffer.from(toBinary(schema, message)).toString('hex');

test('a KeyValue puts every field under its number', () => {
  const kv = create(KeyValueSchema, {
    key: bytes('k'),
    createRevision: 2n,
    modRevision: 3n,
    version: 4n,
    value: bytes('v'),
    lease: 5n,
  });
  assert.equal(hex(KeyValueSchema, kv), '0a016b1002180320042a01763005');
});

test('a PutRequest puts its flags under 4, 5 and 6', () => {
  const put = create(PutRequestSchema, { key: bytes('k'), prevKv: true, ignoreValue: true, ignoreLease: true });
  assert.equal(hex(PutRequestSchema, put), '0a016b200128013001');
});

test('a negative revision takes ten bytes and comes back exact', () => {
  const range = create(RangeRequestSchema, { revision: -1n });
  assert.equal(hex(RangeRequestSchema, range), '20ffffffffffffffffff01');
  assert.equal(fromBinary(RangeRequestSchema, toBinary(RangeRequestSchema, range)).revision, -1n);
});

test('a Compare carries its range end under 64', () => {
  const compare = create(CompareSchema, {
    result: Compare_CompareResult.NOT_EQUAL,
    target: Compare_CompareTarget.LEASE,
    targetUnion: { case: 'lease', value: 7n },
    rangeEnd: bytes('z'),
  });
  assert.equal(hex(CompareSchema, compare), '0803' + '1004' + '4007' + '8204017a');
});

test('a WatchResponse carries events under 11', () => {
  const response = create(WatchResponseSchema, {
    watchId: -1n,
    fragment: true,
    events: [{ type: Event_EventType.DELETE, kv: { key: bytes('k') } }],
  });
  assert.equal(hex(WatchResponseSchema, response), '10ffffffffffffffffff01' + '3801' + '5a07' + '0801' + '12030a016b');
});

test('field names that etcd writes in capitals keep their spelling', () => {
  const status = fromBinary(StatusResponseSchema, new Uint8Array([0x18, 1, 0x50, 1, 0x60, 9]));
  assert.equal(status.dbSize, 1n);
  assert.equal(status.isLearner, true);
  assert.equal(status.dbSizeQuota, 9n);
  assert.equal(fromBinary(LeaseTimeToLiveResponseSchema, new Uint8Array([0x20, 60])).grantedTTL, 60n);
});

test('the health answer SERVING is one byte pair', () => {
  const response = create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVING });
  assert.equal(hex(HealthCheckResponseSchema, response), '0801');
});

test('the services hold the 42 RPCs of etcdserverpb and the two of health', () => {
  const counts = [KV, Watch, Lease, Cluster, Maintenance, Auth, Health].map((service) => [
    service.typeName,
    service.methods.length,
  ]);
  assert.deepEqual(counts, [
    ['etcdserverpb.KV', 6],
    ['etcdserverpb.Watch', 1],
    ['etcdserverpb.Lease', 5],
    ['etcdserverpb.Cluster', 5],
    ['etcdserverpb.Maintenance', 8],
    ['etcdserverpb.Auth', 17],
    ['grpc.health.v1.Health', 2],
  ]);
});

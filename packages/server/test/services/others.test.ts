import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Auth,
  Cluster,
  HashKVRequestSchema,
  HashKVResponseSchema,
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  KV,
  Lease,
  LeaseGrantRequestSchema,
  type LeaseGrantResponse,
  LeaseGrantResponseSchema,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
  LeaseLeasesRequestSchema,
  LeaseLeasesResponseSchema,
  LeaseRevokeRequestSchema,
  LeaseRevokeResponseSchema,
  LeaseTimeToLiveRequestSchema,
  LeaseTimeToLiveResponseSchema,
  Maintenance,
  MemberAddRequestSchema,
  MemberAddResponseSchema,
  MemberListRequestSchema,
  MemberListResponseSchema,
  MemberPromoteRequestSchema,
  MemberPromoteResponseSchema,
  MemberRemoveRequestSchema,
  MemberRemoveResponseSchema,
  MemberUpdateRequestSchema,
  MemberUpdateResponseSchema,
  MoveLeaderRequestSchema,
  MoveLeaderResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
  SnapshotRequestSchema,
  SnapshotResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
  Watch,
} from '@kontiki/etcd-proto';
import { grpcCode, RpcError } from '@kontiki/grpc';
import { changeRefusals, MemberError } from '@kontiki/member';
import { OutcomeUnknownError } from '@kontiki/raft';
import { refusalOf, refusals } from '../../src/errors.ts';
import { silentLogger } from '../../src/log.ts';
import { etcdServices } from '../../src/services/all.ts';
import { ServingState } from '../../src/services/health.ts';
import { Headers } from '../../src/services/response-header.ts';
import { same } from '../rpc/port.ts';
import { type EtcdPort, openEtcdPort, TypedStream } from './etcd-port.ts';
import { MemoryMember, otherId, selfId } from './memory-member.ts';
import { compactRequest, putRequest } from './requests.ts';

let etcd: EtcdPort;

function answered<T>(response: T | string): T {
  if (typeof response === 'string') assert.fail(response);
  return response;
}

describe('Lease', () => {
  const grant = (ID: bigint, TTL: bigint): Promise<LeaseGrantResponse | string> =>
    etcd.call('etcdserverpb.Lease/LeaseGrant', LeaseGrantRequestSchema, LeaseGrantResponseSchema, { ID, TTL });

  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('grants what is asked for, and a positive id of its own where none is', async () => {
    const named = answered(await grant(5n, 60n));
    const ids = [answered(await grant(0n, 60n)).ID, answered(await grant(0n, 60n)).ID];

    assert.deepEqual([named.ID, named.TTL, named.error, named.header?.revision], [5n, 60n, '', 1n]);
    for (const id of ids) assert.ok(id > 0n && id < 2n ** 63n);
    assert.notEqual(ids[0], ids[1]);
    assert.equal(answered(await grant(-5n, 60n)).ID, -5n);
  });

  it('lengthens a short lease to the least there is, and refuses one that is too long', async () => {
    for (const ttl of [1n, 0n, -1n, -(2n ** 63n)]) assert.equal(answered(await grant(0n, ttl)).TTL, 2n, `TTL ${ttl}`);
    assert.equal(answered(await grant(0n, 9_000_000_000n)).TTL, 9_000_000_000n);
    for (const ttl of [9_000_000_001n, 2n ** 63n - 1n]) {
      assert.equal(await grant(0n, ttl), `${grpcCode.outOfRange} etcdserver: too large lease TTL`, `TTL ${ttl}`);
    }
    assert.equal(etcd.member.commands.length, 5);
  });

  it('refuses an id that is taken, and to revoke one that is not', async () => {
    await grant(5n, 60n);
    const revoke = (ID: bigint): Promise<unknown> =>
      etcd.call('etcdserverpb.Lease/LeaseRevoke', LeaseRevokeRequestSchema, LeaseRevokeResponseSchema, { ID });

    assert.equal(await grant(5n, 60n), `${grpcCode.failedPrecondition} etcdserver: lease already exists`);
    for (const id of [6n, 0n])
      assert.equal(await revoke(id), `${grpcCode.notFound} etcdserver: requested lease not found`);
    assert.equal(typeof (await revoke(5n)), 'object');
  });

  it('revokes with the keys, and says so in the revision', async () => {
    await grant(5n, 60n);
    await etcd.member.propose({ kind: 'put', request: putRequest('b', '', 5n) });
    await etcd.member.propose({ kind: 'put', request: putRequest('a', '', 5n) });
    const path = 'etcdserverpb.Lease/LeaseRevoke';
    const { header } = answered(await etcd.call(path, LeaseRevokeRequestSchema, LeaseRevokeResponseSchema, { ID: 5n }));

    assert.equal(header?.revision, 4n);
  });

  it('tells how long a lease lives, with its keys if asked, and -1 for none', async () => {
    await grant(5n, 60n);
    await etcd.member.propose({ kind: 'put', request: putRequest('b', '', 5n) });
    await etcd.member.propose({ kind: 'put', request: putRequest('a', '', 5n) });
    const ask = (ID: bigint, keys: boolean) =>
      etcd.call('etcdserverpb.Lease/LeaseTimeToLive', LeaseTimeToLiveRequestSchema, LeaseTimeToLiveResponseSchema, {
        ID,
        keys,
      });
    const known = answered(await ask(5n, true));
    const brief = answered(await ask(5n, false));
    const unknown = answered(await ask(6n, true));

    assert.deepEqual([known.ID, known.TTL, known.grantedTTL], [5n, 60n, 60n]);
    assert.deepEqual(
      known.keys.map((key) => Buffer.from(key).toString()),
      ['a', 'b'],
    );
    assert.equal(known.header?.revision, 3n);
    assert.equal(brief.keys.length, 0);
    assert.deepEqual([unknown.ID, unknown.TTL, unknown.grantedTTL, unknown.header?.revision], [6n, -1n, 0n, 3n]);
  });

  it('lists leases', async () => {
    await grant(5n, 60n);
    await grant(3n, 60n);
    const path = 'etcdserverpb.Lease/LeaseLeases';
    const { leases } = answered(await etcd.call(path, LeaseLeasesRequestSchema, LeaseLeasesResponseSchema));

    assert.deepEqual(
      leases.map(({ ID }) => ID),
      [3n, 5n],
    );
  });

  it('keeps leases alive on a stream, in order, and answers 0 for one that is not there', async () => {
    await grant(5n, 60n);
    const path = 'etcdserverpb.Lease/LeaseKeepAlive';
    const stream = TypedStream.open(etcd, path, LeaseKeepAliveRequestSchema, LeaseKeepAliveResponseSchema);
    for (const ID of [5n, 6n, 0n, 5n]) stream.send({ ID });
    stream.halfClose();
    const answers = [await stream.next(), await stream.next(), await stream.next(), await stream.next()];

    assert.deepEqual(
      answers.map(({ ID, TTL }) => [ID, TTL]),
      [
        [5n, 60n],
        [6n, 0n],
        [0n, 0n],
        [5n, 60n],
      ],
    );
    assert.deepEqual([answers[0]?.header?.revision, answers[0]?.header?.memberId], [1n, selfId]);
    assert.equal(await stream.end, 'ended');
  });

  it('ends a keep-alive stream when the leader cannot be asked', async () => {
    etcd.member.failure = new MemberError('timedOut', 'nobody answered');
    const path = 'etcdserverpb.Lease/LeaseKeepAlive';
    const stream = TypedStream.open(etcd, path, LeaseKeepAliveRequestSchema, LeaseKeepAliveResponseSchema);
    stream.send({ ID: 5n });

    assert.equal(await stream.end, `${grpcCode.unavailable} etcdserver: request timed out`);
  });
});

describe('Cluster', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('lists members by id, without a revision, after a barrier if asked', async () => {
    const path = 'etcdserverpb.Cluster/MemberList';
    const list = answered(await etcd.call(path, MemberListRequestSchema, MemberListResponseSchema));
    assert.equal(etcd.member.barriers, 0);
    await etcd.call(path, MemberListRequestSchema, MemberListResponseSchema, { linearizable: true });
    assert.equal(etcd.member.barriers, 1);

    assert.deepEqual([list.header?.memberId, list.header?.raftTerm, list.header?.revision], [selfId, 2n, 0n]);
    assert.deepEqual(
      list.members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => [ID, name, peerURLs, clientURLs, isLearner]),
      [
        [otherId, '', ['http://127.0.0.1:3'], [], false],
        [selfId, 'one', ['http://127.0.0.1:1'], ['http://127.0.0.1:2'], false],
      ],
    );
  });

  const add = (peerURLs: string[], isLearner = false) =>
    etcd.call('etcdserverpb.Cluster/MemberAdd', MemberAddRequestSchema, MemberAddResponseSchema, {
      peerURLs,
      isLearner,
    });

  it('adds a member under an id of its URLs and the second, and answers with all members', async () => {
    const [voter, learner] = [
      answered(await add(['http://b:2380', 'http://a:2380'])),
      answered(await add(['http://127.0.0.1:9'], true)),
    ];

    assert.deepEqual(voter.member?.peerURLs, ['http://a:2380', 'http://b:2380']);
    assert.deepEqual([voter.member?.name, voter.member?.isLearner, learner.member?.isLearner], ['', false, true]);
    assert.equal(voter.members.length, 2);
    assert.equal(voter.header?.revision, 0n);
    const now = Math.floor(Date.now() / 1000);
    const idAt = (seconds: number): bigint =>
      createHash('sha1').update(`http://a:2380http://b:2380${seconds}`).digest().readBigUInt64BE(0);
    assert.ok([idAt(now), idAt(now - 1)].includes(voter.member?.ID ?? 0n));
    assert.deepEqual(
      etcd.member.changes.map(({ kind, id }) => [kind, id]),
      [
        ['add', voter.member?.ID],
        ['add', learner.member?.ID],
      ],
    );
  });

  it('removes, promotes and updates', async () => {
    const header = { header: { memberId: selfId } };
    const paths = [
      ['Remove', MemberRemoveRequestSchema, MemberRemoveResponseSchema, { ID: 5n }],
      ['Promote', MemberPromoteRequestSchema, MemberPromoteResponseSchema, { ID: 5n }],
      ['Update', MemberUpdateRequestSchema, MemberUpdateResponseSchema, { ID: 5n, peerURLs: ['http://x:1'] }],
    ] as const;
    for (const [name, request, response, fields] of paths) {
      const path = `etcdserverpb.Cluster/Member${name}`;
      const { members, ...rest } = answered(
        await etcd.call<typeof request, typeof response>(path, request, response, fields),
      );
      assert.equal(members.length, 2, name);
      assert.equal(rest.header?.memberId, header.header.memberId);
    }

    assert.deepEqual(etcd.member.changes, [
      { kind: 'remove', id: 5n },
      { kind: 'promote', id: 5n },
      { kind: 'update', id: 5n, peerUrls: ['http://x:1'] },
    ]);
  });

  it("refuses URLs that no member can have, with etcd's text", async () => {
    for (const urls of [
      [],
      [''],
      ['127.0.0.1:1'],
      ['http://127.0.0.1'],
      ['http://127.0.0.1:1/path'],
      ['https://a:1'],
    ]) {
      const expected = `${grpcCode.invalidArgument} etcdserver: given member URLs are invalid`;
      assert.equal(await add(urls), expected, urls.join());
    }
    assert.deepEqual(etcd.member.changes, []);
  });

  const texts = {
    memberNotFound: `${grpcCode.notFound} etcdserver: member not found`,
    memberExists: `${grpcCode.failedPrecondition} etcdserver: member ID already exist`,
    peerUrlExists: `${grpcCode.failedPrecondition} etcdserver: Peer URLs already exists`,
    tooManyLearners: `${grpcCode.failedPrecondition} etcdserver: too many learner members in cluster`,
    learnerNotReady: `${grpcCode.failedPrecondition} etcdserver: can only promote a learner member which is in sync with leader`,
    memberNotLearner: `${grpcCode.failedPrecondition} etcdserver: can only promote a learner member`,
    notEnoughStarted: `${grpcCode.unknown} etcdserver: re-configuration failed due to not enough started members`,
    unhealthyCluster: `${grpcCode.unavailable} etcdserver: unhealthy cluster`,
  };
  for (const code of changeRefusals) {
    it(`answers a change that is refused (${code}) with etcd's status and text`, async () => {
      etcd.member.failure = new MemberError(code, 'refused');

      assert.equal(await add(['http://x:1']), texts[code]);
    });
  }

  it('says that a change whose outcome is unknown may have happened', async () => {
    etcd.member.failure = new OutcomeUnknownError('lost');

    assert.equal(
      await add(['http://x:1']),
      `${grpcCode.unavailable} etcdserver: request timed out, possibly due to previous leader failure`,
    );
  });
});

describe('a learner', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
    etcd.member.learner = true;
  });
  afterEach(() => etcd.close());

  it('serves its status, serializable reads and snapshots, and nothing else', async () => {
    const refused = `${grpcCode.failedPrecondition} etcdserver: rpc not supported for learner`;
    const range = (serializable: boolean) =>
      etcd.call('etcdserverpb.KV/Range', RangeRequestSchema, RangeResponseSchema, {
        key: Buffer.from('k'),
        serializable,
      });

    assert.equal(await range(false), refused);
    assert.equal(typeof (await range(true)), 'object');
    const status = answered(
      await etcd.call('etcdserverpb.Maintenance/Status', StatusRequestSchema, StatusResponseSchema),
    );
    assert.equal(status.isLearner, true);
    for (const path of [
      'KV/Put',
      'KV/Txn',
      'KV/Compact',
      'Lease/LeaseGrant',
      'Cluster/MemberList',
      'Maintenance/HashKV',
    ]) {
      assert.equal(await etcd.port.unary(`/etcdserverpb.${path}`, Buffer.alloc(0)), refused, path);
    }
    const watch = TypedStream.open(etcd, 'etcdserverpb.Watch/Watch', SnapshotRequestSchema, SnapshotResponseSchema);
    assert.equal(await watch.end, refused);
  });
});

describe('Maintenance', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  const status = () => etcd.call('etcdserverpb.Maintenance/Status', StatusRequestSchema, StatusResponseSchema);
  const moveLeader = (targetID: bigint) =>
    etcd.call('etcdserverpb.Maintenance/MoveLeader', MoveLeaderRequestSchema, MoveLeaderResponseSchema, { targetID });
  const hashKv = (revision: bigint) =>
    etcd.call('etcdserverpb.Maintenance/HashKV', HashKVRequestSchema, HashKVResponseSchema, { revision });

  it('tells its status, and that there is no leader', async () => {
    const fine = answered(await status());
    etcd.member.setLeader(undefined);
    const alone = answered(await status());

    assert.deepEqual(
      [fine.version, fine.storageVersion, fine.leader, fine.raftTerm, fine.raftIndex, fine.raftAppliedIndex],
      ['3.6.0', '3.6.0', selfId, 2n, 1n, 0n],
    );
    assert.deepEqual([fine.dbSize, fine.dbSizeInUse, fine.isLearner, fine.errors], [4096n, 1024n, false, []]);
    assert.deepEqual([fine.downgradeInfo?.enabled, fine.header?.revision], [false, 1n]);
    assert.deepEqual([alone.leader, alone.errors], [0n, ['etcdserver: no leader']]);
  });

  it('hands leadership over, to a member and by the leader only, and answers without a header', async () => {
    assert.equal(await moveLeader(99n), `${grpcCode.failedPrecondition} etcdserver: bad leader transferee`);
    assert.equal(answered(await moveLeader(selfId)).header, undefined);
    assert.equal(answered(await moveLeader(otherId)).header, undefined);
    assert.equal(etcd.member.status().leader, otherId);
    assert.equal(await moveLeader(selfId), `${grpcCode.failedPrecondition} etcdserver: not leader`);
  });

  it('hashes keys at a revision that can be read', async () => {
    for (const value of ['1', '2', '3']) await etcd.member.propose({ kind: 'put', request: putRequest('a', value) });
    const latest = answered(await hashKv(0n));
    const [named, earlier] = [answered(await hashKv(4n)), answered(await hashKv(3n))];

    assert.deepEqual([latest.hashRevision, latest.compactRevision, latest.header?.revision], [4n, -1n, 4n]);
    assert.equal(named.hash, latest.hash);
    assert.notEqual(earlier.hash, latest.hash);
    await etcd.member.propose({ kind: 'compact', request: compactRequest(3) });
    const compacted = `${grpcCode.outOfRange} etcdserver: mvcc: required revision has been compacted`;
    for (const revision of [1n, 3n]) assert.equal(await hashKv(revision), compacted);
    assert.equal(await hashKv(5n), `${grpcCode.outOfRange} etcdserver: mvcc: required revision is a future revision`);
  });

  it('sends a backup in blobs, filled up to whole sectors, with its sum behind', async () => {
    const value = 'v'.repeat(20_000);
    for (const key of ['a', 'b', 'c', 'd']) await etcd.member.propose({ kind: 'put', request: putRequest(key, value) });
    const request = toBinary(SnapshotRequestSchema, create(SnapshotRequestSchema));
    const path = '/etcdserverpb.Maintenance/Snapshot';
    const blobs: Buffer[] = [];
    const versions = new Set<string>();
    let remaining = 0n;
    for await (const bytes of etcd.port.client.makeServerStreamRequest(path, same, same, request)) {
      const response = fromBinary(SnapshotResponseSchema, bytes as Buffer);
      blobs.push(Buffer.from(response.blob));
      versions.add(response.version);
      remaining = response.remainingBytes;
    }
    const sum = blobs.pop();
    const content = Buffer.concat(blobs);

    assert.ok(content.length > 80_000);
    assert.equal(content.length % 512, 0);
    assert.deepEqual(sum, createHash('sha256').update(content).digest());
    assert.ok(blobs.slice(0, -1).every((blob) => blob.length === 32 * 1024));
    assert.deepEqual([remaining, [...versions]], [0n, ['3.6.0']]);
  });
});

describe('Health', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('speaks for the whole server and for nobody else', async () => {
    const check = (service: string) =>
      etcd.call('grpc.health.v1.Health/Check', HealthCheckRequestSchema, HealthCheckResponseSchema, { service });

    assert.equal(answered(await check('')).status, Serving.SERVING);
    assert.equal(await check('etcd'), `${grpcCode.notFound} unknown service`);
    etcd.serving.stop();
    assert.equal(answered(await check('')).status, Serving.NOT_SERVING);
  });

  it('tells those who watch that it is about to close', async () => {
    const watch = (service: string) => {
      const request = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
      const stream = etcd.port.client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, request);
      return new TypedStream(stream, HealthCheckRequestSchema, HealthCheckResponseSchema);
    };
    const whole = watch('');
    const unknown = watch('etcd');

    assert.equal((await whole.next()).status, Serving.SERVING);
    assert.equal((await unknown.next()).status, Serving.SERVICE_UNKNOWN);
    etcd.serving.stop();
    assert.equal((await whole.next()).status, Serving.NOT_SERVING);
    whole.cancel();
    unknown.cancel();
  });
});

describe('every call', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('that wants a leader is refused while there is none', async () => {
    const path = 'etcdserverpb.Cluster/MemberList';
    const list = (hasleader: string) =>
      etcd.call(path, MemberListRequestSchema, MemberListResponseSchema, {}, { hasleader });

    assert.equal(typeof (await list('true')), 'object');
    etcd.member.setLeader(undefined);
    assert.equal(await list('true'), `${grpcCode.unavailable} etcdserver: no leader`);
    assert.equal(typeof (await list('false')), 'object');
  });

  it('of a method that is not built says so, and where to read about it', async () => {
    for (const path of [
      'etcdserverpb.Auth/AuthEnable',
      'etcdserverpb.Maintenance/Defragment',
      'etcdserverpb.Maintenance/Alarm',
    ]) {
      assert.equal(
        await etcd.port.unary(`/${path}`, Buffer.alloc(0)),
        `${grpcCode.unimplemented} kontiki: ${path} is not built yet: see docs/etcd-api.md`,
      );
    }
  });

  it('has a row: every method of every definition is served or refused by name', async () => {
    const member = new MemoryMember();
    const limits = { requestBytesMax: 1, txnOperationsMax: 1, leaseTtlMin: 1 };
    const context = { member, headers: new Headers(member), limits, logger: silentLogger };
    const services = new Map(etcdServices(context, new ServingState()).map(({ name, methods }) => [name, methods]));
    const definitions: readonly DescService[] = [KV, Watch, Lease, Cluster, Maintenance, Auth, Health];

    assert.deepEqual([...services.keys()].sort(), definitions.map(({ typeName }) => typeName).sort());
    for (const { typeName, methods } of definitions) {
      const names = methods
        .map(({ name }) => name)
        .filter((name) => `${typeName}/${name}` !== 'etcdserverpb.KV/RangeStream');
      assert.deepEqual(Object.keys(services.get(typeName) ?? {}).sort(), names.sort(), typeName);
      for (const { name, methodKind } of methods) {
        const kind = services.get(typeName)?.[name]?.kind;
        const expected = { unary: 'unary', server_streaming: 'serverStream', bidi_streaming: 'bidi' }[
          String(methodKind)
        ];
        if (kind !== undefined) assert.equal(kind, expected, `${typeName}/${name}`);
      }
    }
    await member.stop();
  });
});

describe('the table of refusals', () => {
  it('says of every text whose it is', () => {
    for (const [condition, [code, text]] of Object.entries(refusals)) {
      assert.match(text, /^(etcdserver: |kontiki: |unknown service$)/, condition);
      assert.notEqual(code, grpcCode.ok, condition);
    }
  });

  it('has a row for whatever a member throws', () => {
    const coded = (code: string, fields: object = {}): Error => Object.assign(new Error('x'), { code }, fields);
    const rows: readonly (readonly [Error, keyof typeof refusals])[] = [
      [new MemberError('timedOut', 'x'), 'timedOut'],
      [new MemberError('badTransferee', 'x'), 'badTransferee'],
      [coded('OVERLOADED'), 'tooManyRequests'],
      [coded('OUTCOME_UNKNOWN'), 'timedOutLeaderFailure'],
      [coded('UNAVAILABLE'), 'timedOut'],
      [coded('STOPPED'), 'stopped'],
      [coded('NOT_LEADER', { leader: undefined }), 'noLeader'],
      [coded('NOT_LEADER', { leader: 'a' }), 'leaderChanged'],
    ];
    for (const [error, condition] of rows) {
      const refused = refusalOf(error);
      assert.ok(refused instanceof RpcError, condition);
      assert.deepEqual([refused.code, refused.message], [...refusals[condition]]);
    }
  });

  it('leaves a stranger as it is', () => {
    const stranger = new TypeError('undefined is not a function');
    assert.equal(refusalOf(stranger), stranger);
  });
});

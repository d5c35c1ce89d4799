import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  MemberListRequestSchema,
  MemberListResponseSchema,
  PutRequestSchema,
  PutResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  TxnRequestSchema,
  WatchRequestSchema,
} from '@kontiki/etcd-proto';
import { type Answer, type Call, grpcCode } from '@kontiki/grpc';
import { VfsError } from '@kontiki/wal';
import type { ServerConfig } from '../../src/config/server-config.ts';
import { DataDirError } from '../../src/data-dir.ts';
import { silentLogger } from '../../src/log.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { kvService } from '../../src/services/kv.ts';
import { Headers } from '../../src/services/response-header.ts';
import { same } from '../rpc/port.ts';
import { EtcdClient, MemoryMachine, planCluster, recordingLogger } from './memory-server.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

let running: { stop(): Promise<void> }[] = [];
let clients: EtcdClient[] = [];

async function start(config: ServerConfig, machine: MemoryMachine, logger = silentLogger): Promise<RunningServer> {
  const server = await startServer(config, { logger, storage: machine.storage() });
  running.push(server);
  return server;
}

async function stop(server: RunningServer): Promise<void> {
  running = running.filter((one) => one !== server);
  await server.stop();
}

function clientOf(server: RunningServer): EtcdClient {
  const [address] = server.clientAddresses;
  if (address === undefined) throw new Error('a server without a client port');
  const client = new EtcdClient(address);
  clients.push(client);
  return client;
}

async function put(client: EtcdClient, key: string, value: string): Promise<bigint> {
  const fields = { key: bytes(key), value: bytes(value) };
  const { header } = await client.call('etcdserverpb.KV/Put', PutRequestSchema, PutResponseSchema, fields);
  return header?.revision ?? 0n;
}

async function get(client: EtcdClient, key: string): Promise<string | undefined> {
  const fields = { key: bytes(key) };
  const { kvs } = await client.call('etcdserverpb.KV/Range', RangeRequestSchema, RangeResponseSchema, fields);
  return kvs[0] === undefined ? undefined : Buffer.from(kvs[0].value).toString();
}

async function one(...flags: readonly string[]): Promise<ServerConfig> {
  const [config] = await planCluster(1, ...flags);
  if (config === undefined) throw new Error('no member');
  return config;
}

describe('a server', () => {
  beforeEach(() => {
    running = [];
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    for (const server of running) await server.stop();
  });

  it('serves clients once it has published itself, and says so in the words that scripts wait for', async () => {
    const { logger, lines } = recordingLogger();
    const config = await one();
    const server = await start(config, new MemoryMachine(), logger);
    const client = clientOf(server);
    const { members } = await client.call(
      'etcdserverpb.Cluster/MemberList',
      MemberListRequestSchema,
      MemberListResponseSchema,
    );

    assert.deepEqual(
      members.map(({ ID, name, clientURLs }) => [ID, name, clientURLs]),
      [[config.flaggedCluster().memberId, 'm0', [...config.advertiseClientUrls]]],
    );
    const messages = lines.map(({ msg }) => msg);
    const wanted = [
      'starting an etcd server',
      'serving peer traffic',
      'published local member to cluster through raft',
      'enabled capabilities for version',
      'ready to serve client requests',
      'serving client traffic insecurely; this is strongly discouraged!',
    ];
    assert.deepEqual(
      messages.filter((message) => wanted.includes(String(message))),
      wanted,
    );
    assert.ok(lines.every(({ level, ts }) => typeof level === 'string' && typeof ts === 'string'));
  });

  it('shows the figures of its member', async () => {
    const server = await start(await one(), new MemoryMachine());
    const client = clientOf(server);
    await put(client, 'a', '1');
    const [address] = server.clientAddresses;
    const response = await fetch(`http://${address?.host}:${address?.port}/metrics`);
    const text = await response.text();

    assert.match(text, /^etcd_server_has_leader 1$/m);
    assert.match(text, /^etcd_server_is_leader 1$/m);
    assert.match(text, /^etcd_debugging_mvcc_current_revision 2$/m);
    assert.match(text, /^etcd_server_proposals_applied_total [1-9]/m);
    assert.match(text, /^etcd_disk_wal_fsync_duration_seconds_count [1-9]/m);
  });

  it('keeps what it acknowledged, across a stop and across a power failure', async () => {
    const machine = new MemoryMachine();
    const config = await one();
    const first = await start(config, machine);
    assert.equal(await put(clientOf(first), 'a', '1'), 2n);
    await stop(first);

    const second = await start(config, machine);
    const client = clientOf(second);
    assert.equal(await get(client, 'a'), '1');
    assert.equal(await put(client, 'b', '2'), 3n);
    await stop(second);
    machine.disk.crash(() => false);

    const third = await start(config, machine);
    assert.equal(await get(clientOf(third), 'b'), '2');
  });

  it('keeps nothing of the bytes that a request came in', async () => {
    const machine = new MemoryMachine();
    const config = await one();
    const first = await start(config, machine);
    const { member } = first;
    const limits = { requestBytesMax: 1_000_000, txnOperationsMax: 128, leaseTtlMin: 1 };
    const { methods } = kvService({ member, headers: new Headers(member), limits, logger: silentLogger });
    const handle = (method: string, chunk: Uint8Array): Promise<Answer> => {
      const found = methods[method];
      assert.ok(found?.kind === 'unary');
      return found.handle(chunk, { cancelled: false } as Call);
    };
    const request = { case: 'requestPut', value: { key: bytes('b'), value: bytes('2') } } as const;
    const chunks = [
      ['Put', toBinary(PutRequestSchema, create(PutRequestSchema, { key: bytes('a'), value: bytes('1') }))],
      ['Txn', toBinary(TxnRequestSchema, create(TxnRequestSchema, { success: [{ request }] }))],
    ] as const;
    for (const [method, chunk] of chunks) {
      const answer = handle(method, chunk);
      chunk.fill(0xff);
      await answer;
    }

    assert.equal(await get(clientOf(first), 'a'), '1');
    assert.equal(await get(clientOf(first), 'b'), '2');
    await stop(first);
    const client = clientOf(await start(config, machine));
    assert.equal(await get(client, 'a'), '1');
    assert.equal(await get(client, 'b'), '2');
  });

  it('refuses a data directory that another server has open, and one made under another token', async () => {
    const machine = new MemoryMachine();
    const alone = await one();
    const first = await start(alone, machine);

    const again = { ...alone, listenClientUrls: [], listenPeerUrl: { ...alone.listenPeerUrl, port: 0 } };
    await assert.rejects(
      () => startServer(again, { logger: silentLogger, storage: machine.storage() }),
      (error: unknown) => error instanceof VfsError && error.code === 'LOCKED',
    );
    assert.equal(await put(clientOf(first), 'a', '1'), 2n, 'the one that has it goes on');
    await stop(first);
    const stranger = { ...alone, initialClusterToken: 'another' };
    await assert.rejects(
      () => startServer(stranger, { logger: silentLogger, storage: machine.storage() }),
      (error: unknown) => error instanceof DataDirError && /belongs to member/.test(error.message),
    );
  });

  it('names a port that it cannot have, and lets go of everything', async () => {
    const first = await start(await one(), new MemoryMachine());
    const [taken] = first.clientAddresses;
    if (taken === undefined) throw new Error('no port');
    const machine = new MemoryMachine();
    const config = await one();
    const url = { text: '', scheme: 'http', host: taken.host, port: taken.port } as const;

    const refused = { ...config, listenClientUrls: [url] };
    await assert.rejects(
      () => startServer(refused, { logger: silentLogger, storage: machine.storage() }),
      new RegExp(
        `^Error: cannot listen for clients on 127\\.0\\.0\\.1:${taken.port}: another process listens there; stop it`,
      ),
    );
    const second = await start(config, machine);
    assert.equal(await put(clientOf(second), 'a', '1'), 2n);
  });

  it('ends its streams when it stops, and tells their clients', async () => {
    const server = await start(await one(), new MemoryMachine());
    const client = clientOf(server);
    const stream = client.grpc.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', same, same);
    const ended = new Promise((resolve) => {
      stream.on('error', (error: Error) => resolve(`${Reflect.get(error, 'code')} ${Reflect.get(error, 'details')}`));
    });
    const created = create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: { key: bytes('a') } } });
    stream.write(toBinary(WatchRequestSchema, created));
    await new Promise((resolve) => stream.once('data', resolve));

    const began = performance.now();
    await stop(server);
    assert.equal(await ended, `${grpcCode.unavailable} etcdserver: server stopped`);
    assert.ok(performance.now() - began < 1_500, 'nobody is waited for in vain');
  });

  it('stops itself when its disk fails, and acknowledges nothing from then on', async () => {
    const machine = new MemoryMachine();
    const server = await start(await one(), machine);
    const client = clientOf(server);
    await put(client, 'a', '1');
    const failure = new Promise<Error>((resolve) => server.onFailure(resolve));

    machine.writesFail = 'NO_SPACE';
    await assert.rejects(() => put(client, 'b', '2'));
    assert.match((await failure).message, /\/m0\/member\/wal/);
    machine.writesFail = undefined;
    await assert.rejects(() => put(client, 'c', '3'), { code: grpcCode.unavailable });
  });
});

describe('three servers', () => {
  beforeEach(() => {
    running = [];
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    await Promise.all(running.map((server) => server.stop()));
  });

  it('serve every client through every member, and hand leadership over when the leader stops', async () => {
    const configs = await planCluster(3);
    const servers = await Promise.all(configs.map((config) => start(config, new MemoryMachine())));
    const byServer = new Map(servers.map((server) => [server, clientOf(server)]));
    let n = 0;
    for (const client of byServer.values()) await put(client, 'a', String(++n));
    for (const client of byServer.values()) assert.equal(await get(client, 'a'), '3');

    const leader = servers.find((server) => server.member.status().isLeader);
    assert.ok(leader !== undefined);
    const [follower] = servers.filter((server) => server !== leader);
    assert.ok(follower !== undefined);
    const term = follower.member.status().term;
    await stop(leader);

    const client = byServer.get(follower);
    assert.ok(client !== undefined);
    assert.equal(await put(client, 'a', '4'), 5n);
    assert.equal(await get(client, 'a'), '4');
    assert.equal(follower.member.status().term, term + 1, 'one hand-over, no election that timed out');
  });
});

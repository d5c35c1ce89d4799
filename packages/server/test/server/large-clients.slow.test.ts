// The largest that clients of etcd are, under the bounds that keep hostile ones small: all keys in one answer, many watchers,
// many connections, the longest request.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  PutRequestSchema,
  PutResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchRequestSchema,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import { greeting } from '../../../grpc/test/client.ts';
import { silentLogger } from '../../src/log.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { same } from '../rpc/port.ts';
import { EtcdClient, MemoryMachine, planCluster } from './memory-server.ts';

const megabyte = 2 ** 20;
const largeKeys = 112;
let server: RunningServer;
let client: EtcdClient;

before(async () => {
  const [config] = await planCluster(1);
  assert.ok(config);
  server = await startServer(config, { logger: silentLogger, storage: new MemoryMachine().storage() });
  client = another();
  for (let index = 0; index < largeKeys; index++) await put(`large/${index}`, megabyte);
});
after(async () => {
  client.close();
  await server.stop();
});

/** On a connection of its own. */
function another(): EtcdClient {
  const [address] = server.clientAddresses;
  assert.ok(address);
  return new EtcdClient(address, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': 2 ** 30,
  });
}

async function put(key: string, bytes: number): Promise<void> {
  const fields = { key: Buffer.from(key), value: Buffer.alloc(bytes, 7) };
  await client.call('etcdserverpb.KV/Put', PutRequestSchema, PutResponseSchema, fields);
}

async function everything(by: EtcdClient): Promise<number> {
  const fields = { key: Buffer.from('large/'), rangeEnd: Buffer.from('large0') };
  const { kvs } = await by.call('etcdserverpb.KV/Range', RangeRequestSchema, RangeResponseSchema, fields);
  return kvs.reduce((sum, { value }) => sum + value.length, 0);
}

it('serves 112 MiB in one answer, to two clients at once, and takes a write meanwhile', async () => {
  const others = [another()];

  const all = await Promise.all(
    [client, ...others].map((each) => everything(each)).concat(put('small', 1).then(() => 0)),
  );

  assert.deepEqual(all, [largeKeys * megabyte, largeKeys * megabyte, 0]);
  for (const other of others) other.close();
});

/** What a transaction that also writes was told. */
async function writeAndReadEverything(by: EtcdClient): Promise<number> {
  const puts = { request: { case: 'requestPut' as const, value: { key: Buffer.from('small') } } };
  const reads = {
    request: { case: 'requestRange' as const, value: { key: Buffer.from('large/'), rangeEnd: Buffer.from('large0') } },
  };
  const fields = { success: [puts, reads] };
  const { responses } = await by.call('etcdserverpb.KV/Txn', TxnRequestSchema, TxnResponseSchema, fields);
  const read = responses[1]?.response;
  assert.ok(read?.case === 'responseRange');
  return read.value.kvs.reduce((sum, { value }) => sum + value.length, 0);
}

it('answers 112 MiB to each of two transactions that write, and serves others meanwhile', async () => {
  const clients = [another(), another()];
  let done = false;

  const all = Promise.all(clients.map((each) => writeAndReadEverything(each))).finally(() => {
    done = true;
  });
  while (!done) await put('meanwhile', 1);

  assert.deepEqual(await all, [largeKeys * megabyte, largeKeys * megabyte]);
  for (const other of clients) other.close();
});

it('takes a request of 1.5 MiB', async () => {
  await put('long', 1.5 * megabyte - 1000);
});

it('tells 16,384 watchers on one connection', async () => {
  const watchers = 16_384;
  const stream = client.grpc.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', same, same);
  const told = new Set<bigint>();
  let created = 0;
  const isTold = new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (bytes: Uint8Array) => {
      const response = fromBinary(WatchResponseSchema, bytes);
      if (response.created) created += 1;
      if (response.events.length > 0) told.add(response.watchId);
      if (response.created && created === watchers) void put('watched', 10);
      if (told.size === watchers) resolve();
    });
  });
  const value = { key: Buffer.from('watched') };
  const request = create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value } });
  const bytes = toBinary(WatchRequestSchema, request);

  for (let times = 0; times < watchers; times++) stream.write(bytes);
  await isTold;

  assert.equal(told.size, watchers);
  stream.on('error', () => undefined);
  stream.cancel();
});

it('serves while 1,000 connections are open', async () => {
  const [address] = server.clientAddresses;
  assert.ok(address);
  const sockets: Socket[] = [];
  for (let times = 0; times < 1000; times++) {
    const socket = connect(address);
    sockets.push(socket);
    socket.write(greeting);
  }
  await Promise.all(sockets.map((socket) => once(socket, 'data')));

  assert.equal(await everything(client), largeKeys * megabyte);

  assert.ok(sockets.every(({ destroyed }) => !destroyed));
  for (const socket of sockets) socket.destroy();
});

// The whole as an embedder holds it: a node with promises, a host behind a remote call, a client.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Configuration, type NodeId, RaftNode } from '@kontiki/raft';
import { MemoryLogDisk, MemorySnapshotDisk, MessageNetwork, VirtualTime } from '@kontiki/raft/memory';
import {
  decodeAnswer,
  encodeRequest,
  peerEndpoint,
  remoteEndpoint,
  SessionClient,
  SessionExpiredError,
  SessionHost,
  type SessionLimits,
  SessionMachine,
} from '@kontiki/raft/sessions';
import { add, decodeSum, encodeSum, Tally } from '@kontiki/raft/testing';

const id = 'a' as NodeId;
const alone: Configuration = { voters: [id], outgoing: [], learners: [], addresses: [] };

async function open(limits: Partial<SessionLimits> = {}) {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const network = new MessageNetwork();
  const machine = new SessionMachine({ machine: new Tally(), encodeReply: encodeSum });
  const opening = RaftNode.open({
    id,
    boot: 1,
    bootstrap: alone,
    log: new MemoryLogDisk().open(ticker),
    snapshots: new MemorySnapshotDisk().open(ticker),
    transport: network.at(id, ticker),
    ticker,
    stateMachine: machine,
    seed: 'seed',
    settings: { commandBytesMax: 1000 },
    onRequest: (_from, body, reply) => host.handle(body, reply),
  });
  time.settle();
  const node = await opening;
  const host = new SessionHost({ node, table: machine.table, ticker, limits });
  time.until(() => node.status().role === 'leader' && node.status().commit > 0, 'it leads');
  const finish = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    for (let turn = 0; !isOver && turn < 1000; turn++) {
      time.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return promise;
  };
  const endpoints = new Map([[id, remoteEndpoint((request) => host.call(request), ticker)]]);
  const connect = (): Promise<SessionClient<number>> =>
    finish(SessionClient.open({ endpoints, ticker, seed: 'client', decodeReply: decodeSum }));
  return { time, ticker, network, node, host, machine, finish, connect };
}

test('a client runs commands, reads what it wrote, and closes', async () => {
  const { node, machine, finish, connect } = await open();
  const client = await connect();
  const sums = await finish(Promise.all([1, 2, 3].map((amount) => client.propose(add(amount)))));

  assert.deepEqual(sums, [1, 3, 6]);
  assert.equal(client.reads.index, node.status().applied);
  assert.equal(await finish(node.read('sum', { consistency: 'session', session: client.reads })), 6);
  await finish(client.close());
  assert.equal(machine.table.size, 0);
  await assert.rejects(finish(client.propose(add(1))), { code: 'STOPPED' });
});

test('a session that made room for another is over, and begins again only when told', async () => {
  const { finish, connect, machine } = await open({ sessions: 1 });
  const [first, second] = [await connect(), await connect()];
  await assert.rejects(finish(first.propose(add(1))), SessionExpiredError);
  await assert.rejects(finish(first.propose(add(1))), { code: 'SESSION_EXPIRED', effect: 'none' });
  assert.equal(first.id, undefined);
  await finish(first.register());

  assert.equal(await finish(first.propose(add(5))), 5);
  assert.notEqual(first.id, second.id);
  assert.equal(machine.table.size, 1);
});

test('a command that is too large is refused by name', async () => {
  const { finish, connect } = await open();
  const client = await connect();

  await assert.rejects(finish(client.propose(new Uint8Array(2000))), RangeError);
});

test('what is no request is answered as malformed', async () => {
  const { host } = await open();

  assert.deepEqual(decodeAnswer(await host.call(Uint8Array.of(1, 2))), { kind: 'refused', reason: 'malformed' });
});

test('a command outside any session goes through the same log', async () => {
  const { host, machine, finish } = await open();
  const outcome = await finish(new Promise((resolve) => host.propose(add(4), resolve)));

  assert.deepEqual((outcome as { kind: string }).kind, 'done');
  assert.equal(machine.query('sum'), 4);
});

test('limits that cannot be are refused at the start', async () => {
  const { node, machine, ticker } = await open();
  for (const limits of [{ window: 0 }, { sessions: 2 ** 33 }, { idleTicks: 1.5 }]) {
    assert.throws(() => new SessionHost({ node, table: machine.table, ticker, limits }), /the limit/);
  }
});

test('a peer reaches the host over the link that Raft uses', async () => {
  const { network, time } = await open();
  const peer = network.at('b' as NodeId, time.ticker());
  peer.start({ receive: () => {}, unreachable: () => {}, offerSnapshot: () => undefined, request: () => {} });
  let answer: unknown;
  peerEndpoint(peer, id).request(encodeRequest({ kind: 'register' }), 50, (outcome) => {
    answer = outcome.kind === 'answered' ? decodeAnswer(outcome.body).kind : outcome;
  });
  time.advance(10);

  assert.equal(answer, 'registered');
});

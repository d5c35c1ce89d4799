import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Configuration, type NodeId, OutcomeUnknownError, RaftNode } from '@kontiki/raft';
import { MemoryLogDisk, MemorySnapshotDisk, MessageNetwork, VirtualTime } from '@kontiki/raft/memory';
import { MemoryRegister } from './register.ts';

const id = 'a' as NodeId;
const alone: Configuration = { voters: [id], outgoing: [], learners: [], addresses: [] };

async function open(appliedMessages = 1024) {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const disk = new MemoryLogDisk();
  const opening = RaftNode.open({
    id,
    boot: 1,
    bootstrap: alone,
    log: disk.open(ticker),
    snapshots: new MemorySnapshotDisk().open(ticker),
    transport: new MessageNetwork().at(id, ticker),
    ticker,
    stateMachine: new MemoryRegister(),
    seed: 'seed',
    settings: { appliedMessages },
  });
  time.settle();
  const node = await opening;
  time.until(() => node.status().role === 'leader' && node.status().commit > 0, 'it leads');
  return { time, node, disk };
}

test('propose resolves with the result, read with the answer, stop with nothing', async () => {
  const { time, node } = await open();
  const proposed = node.propose(Uint8Array.of(4));
  time.settle();
  const { result, at } = await proposed;
  const read = node.read('sum');
  const index = node.readIndex();
  time.settle();

  assert.equal(result, 4);
  assert.equal(await read, 4);
  assert.equal(await index, at.index);
  const stopping = node.stop();
  time.settle();
  await stopping;
  assert.deepEqual(await node.stopped, { kind: 'stopped' });
});

test('start says where a command stands, applied tells when it has come', async () => {
  const { time, node } = await open();
  const feed = node.applied()[Symbol.asyncIterator]();
  const started = node.start(Uint8Array.of(7));
  assert.equal(started.isLeader, true);
  time.settle();

  const { value } = await feed.next();

  assert.deepEqual(value?.kind === 'command' && [value.at.index, value.at.term, ...value.command], [
    started.index,
    started.term,
    7,
  ]);
});

test('a reader of applied that is slow holds the state machine up, and goes on where it was', async () => {
  const { time, node } = await open(2);
  const feed = node.applied()[Symbol.asyncIterator]();
  const heard: unknown[] = [];
  for (let value = 1; value <= 6; value++) {
    node.start(Uint8Array.of(value));
    time.settle();
  }
  assert.equal(node.metrics.commandsApplied, 2);

  for (let value = 1; value <= 6; value++) {
    const next = feed.next();
    time.settle();
    const step = await next;
    heard.push(step.value?.kind === 'command' && step.value.command[0]);
  }

  assert.deepEqual(heard, [1, 2, 3, 4, 5, 6]);
});

test('leaving the loop ends the subscription, stopping the node ends the loop', async () => {
  const { time, node } = await open(1);
  node.start(Uint8Array.of(1));
  const first = node.applied();
  const iterator = first[Symbol.asyncIterator]();
  await iterator.return?.();
  for (let value = 2; value <= 4; value++) {
    node.start(Uint8Array.of(value));
    time.settle();
  }
  assert.equal(node.metrics.commandsApplied, 4, 'nobody holds it up any more');
  const waiting = node.applied()[Symbol.asyncIterator]().next();
  void node.stop();
  time.settle();

  assert.deepEqual(await waiting, { done: true, value: undefined });
});

test('a node whose disk fails tells why it has stopped', async () => {
  const { time, node, disk } = await open();
  disk.failure = new Error('input/output error');
  const proposed = assert.rejects(node.propose(Uint8Array.of(1)), OutcomeUnknownError);
  time.settle();

  await proposed;
  const reason = await node.stopped;
  assert.equal(reason.kind === 'failed' && reason.error.message, 'input/output error');
});

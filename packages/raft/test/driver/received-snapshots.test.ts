import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Configuration,
  type Index,
  type Message,
  type NodeId,
  openDriver,
  type SnapshotMeta,
  type SnapshotSink,
  type Term,
  type TransportHandler,
} from '@kontiki/raft';
import { MemoryLogDisk, MemorySnapshotDisk, MessageNetwork, VirtualTime } from '@kontiki/raft/memory';
import { bytesOf, DurableRegister } from './register.ts';

const id = 'a' as NodeId;
const peer = 'b' as NodeId;
const alone: Configuration = { voters: [id], outgoing: [], learners: [], addresses: [] };

/** Nobody has told it of members yet. */
const joining: Configuration = { ...alone, voters: [] };

/** A node that is offered snapshots by the test. */
function node(configuration: Configuration = alone, hold: (removal: () => void) => void = (removal) => removal()) {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const disk = new MemorySnapshotDisk();
  const machine = new DurableRegister({ content: { at: { term: 0, index: 0 }, values: [] } }, ticker);
  const transport = new MessageNetwork().at(id, ticker);
  let handler: TransportHandler | undefined;
  const snapshots = disk.open(ticker);
  const opened: Parameters<Parameters<typeof openDriver<number, 'sum', number>>[1]>[0][] = [];
  openDriver<number, 'sum', number>(
    {
      id,
      boot: 1,
      ...(configuration === joining ? { join: { peers: [] } } : { bootstrap: configuration }),
      log: new MemoryLogDisk().open(ticker),
      snapshots: {
        ...snapshots,
        removeBefore: (before, done) => hold(() => snapshots.removeBefore(before, done)),
      },
      transport: {
        ...transport,
        start: (given) => {
          handler = given;
          transport.start(given);
        },
      },
      ticker,
      stateMachine: machine,
      seed: 'seed',
    },
    (outcome) => opened.push(outcome),
  );
  time.settle();
  const [outcome] = opened;
  assert.ok(outcome?.kind === 'done');
  const driver = outcome.value;
  const isAlone = configuration === alone;
  if (isAlone) time.until(() => driver.status().role === 'leader' && driver.status().applied > 0, 'it leads');
  const offer = (index: number) => {
    const last = { term: 1 as Term, index: index as Index };
    const meta: SnapshotMeta = { last, configuration };
    const sink = handler?.offerSnapshot(peer, meta);
    assert.ok(sink !== undefined);
    return sink;
  };
  const isRefused = (index: number): boolean =>
    handler?.offerSnapshot(peer, { last: { term: 1 as Term, index: index as Index }, configuration }) === undefined;
  const receive = (message: Message): void => handler?.receive(message);
  return { time, disk, machine, driver, offer, isRefused, receive };
}

function store(time: VirtualTime, sink: SnapshotSink): void {
  sink.write(bytesOf(1), assert.ifError);
  time.settle();
  sink.commit(assert.ifError);
  time.settle();
}

test('a snapshot is installed also when a newer one is stored that nobody announces', () => {
  const configuration = { ...alone, voters: [id, peer] };
  const { time, driver, offer, receive } = node(configuration);
  store(time, offer(9));
  store(time, offer(4));

  const last = { term: 1 as Term, index: 4 as Index };
  const snapshot = { last, configuration };
  receive({ kind: 'installSnapshot', from: peer, to: id, term: 2 as Term, snapshot, round: 1 });
  time.settle();

  assert.equal(driver.status().applied, 4);
});

test('an older snapshot stays when a removal that had to wait for another is long done', () => {
  const configuration = { ...alone, voters: [id, peer] };
  const removals: (() => void)[] = [];
  const { time, driver, offer, receive } = node(configuration, (removal) => removals.push(removal));
  const removeAll = (): void => {
    for (let removal = removals.shift(); removal !== undefined; removal = removals.shift()) {
      removal();
      time.settle();
    }
  };
  store(time, offer(6));
  store(time, offer(9));
  removeAll();
  store(time, offer(7));
  removeAll();

  const last = { term: 1 as Term, index: 7 as Index };
  receive({
    kind: 'installSnapshot',
    from: peer,
    to: id,
    term: 2 as Term,
    snapshot: { last, configuration },
    round: 1,
  });
  time.settle();

  assert.equal(driver.status().applied, 7);
});

test('a snapshot stays until the state machine has it, though the log begins after a newer one by then', () => {
  const configuration = { ...alone, voters: [id, peer] };
  const { time, machine, driver, offer, receive } = node(configuration);
  const install = (index: number): void => {
    const snapshot = { last: { term: 1 as Term, index: index as Index }, configuration };
    receive({ kind: 'installSnapshot', from: peer, to: id, term: 2 as Term, snapshot, round: index });
    time.settle();
  };
  machine.isFull = true;
  store(time, offer(6));
  install(6);
  store(time, offer(9));
  install(9);
  store(time, offer(12));
  machine.makeRoom();
  time.settle();

  assert.equal(driver.status().applied, 9);
});

test('a snapshot is refused while a removal is under way that would take it along', () => {
  const configuration = { ...alone, voters: [id, peer] };
  const removals: (() => void)[] = [];
  const { time, offer, isRefused } = node(configuration, (removal) => removals.push(removal));
  store(time, offer(6));
  assert.equal(isRefused(5), true);
  assert.equal(removals.length, 1);

  removals[0]?.();
  time.settle();
  store(time, offer(5));
});

test('a node that joins takes a snapshot only once its log has begun', () => {
  const { time, offer, isRefused, receive } = node(joining);
  assert.equal(isRefused(4), true);

  const none = { term: 0 as Term, index: 0 as Index };
  const heartbeat = { prev: none, entries: [], commit: 0 as Index, round: 1 };
  receive({ kind: 'appendEntries', from: peer, to: id, term: 2 as Term, ...heartbeat });
  assert.equal(isRefused(4), true);

  time.settle();
  store(time, offer(4));
});

test('a snapshot that the log has overtaken is dropped once the state machine is durable beyond it', () => {
  const { time, disk, machine, driver, offer } = node();
  store(time, offer(4));
  assert.equal(disk.count, 1);

  for (let value = 0; value < 6; value++) driver.start(bytesOf(value));
  time.until(() => driver.status().applied >= 6, 'all is applied');
  machine.flush();
  time.settle();

  assert.equal(disk.count, 0);
});

test('of snapshots that were stored and never announced only the newest stays', () => {
  const configuration = { ...alone, voters: [id, peer] };
  const { time, disk, offer } = node(configuration);
  for (const index of [4, 6, 9]) store(time, offer(index));

  assert.equal(disk.count, 1);
});

test('a snapshot that arrives while the node stops is refused, not an error of its own', () => {
  const { time, disk, driver, offer } = node();
  const sink = offer(4);
  sink.write(bytesOf(1), assert.ifError);
  time.settle();
  driver.stop({ handOver: false }, () => {});

  const answers: (Error | undefined)[] = [];
  sink.write(bytesOf(2), (error) => answers.push(error));
  time.settle();
  sink.commit((error) => answers.push(error));
  time.settle();

  assert.deepEqual(
    answers.map((error) => error instanceof Error),
    [true, true],
  );
  assert.equal(disk.count, 0);
});

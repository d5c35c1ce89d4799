// Snapshots that the state machine decides on: they are stored, the log shrinks, and a new life begins from them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Configuration, type Driver, type Index, type NodeId, openDriver } from '@kontiki/raft';
import {
  MemoryLogDisk,
  MemorySnapshotDisk,
  MessageNetwork,
  type VirtualTicker,
  VirtualTime,
} from '@kontiki/raft/memory';
import { bytesOf, DurableRegister, MemoryRegister } from './register.ts';

const id = 'a' as NodeId;
const alone: Configuration = { voters: [id], outgoing: [], learners: [], addresses: [] };
const never = Number.MAX_SAFE_INTEGER;

type RegisterDriver = Driver<number, 'sum', number>;

interface Life {
  readonly driver: RegisterDriver;
  readonly register: MemoryRegister;
  readonly ticker: VirtualTicker;
}

/** A node alone, whose disks outlive its processes. */
function machine() {
  const time = new VirtualTime();
  const log = new MemoryLogDisk();
  const snapshots = new MemorySnapshotDisk();
  const start = (boot: number): Life => {
    const ticker = time.ticker();
    const register = new MemoryRegister();
    const opened: RegisterDriver[] = [];
    openDriver<number, 'sum', number>(
      {
        id,
        boot,
        bootstrap: alone,
        log: log.open(ticker),
        snapshots: snapshots.open(ticker),
        transport: new MessageNetwork().at(id, ticker),
        ticker,
        stateMachine: register,
        seed: 'seed',
        settings: { snapshotEntries: never, snapshotBytes: never, catchUpEntries: 0 },
      },
      (outcome) => {
        if (outcome.kind === 'done') opened.push(outcome.value);
      },
    );
    time.settle();
    const [driver] = opened;
    assert.ok(driver !== undefined);
    time.until(() => driver.status().role === 'leader' && driver.status().applied > 0, 'it leads');
    return { driver, register, ticker };
  };
  return { time, log, snapshots, start };
}

function chunksOf(values: readonly number[]): readonly Uint8Array[] {
  return values.map(bytesOf);
}

test('a snapshot of an entry in the past is stored, and the log shrinks through that entry', () => {
  const { time, start } = machine();
  const { driver, ticker } = start(1);
  for (const value of [1, 2, 3, 4, 5]) driver.start(bytesOf(value));
  time.settle();
  const { applied } = driver.status();
  const answers: (Error | undefined)[] = [];

  driver.snapshot((applied - 2) as Index, chunksOf([1, 2, 3]), (error) => answers.push(error));
  assert.deepEqual(answers, [], 'never at once');
  time.settle();

  assert.deepEqual(answers, [undefined]);
  assert.equal(driver.status().first, applied - 1);
  ticker.stall();
  const next = start(2);
  assert.deepEqual(next.register.values, [1, 2, 3, 4, 5], 'the snapshot, and the log behind it');
});

test('a state machine may bring its snapshot while it is being given entries', () => {
  const { time, start } = machine();
  const { driver } = start(1);
  driver.listen({
    hasRoom: () => true,
    push: (messages) => {
      for (const message of messages)
        if (message.kind === 'command') driver.snapshot(message.at.index, chunksOf([7]), () => {});
    },
  });

  driver.start(bytesOf(7));
  time.settle();

  const { first, applied } = driver.status();
  assert.equal(first, applied + 1);
});

test('of those brought while one is being written only the newest is kept, and all are answered', () => {
  const { time, snapshots, start } = machine();
  const { driver } = start(1);
  for (const value of [1, 2, 3, 4]) driver.start(bytesOf(value));
  time.settle();
  const { applied } = driver.status();
  const answered: string[] = [];

  for (const back of [3, 0, 1]) {
    driver.snapshot((applied - back) as Index, chunksOf([]), (error) => answered.push(`${back} ${error ?? ''}`));
  }
  time.settle();

  assert.deepEqual(answered, ['3 ', '0 ', '1 ']);
  assert.equal(driver.metrics.snapshots.taken, 2);
  assert.equal(driver.status().first, applied + 1);
  assert.equal(snapshots.count, 1);
});

test('an older one changes nothing, and one of entries that nobody was given is an error of the caller', () => {
  const { time, start } = machine();
  const { driver } = start(1);
  for (const value of [1, 2]) driver.start(bytesOf(value));
  time.settle();
  const { applied } = driver.status();
  driver.snapshot(applied, chunksOf([1, 2]), () => {});
  time.settle();
  const answers: (Error | undefined)[] = [];

  driver.snapshot((applied - 1) as Index, chunksOf([1]), (error) => answers.push(error));
  time.settle();

  assert.deepEqual(answers, [undefined]);
  assert.equal(driver.metrics.snapshots.taken, 1);
  for (const index of [applied + 1, -1, 0.5]) {
    assert.throws(() => driver.snapshot(index as Index, [], () => {}), RangeError, `${index}`);
  }
});

test('a node that stops says so, and one on disk takes none', () => {
  const { time, snapshots, start } = machine();
  const { driver } = start(1);
  driver.start(bytesOf(1));
  time.settle();
  const answers: string[] = [];
  const { applied } = driver.status();

  snapshots.failure = new Error('disk is gone');
  driver.snapshot(applied, chunksOf([1]), (error) => answers.push(error?.message ?? ''));
  time.settle();
  driver.snapshot(applied, chunksOf([1]), (error) => answers.push(error?.name ?? ''));
  time.settle();

  assert.deepEqual(answers, ['disk is gone', 'StoppedError']);

  const ticker = time.ticker();
  const stateMachine = new DurableRegister({ content: { at: { term: 0, index: 0 }, values: [] } }, ticker);
  openDriver<number, 'sum', number>(
    {
      id,
      boot: 1,
      bootstrap: alone,
      log: new MemoryLogDisk().open(ticker),
      snapshots: new MemorySnapshotDisk().open(ticker),
      transport: new MessageNetwork().at(id, ticker),
      ticker,
      stateMachine,
      seed: 'seed',
    },
    (outcome) => {
      assert.ok(outcome.kind === 'done');
      assert.throws(() => outcome.value.snapshot(0 as Index, [], () => {}), TypeError);
    },
  );
  time.settle();
});

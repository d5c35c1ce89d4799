import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Configuration, type Driver, type NodeId, openDriver } from '@kontiki/raft';
import {
  MemoryLogDisk,
  MemorySnapshotDisk,
  MessageNetwork,
  type VirtualTicker,
  VirtualTime,
} from '@kontiki/raft/memory';
import { bytesOf, DurableRegister } from './register.ts';

const id = 'a' as NodeId;
const alone: Configuration = { voters: [id], outgoing: [], learners: [], addresses: [] };

/** A machine whose disks outlive its processes. */
function machine() {
  const time = new VirtualTime();
  const log = new MemoryLogDisk();
  const snapshots = new MemorySnapshotDisk();
  const disk = { content: { at: { term: 0, index: 0 }, values: [] } };
  const start = (boot: number): { driver: Driver<number, 'sum', number>; ticker: VirtualTicker; flush: () => void } => {
    const ticker = time.ticker();
    const stateMachine = new DurableRegister(disk, ticker);
    const opened: Driver<number, 'sum', number>[] = [];
    openDriver<number, 'sum', number>(
      {
        id,
        boot,
        bootstrap: alone,
        log: log.open(ticker),
        snapshots: snapshots.open(ticker),
        transport: new MessageNetwork().at(id, ticker),
        ticker,
        stateMachine,
        seed: 'seed',
        settings: { catchUpBytes: 500, commandBytesMax: 100 },
      },
      (outcome) => {
        if (outcome.kind === 'done') opened.push(outcome.value);
      },
    );
    time.settle();
    const [driver] = opened;
    assert.ok(driver !== undefined);
    return { driver, ticker, flush: () => stateMachine.flush() };
  };
  return { time, start };
}

test('what the state machine had made durable before a crash leaves the log after it, but for the tail', () => {
  const { time, start } = machine();
  const { driver, ticker, flush } = start(1);
  time.until(() => driver.status().role === 'leader' && driver.status().applied > 0, 'it leads');
  for (let value = 0; value < 200; value++) driver.start(bytesOf(value));
  time.until(() => driver.status().applied > 200, 'all is applied');
  flush();
  ticker.stall();
  assert.equal(driver.status().first, 1, 'the log was not compacted any more');

  const { driver: next } = start(2);
  time.settle();

  const { first, last } = next.status();
  assert.ok(first > 100, `the log begins at ${first}`);
  assert.ok(last.index - first > 2, `${last.index - first} entries are left for followers that lag a little`);
});

test('entries count with what they cost in memory, so that a log of tiny ones is compacted, too', () => {
  const { time, start } = machine();
  const { driver, flush } = start(1);
  time.until(() => driver.status().role === 'leader' && driver.status().applied > 0, 'it leads');

  for (let value = 0; value < 60; value++) driver.start(new Uint8Array(0));
  time.until(() => driver.status().applied > 60, 'all is applied');
  flush();
  time.settle();

  assert.ok(driver.status().first > 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualTime } from '../../src/memory/virtual-time.ts';

test('a process that stood still tells every listener of the ticks it has missed', () => {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const first: number[] = [];
  const second: number[] = [];
  ticker.start((elapsed) => first.push(elapsed));
  time.advance(1);
  ticker.start((elapsed) => second.push(elapsed));

  ticker.stall();
  time.advance(5);
  assert.deepEqual([first, second], [[1], []]);
  ticker.resume();
  time.advance(1);

  assert.deepEqual(first, [1, 5, 1]);
  assert.deepEqual(second, [5, 1]);
});

test('a listener that a tick takes back hears nothing more', () => {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const heard: number[] = [];
  ticker.start(() => cancel());
  const cancel = ticker.start((elapsed) => heard.push(elapsed));

  ticker.stall();
  time.advance(3);
  ticker.resume();

  assert.deepEqual(heard, []);
});

test('a process learns of the time before it does what has waited', () => {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const order: string[] = [];
  ticker.start((elapsed) => order.push(`tick ${elapsed}`));
  ticker.stall();
  ticker.defer(() => order.push('task'));
  ticker.after(2, () => order.push('timer'));
  time.advance(4);

  ticker.resume();
  time.settle();

  assert.deepEqual(order, ['tick 4', 'task', 'timer']);
});

test('what a process had waiting runs before what came while it woke', () => {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const order: string[] = [];
  ticker.stall();
  ticker.defer(() => order.push('waited'));
  time.settle();

  ticker.defer(() => order.push('came'));
  ticker.resume();
  time.settle();

  assert.deepEqual(order, ['waited', 'came']);
});

test('a process that wakes behind its clock sees who has just come, then what has waited, then the time', () => {
  const time = new VirtualTime();
  const ticker = time.ticker();
  const seen: string[] = [];
  ticker.start((elapsed) => seen.push(`tick ${elapsed}`));
  ticker.stall();
  ticker.defer(() => seen.push('waited'));
  time.advance(5);

  ticker.resumeBehind(() => {
    seen.push('came');
    ticker.defer(() => seen.push('its turn'));
  });
  time.advance(1);

  assert.deepEqual(seen, ['came', 'its turn', 'waited', 'tick 5', 'tick 1']);
});

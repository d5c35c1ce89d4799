import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../src/system-clock.ts';

test('a time longer than a timer of Node is waited for all the same', ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let called = 0;
  systemClock.after(2 ** 31 + 1000, () => {
    called += 1;
  });

  mock.timers.tick(2 ** 31 - 1);
  mock.timers.tick(1000);
  assert.equal(called, 0);
  mock.timers.tick(1);

  assert.equal(called, 1);
});

test('a time that is taken back is not waited for, however long', ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const cancel = systemClock.after(Number.POSITIVE_INFINITY, () => assert.fail('called'));
  mock.timers.tick(2 ** 31 - 1);

  cancel();
  mock.timers.tick(2 ** 31 - 1);
});

test('what was asked for soon is called in order, and what that asks for, a turn later', async () => {
  const order: string[] = [];
  systemClock.soon(() => {
    order.push('first');
    systemClock.soon(() => order.push('later'));
    queueMicrotask(() => order.push('microtask'));
  });
  systemClock.soon(() => order.push('second'));

  while (order.length < 4) await new Promise(setImmediate);

  assert.deepEqual(order, ['first', 'second', 'microtask', 'later']);
});

test('one that throws keeps nobody else from being called', ({ mock }) => {
  mock.timers.enable({ apis: ['setImmediate'] });
  let called = false;
  systemClock.soon(() => {
    throw new Error('on purpose');
  });
  systemClock.soon(() => {
    called = true;
  });

  assert.throws(() => mock.timers.tick(0), /on purpose/);
  mock.timers.tick(0);

  assert.ok(called);
});

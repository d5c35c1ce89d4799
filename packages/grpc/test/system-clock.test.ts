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

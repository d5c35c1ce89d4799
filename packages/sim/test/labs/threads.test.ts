// Threads on virtual time: order, waiting, and how a run ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Condition, Mutex, Threads } from '../../src/labs/threads.ts';

test('threads take turns in the order in which they are woken, and time jumps', () => {
  const said: string[] = [];
  const threads = new Threads();

  threads.run(function* (c) {
    const one = c.spawn(function* () {
      for (let at = 0; at < 2; at++) {
        yield* c.sleep(1000);
        said.push(`one at ${c.now}`);
      }
    });
    const two = c.spawn(function* () {
      yield* c.sleep(1000);
      said.push(`two at ${c.now}`);
      return 2;
    });
    said.push('main first');
    assert.equal(yield* c.join(two), 2);
    yield* c.join(one);
    said.push(`main at ${c.now}`);
  });

  assert.deepEqual(said, ['main first', 'one at 1000', 'two at 1000', 'one at 2000', 'main at 2000']);
});

test('a sleep of more than a turn of the wheel is as long as it says', () => {
  assert.equal(
    new Threads().run(function* (c) {
      const short = c.spawn(function* () {
        yield* c.sleep(20_000 - 8192);
        assert.equal(c.now, 11_808);
      });
      yield* c.sleep(20_000);
      assert.ok(short.isDone);
      return c.now;
    }),
    20_000,
  );
});

test('what a thread throws ends the run', () => {
  assert.throws(
    () =>
      new Threads().run(function* (c) {
        c.spawn(function* () {
          yield* c.sleep(10);
          throw new Error('no agreement');
        });
        yield* c.sleep(1000);
        assert.fail('main went on');
      }),
    /no agreement/,
  );
});

test('a run that hangs ends with an error, whether time passes or not', () => {
  assert.throws(
    () =>
      new Threads().run(function* (c) {
        yield* new Condition(c).wait();
      }),
    /every thread waits for another/,
  );
  assert.throws(
    () =>
      new Threads().run(function* (c) {
        for (;;) yield* c.sleep(100);
      }),
    /not done after 120 virtual seconds/,
  );
});

test('a mutex is handed over in the order of asking', () => {
  const held: string[] = [];
  new Threads().run(function* (c) {
    const mutex = new Mutex();
    const body = (name: string) =>
      function* () {
        yield* mutex.hold(function* () {
          held.push(`${name} from ${c.now}`);
          yield* c.sleep(5);
        });
      };
    yield* c.joinAll(['a', 'b', 'c'].map((name) => c.spawn(body(name))));
  });

  assert.deepEqual(held, ['a from 0', 'b from 5', 'c from 10']);
});

test('a condition wakes all that wait, and a wait can time out', () => {
  new Threads().run(function* (c) {
    const changed = new Condition(c);
    const patient = c.spawn(() => changed.waitFor(100));
    const impatient = c.spawn(() => changed.waitFor(10));
    yield* c.sleep(50);
    changed.wakeAll();

    assert.equal(yield* c.join(patient), true);
    assert.equal(yield* c.join(impatient), false);
    assert.equal(c.now, 50);
  });
});

test('only the first answer counts', () => {
  new Threads().run(function* (c) {
    const answer = yield* c.answerOf<number>((answer) => {
      c.clock.after(5, () => answer(5));
      c.clock.after(7, () => answer(7));
    });
    assert.equal(answer, 5);
    assert.equal(yield* c.answerWithin<number>(10, () => {}), undefined);
    assert.equal(c.now, 15);
  });
});

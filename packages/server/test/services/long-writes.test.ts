// Writes that may be answered at length take turns.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LongWrites } from '../../src/services/long-writes.ts';

/** A call whose client waits. */
const here = { cancelled: false };

it('carries them out one after the other, also behind one that fails', async () => {
  const writes = new LongWrites();
  const order: string[] = [];
  const write = (name: string, fails = false) =>
    writes.inTurn(here, async () => {
      order.push(`${name} begins`);
      await new Promise(setImmediate);
      order.push(`${name} ends`);
      if (fails) throw new Error('no leader');
      return name;
    });

  const ended = await Promise.allSettled([write('a'), write('b', true), write('c')]);

  assert.deepEqual(
    ended.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.equal(await write('d'), 'd');
});

it('does not begin one whose client has gone meanwhile', async () => {
  const writes = new LongWrites();
  const gone = { cancelled: false };
  let begun = false;

  const first = writes.inTurn(here, () => new Promise<void>((resolve) => setImmediate(resolve)));
  const second = writes.inTurn(gone, async () => {
    begun = true;
  });
  gone.cancelled = true;

  await first;
  await assert.rejects(second, /given up before its turn/);
  assert.equal(begun, false);
  assert.equal(await writes.inTurn(here, async () => 'next'), 'next');
});

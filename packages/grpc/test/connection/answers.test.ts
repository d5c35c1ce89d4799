// Whose answers may be made, and whose wait: their own client's, or memory that others hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerLine, type Answers } from '../../src/connection/answers.ts';
import { VirtualTime } from '../virtual-time.ts';

const megabyte = 2 ** 20;

class Shop {
  readonly time = new VirtualTime();
  readonly ended: string[] = [];
  readonly made: string[] = [];
  held = 0;
  readonly line = new AnswerLine(
    100 * megabyte,
    () => this.held,
    () => this.ended.push('the largest'),
  );

  client(name: string): Answers {
    return this.line.client({ scheduler: this.time, yieldMs: 5000, giveUp: () => this.ended.push(name) });
  }

  /** As a handler does: asks, makes, and writes in the same turn. */
  answer(client: Answers, name: string, bytes: number, known = 0): void {
    const make = (): void => {
      if (!client.made(bytes)) {
        this.answer(client, name, bytes, bytes);
        return;
      }
      this.made.push(name);
      this.take(client, -bytes);
    };
    if (client.room(known, make) === undefined) make();
  }

  take(client: Answers, bytes: number): void {
    this.held -= bytes;
    client.add(-bytes);
  }
}

test('a client that has enough to read gets its next answer when it has read most of it, one by one', () => {
  const shop = new Shop();
  const client = shop.client('a');

  for (const name of ['1', '2', '3']) shop.answer(client, name, 2 * megabyte);
  shop.time.turn();
  assert.deepEqual(shop.made, ['1']);

  shop.take(client, 1.5 * megabyte);
  shop.time.turn();
  assert.deepEqual(shop.made, ['1', '2']);
});

test('what was made and is not written yet counts, too', () => {
  const shop = new Shop();
  const client = shop.client('a');

  assert.equal(client.made(2 * megabyte), true);

  assert.ok(client.room(0, () => undefined));
});

test('an answer for which there is no memory waits for it, and small ones pass', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];
  shop.held = 74 * megabyte;

  shop.answer(b, 'large', 4 * megabyte);
  assert.deepEqual(shop.made, []);
  assert.equal(
    a.room(0, () => undefined),
    undefined,
  );

  shop.held = 60 * megabyte;
  a.add(1);
  a.add(-1);
  shop.time.turn();
  assert.deepEqual(shop.made, ['large']);
});

test('one huge answer at a time is made, and is not counted; the next one waits until it was taken', () => {
  const shop = new Shop();
  const [a, b, c] = [shop.client('a'), shop.client('b'), shop.client('c')];

  shop.answer(a, 'a', 200 * megabyte);
  shop.answer(b, 'b', 300 * megabyte);
  shop.answer(c, 'c', 10 * megabyte);
  assert.deepEqual(shop.made, ['a', 'c']);
  assert.equal(shop.line.uncounted, 200 * megabyte);

  for (let times = 0; times < 9; times++) {
    shop.take(a, 20 * megabyte);
    shop.time.pass(1000);
  }
  // Of `a`, a tenth is left: so much is counted again.
  assert.deepEqual(shop.made, ['a', 'c', 'b']);
  assert.deepEqual(shop.ended, []);
});

test('whoever takes little while another waits for memory gives way', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];
  shop.answer(a, 'a', 200 * megabyte);
  shop.answer(b, 'b', 200 * megabyte);

  shop.time.pass(4999);
  assert.deepEqual(shop.ended, []);
  shop.time.pass(1);
  assert.deepEqual(shop.ended, ['a']);
  a.close();
  shop.time.turn();

  assert.deepEqual(shop.made, ['a', 'b']);
});

test('nobody gives way for a client that only waits for itself', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];
  shop.answer(a, '1', 2 * megabyte);
  shop.answer(b, '1', 2 * megabyte);
  shop.answer(b, '2', 2 * megabyte);

  shop.time.pass(60_000);

  assert.deepEqual(shop.ended, []);
});

test('who takes a little now and then gives way as well', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];
  shop.answer(a, 'a', 200 * megabyte);
  shop.answer(b, 'b', 200 * megabyte);

  for (let times = 0; times < 5; times++) {
    shop.time.pass(1000);
    shop.take(a, megabyte);
  }

  assert.deepEqual(shop.ended, ['a']);
});

test('when it is not answers that fill the memory, whoever holds the most gives way', () => {
  const shop = new Shop();
  shop.held = 90 * megabyte;
  shop.answer(shop.client('a'), 'a', 2 * megabyte);

  shop.time.pass(5000);

  assert.deepEqual(shop.ended, ['the largest']);
});

test('whoever waits is let go when its connection closes', () => {
  const shop = new Shop();
  const client = shop.client('a');
  let gone = 0;
  client.add(2 * megabyte);
  client.room(0, () => {
    gone += 1;
  });

  client.close();

  assert.equal(gone, 1);
});

test('nobody gives way for a call that has left the line', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];
  shop.answer(a, 'a', 200 * megabyte);

  const leave = b.room(200 * megabyte, () => undefined);
  assert.ok(leave);
  leave();
  shop.time.pass(60_000);

  assert.deepEqual(shop.ended, []);
});

test('a huge answer that was made and refused for its length keeps no other from being made', () => {
  const shop = new Shop();
  const [a, b] = [shop.client('a'), shop.client('b')];

  assert.equal(a.made(200 * megabyte), true);
  shop.answer(b, 'b', 200 * megabyte);
  shop.time.pass(1000);

  assert.deepEqual(shop.made, ['b']);
  assert.equal(shop.line.uncounted, 200 * megabyte);
});

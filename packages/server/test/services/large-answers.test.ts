// Writes that may be answered at length: one at a time, and what they were answered waits for memory up to a bound.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TxnResult } from '@kontiki/kv';
import { LargeAnswers } from '../../src/services/large-answers.ts';
import { Headers } from '../../src/services/response-header.ts';
import { MemoryMember } from './memory-member.ts';

/** A client with or without room for answers. */
class Client {
  cancelled = false;
  hasRoom = true;
  #waiting: (() => void)[] = [];

  room(): Promise<void> | undefined {
    return this.hasRoom ? undefined : new Promise((resolve) => this.#waiting.push(resolve));
  }

  made(): boolean {
    return this.hasRoom;
  }

  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  go(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function open(): LargeAnswers {
  const member = new MemoryMember();
  return new LargeAnswers(member, new Headers(member));
}

/** With so many rows of 1 MiB, which are all the same one. */
function resultOf(rows: number): TxnResult {
  const value = Buffer.concat([Buffer.from([0x2a, 0x80, 0x80, 0x40]), Buffer.alloc(2 ** 20)]);
  const kvs = Array.from({ length: rows }, () => value);
  const responses = [{ kind: 'range' as const, revision: 1, kvs, more: false, count: rows }];
  return { kind: 'txn', revision: 1, succeeded: true, responses };
}

it('carries them out one after the other, also behind one that fails', async () => {
  const answers = open();
  const order: string[] = [];
  const write = (name: string, fails = false) =>
    answers.inTurn(new Client(), async () => {
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
  const answers = open();
  const gone = new Client();
  let begun = false;

  const first = answers.inTurn(new Client(), () => new Promise<void>((resolve) => setImmediate(resolve)));
  const second = answers.inTurn(gone, async () => {
    begun = true;
  });
  gone.cancelled = true;

  await first;
  await assert.rejects(second, /given up before its turn/);
  assert.equal(begun, false);
  assert.equal(await answers.inTurn(new Client(), async () => 'next'), 'next');
});

it('lets large answers wait for room, and sends at once what is beyond 128 MiB of them', async () => {
  const answers = open();
  const client = new Client();
  client.hasRoom = false;

  const waiting = answers.written(client, resultOf(100));
  assert.ok(waiting instanceof Promise && client.waits);
  assert.ok(!(answers.written(client, resultOf(100)) instanceof Promise));
  assert.ok(!(answers.written(client, resultOf(0)) instanceof Promise), 'a small one never waits');

  client.hasRoom = true;
  client.go();
  const pieces = await waiting;
  assert.ok(!(pieces instanceof Uint8Array));
  assert.ok(answers.written(client, resultOf(100)) instanceof Promise, 'nothing waits any more');
});

it('answers nothing to a client that has gone while it waited', async () => {
  const answers = open();
  const client = new Client();
  client.hasRoom = false;

  const waiting = answers.written(client, resultOf(1));
  client.cancelled = true;
  client.go();

  assert.equal((await waiting).length, 0);
});

// What writes were answered waits for memory, up to a bound.

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

// How much of what a client says at once is looked at before others have their turn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from '../../src/connection/memory.ts';
import { Client, data, windowUpdate } from '../client.ts';

const headersOf = (client: Client, from: number, to: number): Buffer =>
  Buffer.concat(Array.from({ length: to - from }, (_, index) => client.headers(1 + 2 * (from + index))));
const limits = { concurrentStreamsMax: 1000 };

test('of many requests at once each turn begins a part, in order, and no more is read before', () => {
  const client = Client.greeted({ limits });
  const begun: number[] = [];
  const look = (): void => {
    begun.push(client.requests.length);
    if (client.paused) client.time.soon(look);
  };

  client.connection.receive(headersOf(client, 0, 300));
  // Behind a pause a little may still come.
  client.connection.receive(data(1, Buffer.from('behind')));
  look();
  assert.deepEqual(client.requests[0]?.received, []);
  client.time.turn();

  assert.deepEqual(begun, [128, 256, 300]);
  assert.deepEqual(
    client.requests.map(({ stream }) => stream.id),
    Array.from({ length: 300 }, (_, index) => 1 + 2 * index),
  );
  assert.deepEqual(client.requests[0]?.received.map(String), ['behind']);
  assert.equal(client.paused, false);
});

test('what waits for its turn counts as held', () => {
  const memory = new MemoryBudget(2 ** 40);
  const client = Client.greeted({ limits, memory });
  client.connection.receive(headersOf(client, 0, 128));
  const before = memory.bytes;

  client.connection.receive(data(1, Buffer.alloc(10_000)));

  assert.ok(memory.bytes >= before + 10_000);
});

test('an offence behind the part of a turn ends the connection when its turn comes', () => {
  const client = Client.greeted({ limits });

  client.connection.receive(Buffer.concat([headersOf(client, 0, 200), windowUpdate(0, 0)]));
  assert.equal(client.ended, false);

  assert.equal(client.words().at(-1), 'GOAWAY 399 PROTOCOL_ERROR');
});

test('a client that does not read its answers stays paused when its requests have had their turns', () => {
  const client = Client.greeted({ limits });
  client.waiting = 2 ** 20;

  client.connection.receive(headersOf(client, 0, 200));
  client.time.turn();
  client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.from('answer'));
  client.connection.receive(headersOf(client, 200, 400));
  client.time.turn();
  assert.equal(client.paused, true);

  client.waiting = 0;
  client.connection.drained();
  assert.equal(client.paused, false);
});

// What all connections of a server hold together: who is refused, who has to go, and that everything is given back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from '../../src/connection/memory.ts';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import { Client, data, frame, requestRows, rstStream, settings, windowUpdate } from '../client.ts';
import { createRandom, seedOf } from '../random.ts';

const seed = seedOf(64);
const greeted = (memory: MemoryBudget): Client => {
  const client = Client.greeted({ memory, keepalive: { intervalMs: 0 } });
  client.takes = false;
  client.releases = true;
  return client;
};
/** Begins a request on a stream of its own, and sends so much of it. */
function begin(client: Client, streamId: number, bytes: number): void {
  client.send(client.headers(streamId));
  for (let left = bytes; left > 0; left -= 16_000) client.send(data(streamId, Buffer.alloc(Math.min(left, 16_000))));
}
const told = (client: Client): readonly string[] => client.words().filter((word) => !word.startsWith('WINDOW_UPDATE'));

test('whoever holds the most has to go for one who holds little: ENHANCE_YOUR_CALM', () => {
  const memory = new MemoryBudget(200_000);
  const [greedy, modest] = [greeted(memory), greeted(memory)];
  for (const streamId of [1, 3, 5]) begin(greedy, streamId, 50_000);
  assert.deepEqual(told(greedy), []);

  begin(modest, 1, 40_000);

  assert.deepEqual(told(greedy), ['GOAWAY 5 ENHANCE_YOUR_CALM']);
  assert.deepEqual(
    greedy.requests.map(({ cancelled }) => cancelled),
    [[undefined], [undefined], [undefined]],
  );
  assert.deepEqual(told(modest), []);
  assert.equal(modest.requests[0]?.received.length, 3);
});

test('who holds the most itself is refused what it asks for, call by call', () => {
  const memory = new MemoryBudget(200_000);
  const [greedy, modest] = [greeted(memory), greeted(memory)];
  begin(modest, 1, 10_000);

  for (const streamId of [1, 3, 5, 7, 9]) begin(greedy, streamId, 50_000);

  // What the fourth one held is free again, and the fifth fills it up once more.
  assert.deepEqual(
    told(greedy).filter((word) => word.startsWith('HEADERS')),
    ['HEADERS 7 end', 'HEADERS 9 end'],
  );
  assert.equal(greedy.ended, false);
  assert.deepEqual(told(modest), []);
  assert.ok(memory.bytes <= 200_000);
});

test('a request is refused when there is no memory for it', () => {
  const memory = new MemoryBudget(60_000);
  const client = greeted(memory);
  begin(client, 1, 50_000);

  client.send(client.headers(3));

  assert.deepEqual(told(client), ['HEADERS 3 end', 'RST_STREAM 3 NO_ERROR']);
  assert.equal(client.requests.length, 1);
  assert.deepEqual(client.events, [{ kind: 'refused', streamId: 3 }]);
});

test('the head of a request counts as long as its call', () => {
  const memory = new MemoryBudget(2 ** 40);
  const client = greeted(memory);
  const before = memory.bytes;

  for (const streamId of [1, 3, 5, 7]) {
    client.send(client.headers(streamId, { rows: [...requestRows, ['note', `${streamId}`.repeat(10_000)]] }));
  }
  assert.ok(memory.bytes >= before + 40_000);

  for (const streamId of [1, 3, 5, 7]) client.send(rstStream(streamId, 8));
  assert.equal(memory.bytes, before);
});

test('a message larger than its window is refused when there is no memory for it, before it is let in', () => {
  const memory = new MemoryBudget(1_000_000);
  const client = greeted(memory);
  client.send(client.headers(1), client.headers(3));

  client.requests[0]?.stream.expect(900_000);
  client.requests[1]?.stream.expect(300_000);

  assert.deepEqual(client.words(), ['WINDOW_UPDATE 1 834465', 'HEADERS 3 end', 'RST_STREAM 3 NO_ERROR']);
  assert.ok(memory.bytes > 834_465 && memory.bytes < 1_000_000);
});

test('answers that wait count: who lets the most wait has to go', () => {
  const memory = new MemoryBudget(300_000);
  const [slow, other] = [greeted(memory), greeted(memory)];
  for (const client of [slow, other]) {
    client.send(settings([setting.initialWindowSize, 0]), client.headers(1, { endStream: true }));
  }
  other.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(10_000));

  for (let times = 0; times < 8; times++) slow.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(50_000));

  assert.match(told(slow).at(-1) ?? '', /^GOAWAY 1 ENHANCE_YOUR_CALM$/);
  assert.equal(other.ended, false);
  assert.ok(memory.bytes < 50_000);
});

test('while memory is short a writer is told to wait sooner, and to go on when its client reads', () => {
  const memory = new MemoryBudget(4_000_000);
  const [holder, reader] = [memory, memory].map((budget) =>
    Client.greeted({ memory: budget, keepalive: { intervalMs: 0 }, limits: { streamQueueBytes: 1_000_000 } }),
  );
  assert.ok(holder !== undefined && reader !== undefined);
  for (const client of [holder, reader]) {
    client.takes = false;
    client.send(settings([setting.initialWindowSize, 0]), client.headers(1, { endStream: true }));
  }
  const [held, stream] = [holder.requests[0]?.stream, reader.requests[0]?.stream];
  assert.equal(stream?.write(Buffer.alloc(5), Buffer.alloc(300_000)), true);

  assert.equal(held?.write(Buffer.alloc(5), Buffer.alloc(1_900_000)), false);
  assert.equal(stream?.write(Buffer.alloc(5), Buffer.alloc(10)), false);
  reader.send(windowUpdate(0, 1_000_000), windowUpdate(1, 150_000));
  assert.equal(reader.requests[0]?.rooms, 0);
  reader.send(windowUpdate(1, 50_000));

  assert.equal(reader.requests[0]?.rooms, 1);
  assert.deepEqual([holder.ended, reader.ended], [false, false]);
});

test('a single answer may be longer than all the memory there is', () => {
  const memory = new MemoryBudget(100_000);
  const client = greeted(memory);
  client.send(client.headers(1, { endStream: true }));

  client.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(500_000));
  client.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));

  assert.equal(client.dataOf(1).length, 500_005);
  assert.equal(client.ended, false);
});

test('what a handler still works on counts, even when its connection has gone', () => {
  const memory = new MemoryBudget(1_000_000);
  const client = greeted(memory);
  client.releases = false;
  begin(client, 1, 40_000);
  client.connection.lost();
  assert.ok(memory.bytes > 40_000);

  client.requests[0]?.stream.release();

  assert.equal(memory.bytes, 0);
});

test('what is not whole counts: frames, and field blocks', () => {
  const memory = new MemoryBudget(1_000_000);
  const client = greeted(memory);
  const idle = memory.bytes;

  client.send(frame(frameType.headers, 0, 1, Buffer.alloc(5000, 0x82)));
  assert.equal(memory.bytes - idle, 5000);
  client.send(frame(frameType.continuation, flag.endHeaders, 1, Buffer.alloc(9000, 0x82)).subarray(0, 100));
  assert.equal(memory.bytes - idle, 5000 + 9009);
  client.connection.lost();

  assert.equal(memory.bytes, 0);
});

test('whatever happens, nothing is counted that is not held, and the bound is kept', () => {
  const random = createRandom(seed);
  const memory = new MemoryBudget(400_000);
  let gone = 0;
  for (let run = 0; run < 20; run++) {
    const clients = [0, 1, 2, 3].map(() => greeted(memory));
    for (const client of clients) client.releases = random.chance(0.8);
    for (let step = 0; step < 150; step++) {
      const client = clients[random.below(clients.length)];
      if (client === undefined || client.closed) continue;
      const streamId = 1 + 2 * random.below(20);
      const request = client.requests[random.below(client.requests.length + 1)];
      const choice = random.below(9);
      if (choice < 2) client.send(client.headers(client.requests.length * 2 + 1, { endStream: random.chance(0.2) }));
      else if (choice < 5) client.send(data(streamId, Buffer.alloc(random.below(16_000)), random.chance(0.1)));
      else if (choice === 5) client.send(rstStream(streamId, 8));
      else if (choice === 6) request?.stream.write(Buffer.alloc(5), Buffer.alloc(random.below(60_000)));
      else if (choice === 7) request?.stream.expect(random.below(200_000));
      else if (random.chance(0.5)) request?.stream.release();
      else client.send(windowUpdate(0, 1 + random.below(50_000)));
      // Answers of one turn may come on top.
      assert.ok(memory.bytes <= 400_000 + 4 * 60_005, `run ${run}, step ${step}: ${memory.bytes}`);
    }
    for (const client of clients) {
      assert.deepEqual(
        client.events.filter(({ kind }) => kind === 'fault'),
        [],
      );
      if (client.closed) gone += 1;
      client.connection.lost();
      for (const { stream } of client.requests) stream.release();
      for (const stream of client.oversized) stream.release();
    }
    assert.equal(memory.bytes, 0, `run ${run}`);
  }
  assert.ok(gone > 0);
});

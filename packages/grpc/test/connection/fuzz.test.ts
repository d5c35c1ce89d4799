import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, data, fieldsOf, frame, greeting, rstStream, settings, settingsAck, windowUpdate } from '../client.ts';
import { createRandom, type Random, seedOf } from '../random.ts';

const seed = seedOf(44487);

/** Mostly sensible frames, in no sensible order, some of them broken. */
function drawFrame(random: Random, client: Client): Buffer {
  const streamId = random.below(12);
  switch (random.below(11)) {
    case 0:
      return frame(random.below(12), random.below(256), streamId, random.bytes(random.below(40)));
    case 1:
    case 2:
    case 3:
      return client.headers(1 + 2 * random.below(40), { endStream: random.chance(0.5) });
    case 4:
      return data(streamId, random.bytes(random.below(300)), random.chance(0.3));
    case 5:
      return windowUpdate(streamId, random.below(3) === 0 ? 0 : random.below(100_000));
    case 6:
      return rstStream(streamId, random.below(20));
    case 7:
      return settings([random.below(8), random.below(100_000)]);
    case 8:
      return settingsAck;
    case 9:
      return frame(6, random.below(2), 0, random.bytes(8));
    default:
      return random.bytes(random.below(30));
  }
}

test('whatever bytes come, nothing of ours fails, and the end is orderly', () => {
  const random = createRandom(seed);
  let overs = 0;
  for (let run = 0; run < 400; run++) {
    const client = new Client();
    client.takes = random.chance(0.5);
    const parts = [greeting];
    for (let count = random.below(30); count > 0; count--) parts.push(drawFrame(random, client));
    const stream = Buffer.concat(parts);
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + random.below(200);
      client.send(stream.subarray(at, end));
      at = end;
      for (const request of client.requests) {
        if (random.chance(0.1)) request.stream.write(Buffer.alloc(5), random.bytes(random.below(2000)));
        if (random.chance(0.1)) request.stream.end(fieldsOf([['grpc-status', '0']]), false);
        if (random.chance(0.05)) request.stream.release();
        if (random.chance(0.02)) request.stream.reset(8);
      }
    }
    if (client.closed) overs += 1;
    client.connection.lost();

    assert.deepEqual(
      client.events.filter(({ kind }) => kind === 'fault'),
      [],
      `run ${run}`,
    );
    client.time.pass(100_000);
    assert.equal(client.time.pending, 0, `run ${run}: timers are left`);
    assert.equal(client.connection.queuedBytes, 0);
    for (const { stream, cancelled } of client.requests) {
      stream.release();
      assert.ok(cancelled.length <= 1);
    }
    assert.equal(client.connection.calls, 0, `run ${run}: calls are left`);
  }
  assert.ok(overs > 20 && overs < 400, `${overs} connections were ended`);
});

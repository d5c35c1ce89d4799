import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode } from '../../src/frames/frame.ts';
import { ConnectionError } from '../../src/frames/frame-errors.ts';
import { FrameReader } from '../../src/frames/frame-reader.ts';
import { ChunkPool, FrameWriter } from '../../src/frames/frame-writer.ts';
import { frame } from '../client.ts';
import { createRandom, seedOf } from '../random.ts';

function read(chunks: readonly Buffer[], bytesMax = 16_384): readonly string[] {
  const seen: string[] = [];
  const reader = new FrameReader(bytesMax, (type, flags, streamId, bytes, start, end) => {
    seen.push(`${type} ${flags} ${streamId} ${bytes.subarray(start, end).toString('hex')}`);
  });
  for (const chunk of chunks) reader.read(chunk);
  return seen;
}

const three = Buffer.concat([
  frame(0, 1, 5, '0102030405'),
  frame(4, 0, 0),
  frame(0xfa, 0xff, 0x7fffffff, '00'.repeat(40)),
]);

test('frames are the same wherever the stream is cut, once or everywhere', () => {
  const whole = read([three]);

  assert.equal(whole.length, 3);
  for (let cut = 0; cut <= three.length; cut++) {
    assert.deepEqual(read([three.subarray(0, cut), three.subarray(cut)]), whole, `cut at ${cut}`);
  }
  assert.deepEqual(read([...three].map((octet) => Buffer.from([octet]))), whole);
});

test('§4.1: the reserved bit is ignored', () => {
  const bytes = frame(6, 0, 0, '00'.repeat(8));
  bytes[5] = 0x80;

  assert.deepEqual(read([bytes]), [`6 0 0 ${'00'.repeat(8)}`]);
});

test('§4.2: a frame that is too long is refused by its head, before any of it has come', () => {
  const head = frame(0, 0, 1).subarray(0, 9);
  head.writeUIntBE(16_385, 0, 3);

  for (const chunks of [[head], [head.subarray(0, 5), head.subarray(5)]]) {
    assert.throws(
      () => read(chunks),
      (error) => error instanceof ConnectionError && error.code === errorCode.frameSizeError,
    );
  }
});

test('a reader that was stopped hands on nothing more, of this chunk or the next', () => {
  let seen = 0;
  const reader = new FrameReader(100, () => {
    seen += 1;
    reader.stop();
  });

  reader.read(three);
  reader.read(three);

  assert.equal(seen, 1);
});

test('what the writer writes is what the reader reads', () => {
  const random = createRandom(seedOf(9113));
  const pool = new ChunkPool();
  for (let run = 0; run < 30; run++) {
    const writer = new FrameWriter(pool);
    const expected: string[] = [];
    for (let count = random.below(40); count >= 0; count--) {
      const streamId = 1 + 2 * random.below(2 ** 30);
      const payload = random.bytes(random.chance(0.1) ? random.below(16_000) : random.below(80));
      switch (random.below(5)) {
        case 0: {
          const lead = random.bytes(5);
          const cut = random.below(payload.length + 1);
          writer.data(streamId, lead, payload, cut, payload.length, true);
          expected.push(`0 1 ${streamId} ${lead.toString('hex')}${payload.subarray(cut).toString('hex')}`);
          break;
        }
        case 1:
          writer.ping(true, payload.length >= 8 ? payload.subarray(0, 8) : Buffer.alloc(8));
          expected.push(`6 1 0 ${(payload.length >= 8 ? payload.subarray(0, 8) : Buffer.alloc(8)).toString('hex')}`);
          break;
        case 2:
          writer.windowUpdate(streamId, 0x7fffffff);
          expected.push(`8 0 ${streamId} 7fffffff`);
          break;
        case 3:
          writer.settings([[4, 0xfffffffe]]);
          expected.push('4 0 0 0004fffffffe');
          break;
        default: {
          writer.headers(streamId, payload, false, 1000);
          const parts = [payload.subarray(0, 1000)];
          for (let at = 1000; at < payload.length; at += 1000) parts.push(payload.subarray(at, at + 1000));
          for (const [index, part] of parts.entries()) {
            const last = index === parts.length - 1 ? 4 : 0;
            expected.push(`${index === 0 ? 1 : 9} ${last} ${streamId} ${part.toString('hex')}`);
          }
        }
      }
    }
    const total = writer.bytes;

    const { buffers, chunks } = writer.take();
    const stream = Buffer.concat(buffers);
    assert.equal(stream.length, total);
    assert.deepEqual(read([stream]), expected, `run ${run}`);
    for (const chunk of chunks) pool.give(chunk);
  }
});

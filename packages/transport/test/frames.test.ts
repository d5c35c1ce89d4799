import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { crc32 } from '../src/crc32.ts';
import { encodeFrame, type FrameEvent, FrameReader, preamble } from '../src/frames.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007);
console.log(`SEED=${seed}`);
const frameBytesMax = 1000;

function frame(counter: number, body: Uint8Array): Uint8Array {
  return encodeFrame('message', { boot: 3, counter }, crc32, body.length, (out) => out.raw(body));
}

/** Feeds the stream in pieces of the given sizes, then the rest. */
function read(stream: Uint8Array, cuts: readonly number[] = []): FrameEvent[] {
  const reader = new FrameReader(crc32, frameBytesMax);
  const events: FrameEvent[] = [];
  const emit = (event: FrameEvent): boolean => {
    events.push(event);
    return true;
  };
  let at = 0;
  for (const cut of cuts) {
    reader.push(stream.subarray(at, at + cut), emit);
    at += cut;
  }
  reader.push(stream.subarray(at), emit);
  return events;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

test('frames come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }),
      fc.array(fc.nat(30), { maxLength: 20 }),
      (bodies, cuts) => {
        const events = read(joined(preamble, ...bodies.map((body, at) => frame(at, body))), cuts);
        assert.deepEqual(
          events,
          bodies.map((body, counter) => ({
            kind: 'frame',
            frame: { kind: 'message', id: { boot: 3, counter }, body },
          })),
        );
      },
    ),
    { seed, numRuns: 500 },
  );
});

test('any flipped bit behind the length ends the stream with a reason', () => {
  const good = frame(7, Uint8Array.of(1, 2, 3, 4));
  for (let bit = 32; bit < good.length * 8; bit++) {
    const bad = good.slice();
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));

    const events = read(joined(preamble, bad, good));

    assert.deepEqual(
      events.map((event) => event.kind),
      ['malformed'],
      `bit ${bit}`,
    );
  }
});

test('a flipped bit in the length never yields a frame, and never more than the limit is held', () => {
  const good = frame(7, Uint8Array.of(1, 2, 3, 4));
  for (let bit = 0; bit < 32; bit++) {
    const bad = good.slice();
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));

    const events = read(joined(preamble, bad, good, good));

    assert.ok(
      events.every((event) => event.kind === 'malformed'),
      `bit ${bit}`,
    );
  }
});

test('a stream that does not begin with the preamble is not ours', () => {
  const [event] = read(Uint8Array.from('GET / HTTP/1.1\r\n', (character) => character.charCodeAt(0)));

  assert.deepEqual(event, { kind: 'malformed', reason: 'this is not the protocol that members speak to each other' });
});

test('a newer protocol is recognised by its preamble alone', () => {
  const newer = preamble.slice();
  newer[newer.length - 1] = 9;

  assert.deepEqual(read(joined(newer, frame(1, new Uint8Array(3)))), [{ kind: 'version', version: 9 }]);
});

test('a frame over the limit is refused by its length', () => {
  const [event] = read(joined(preamble, Uint8Array.of(0x7f, 0, 0, 0)));

  assert.equal(event?.kind, 'malformed');
  assert.match(event?.kind === 'malformed' ? event.reason : '', /2130706436 bytes; 25 to 1000 are allowed/);
});

test('the checksum is the one of zlib', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.equal(crc32(b, crc32(a, 0)), zlib.crc32(b, zlib.crc32(a)));
    }),
    { seed },
  );
});

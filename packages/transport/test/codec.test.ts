import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Index, Message, NodeId, Term } from '@kontiki/raft';
import fc from 'fast-check';
import {
  ByteReader,
  ByteWriter,
  decodeUtf8,
  encodeUtf8,
  MalformedError,
  readMessage,
  writeMessage,
} from '../src/index.ts';
import { message } from './messages.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007);
console.log(`SEED=${seed}`);
const ends = { from: 'a' as NodeId, to: 'b' as NodeId };

function encode(value: Message): Uint8Array {
  const out = new ByteWriter();
  writeMessage(out, value);
  return out.take();
}

/** What reading gives: a message, or the reason it is none. Anything else thrown fails the test. */
function decode(bytes: Uint8Array): Message | string {
  try {
    return readMessage(new ByteReader(bytes), ends);
  } catch (error: unknown) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}

test('every message comes back as it was sent', () => {
  fc.assert(
    fc.property(message, (value) => {
      assert.deepEqual(decode(encode(value)), value);
    }),
    { seed, numRuns: 1000 },
  );
});

test('a message cut at any byte is refused with a reason', () => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = encode(value);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(typeof decode(bytes.subarray(0, length)), 'string', `cut to ${length} of ${bytes.length} bytes`);
      }
    }),
    { seed, numRuns: 200 },
  );
});

test('a message with any bit flipped is refused, or is another message of the right shape', () => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = encode(value);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const decoded = decode(flipped);
        if (typeof decoded === 'string') continue;
        assert.deepEqual(encode(decoded), flipped, 'one message has one spelling');
        assert.notDeepEqual(decoded, value);
      }
    }),
    { seed, numRuns: 100 },
  );
});

test('any bytes are refused or are a message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      decode(bytes);
    }),
    { seed, numRuns: 5000 },
  );
});

test('a number above 2^53 is refused when read and when written', () => {
  const out = new ByteWriter();
  out.varint(Number.MAX_SAFE_INTEGER);
  assert.equal(new ByteReader(out.take()).varint('x'), Number.MAX_SAFE_INTEGER);
  const tooLarge = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);

  assert.throws(() => new ByteReader(tooLarge).varint('x'), /above 2\^53/);
  assert.throws(() => new ByteReader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0)).u64('x'), /above 2\^53/);
  assert.throws(() => new ByteWriter().varint(2 ** 53), RangeError);
  assert.throws(() => new ByteWriter().u64(-1), RangeError);
});

test('an announced count or length larger than the bytes is refused before anything is allocated', () => {
  const out = new ByteWriter();
  out.varint(2 ** 40);

  assert.throws(() => new ByteReader(out.take()).blob('command'), /announced/);
});

test('entries that are not consecutive are never sent', () => {
  const entries = [{ kind: 'noop' as const, term: 1 as Term, index: 7 as Index }];
  const prev = { term: 1 as Term, index: 5 as Index };

  assert.throws(
    () => encode({ kind: 'appendEntries', ...ends, term: 1 as Term, prev, entries, commit: 0 as Index, round: 1 }),
    /entry 7 stands where 6 belongs/,
  );
});

test('UTF-8 is what the platform makes of it, and nothing else is accepted', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      assert.deepEqual(encodeUtf8(text), new Uint8Array(new TextEncoder().encode(text)));
      assert.equal(decodeUtf8(encodeUtf8(text)), text);
    }),
    { seed },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      let expected: string | undefined;
      try {
        expected = strict.decode(bytes);
      } catch {
        expected = undefined;
      }
      assert.equal(decodeUtf8(bytes), expected);
    }),
    { seed, numRuns: 20_000 },
  );
});

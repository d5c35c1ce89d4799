import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableChecksum } from '@kontiki/wal';
import { zlibChecksum } from '@kontiki/wal/node';
import { ByteReader, ByteWriter, decodeText, encodeText } from '../src/bytes.ts';

test('the table and zlib give the same checksum, also continued', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, at) => (at * 7 + (at >> 4)) & 255);
  for (const seed of [0, 1, 0xffffffff, 0x12345678]) {
    for (const length of [1000, 0, 1, 2, 3, 4, 5, 6, 7, 8]) {
      const some = bytes.subarray(0, length);
      assert.equal(tableChecksum(some, seed), zlibChecksum(some, seed));
    }
  }
  assert.equal(tableChecksum(bytes.subarray(10), tableChecksum(bytes.subarray(0, 10), 0)), tableChecksum(bytes, 0));
});

test('texts are UTF-8, the same as the platform makes', () => {
  for (const text of ['', 'a', 'naïve', '☃', '🛶 kon-tiki', '\u{10ffff}', 'node-1']) {
    assert.deepEqual(encodeText(text), new TextEncoder().encode(text));
    assert.equal(decodeText(encodeText(text)), text);
  }
});

test('bytes that are not UTF-8 are refused, where the platform refuses them', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let first = 0; first < 256; first++) {
    for (const rest of [
      [],
      [0x80],
      [0xbf, 0x80],
      [0xa0, 0x80, 0x80],
      [0x8f, 0xbf, 0xbf],
      [0x41],
      [0x9f, 0xbf],
      [0x90, 0x80, 0x80],
    ]) {
      const bytes = Uint8Array.of(first, ...rest);
      let expected: string | undefined;
      try {
        expected = decoder.decode(bytes);
      } catch {
        expected = undefined;
      }
      if (expected === undefined) assert.throws(() => decodeText(bytes), /not UTF-8/, `${bytes}`);
      else assert.equal(decodeText(bytes), expected);
    }
  }
  assert.throws(() => encodeText('\ud800'), /well-formed/);
});

test('numbers are whole, and above 2^53 - 1 refused in both directions', () => {
  for (const value of [0, 1, 2 ** 32, 2 ** 53 - 1]) {
    assert.equal(new ByteReader(new ByteWriter().u64(value).finish()).u64(), value);
  }
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) assert.throws(() => new ByteWriter().u64(value), /whole number/);
  assert.throws(() => new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 32, 0)).u64(), /above 2\^53 - 1/);
});

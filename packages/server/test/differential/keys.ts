/** The keys that random requests use: few enough to meet again, odd enough to reach the edges of byte order. */

import type { Random } from './random.ts';

export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

export const fromKeyOn: Uint8Array = Buffer.from([0]);

const texts = ['a', 'b', 'c', 'd', 'a/1', 'a/2', 'a/3', 'a/b', 'b/1', 'b/2', 'm', 'n', 'n1', 'n2', 'z', 'A', '~', 'é'];
const binary = [[0], [0, 0], [1], [0x63, 0], [0xff], [0xff, 0xff], [0xff, 0x61]];
/** Longer than LMDB's keys may be. */
const long = ['long'.repeat(600), `${'long'.repeat(600)}/x`];

export const keys: readonly Uint8Array[] = [...texts, ...long]
  .map((text): Uint8Array => Buffer.from(text))
  .concat(binary.map((bytes) => Buffer.from(bytes)));

export function text(value: string): Uint8Array {
  return Buffer.from(value);
}

export function randomKey(random: Random): Uint8Array {
  return random.pick(keys);
}

export function randomRange(random: Random): KeyRange {
  const key = randomKey(random);
  return random.weighted<() => KeyRange>([
    [45, () => ({ key, rangeEnd: new Uint8Array() })],
    [20, () => prefix(key.subarray(0, 1 + random.below(key.length)))],
    [10, () => ({ key, rangeEnd: fromKeyOn })],
    [6, () => ({ key: fromKeyOn, rangeEnd: fromKeyOn })],
    // Also empty and reversed ranges.
    [17, () => ({ key, rangeEnd: randomKey(random) })],
    [2, () => ({ key, rangeEnd: Buffer.from([0, 0]) })],
  ])();
}

/** All keys that begin with `start`: the end is the next text of that length, or every key if there is none. */
export function prefix(start: Uint8Array): KeyRange {
  const end = Buffer.from(start);
  for (let index = end.length - 1; index >= 0; index -= 1) {
    const byte = end[index] ?? 0;
    if (byte < 0xff) {
      end[index] = byte + 1;
      return { key: start, rangeEnd: end.subarray(0, index + 1) };
    }
  }
  return { key: start, rangeEnd: fromKeyOn };
}

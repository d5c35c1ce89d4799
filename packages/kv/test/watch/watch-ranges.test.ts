import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFrom } from '@kontiki/kv/testing';
import { type KeyRange, RangeTree } from '../../src/watch-ranges.ts';
import { seed } from '../seed.ts';

test('the tree finds what a list finds, while ranges come and go', () => {
  const draw = drawFrom(seed);
  const key = (): string => String.fromCharCode(97 + draw.below(20)) + (draw.oneIn(3) ? 'x' : '');
  for (let run = 0; run < 30; run++) {
    const tree = new RangeTree<number>();
    const list = new Map<number, KeyRange>();
    for (let step = 0; step < 200; step++) {
      if (list.size > 0 && draw.oneIn(run % 2 === 0 ? 3 : 2)) {
        const [item, range] = [...list][draw.below(list.size)] ?? [0, { start: '', end: '' }];
        tree.delete(range, item);
        list.delete(item);
      } else {
        const range = { start: key(), end: draw.oneIn(5) ? undefined : key() };
        tree.add(range, step);
        list.set(step, range);
      }
      const wanted = key();
      const found: number[] = [];
      tree.visit(wanted, (item) => found.push(item));
      const expected = [...list].filter(([, { start, end }]) => start <= wanted && (end === undefined || wanted < end));
      assert.deepEqual(
        found.sort((a, b) => a - b),
        expected.map(([item]) => item),
      );
    }
  }
});

test('a lookup among 10,000 ranges takes few comparisons, in whatever order they came', () => {
  const counted = { comparisons: 0 };
  // A key that counts how often it is compared.
  const counting = (key: string): string =>
    ({
      [Symbol.toPrimitive]: () => {
        counted.comparisons += 1;
        return key;
      },
    }) as unknown as string;
  const name = (at: number): string => String(at).padStart(6, '0');
  for (const order of [(at: number) => at, (at: number) => 9999 - at, (at: number) => (at * 7919) % 10_000]) {
    const tree = new RangeTree<number>();
    for (let at = 0; at < 10_000; at++) tree.add({ start: name(order(at)), end: name(order(at) + 1) }, order(at));
    for (const at of [0, 1, 5000, 9999]) {
      counted.comparisons = 0;
      const found: number[] = [];
      tree.visit(counting(name(at)), (item) => found.push(item));
      assert.deepEqual(found, [at]);
      assert.ok(counted.comparisons < 100, `${counted.comparisons} comparisons`);
    }
  }
});

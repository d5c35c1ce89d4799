// The numbers and words that long commands take: `npm run crash -- --rounds x` must not come to a run of no rounds that passes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount, count, oneOf, seed, wordIn } from '../long-command.ts';

test('a count is a whole number from 1 on, a seed may be 0, an amount may be a fraction', () => {
  assert.equal(count('50'), 50);
  assert.equal(seed('0'), 0);
  assert.equal(amount('0.5'), 0.5);

  for (const wrong of ['x', '', ' ', '-1', '1.5', '1e99', '9007199254740993', 'NaN', 'Infinity']) {
    assert.throws(() => count(wrong), /whole number from 1 on/, wrong);
    assert.throws(() => seed(wrong), /whole number from 0 on/, wrong);
  }
  assert.throws(() => count('0'), /whole number from 1 on/);
  for (const wrong of ['x', '', '0', '-1', 'NaN', 'Infinity']) assert.throws(() => amount(wrong), /above 0/, wrong);
});

test('a word that is in no name is refused with all names, and so is a name that is none of them', () => {
  assert.equal(wordIn(['one load', 'another'])('load'), 'load');
  assert.equal(oneOf(['etcd', 'kontiki'])('etcd'), 'etcd');

  assert.throws(() => wordIn(['one load', 'another'])('lode'), /one load, another/);
  assert.throws(() => oneOf(['etcd', 'kontiki'])('etc'), /etcd, kontiki/);
});

// Every test of the key/value labs once, each in one of its settings, by turns; `npm run labs` plays them all in all. `SEED=n`
// takes another seed, and so another setting.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allLabTests } from '@kontiki/sim/node';
import { kvTests } from '../../../src/labs/suite.ts';

const seed = Number(process.env.SEED ?? 1);

const tests = [...kvTests, ...allLabTests.filter(({ isSeedless }) => isSeedless)];

for (const [at, lab] of tests.entries()) {
  const setting = lab.settings[(at + seed) % lab.settings.length];
  if (setting === undefined) continue;
  test(`${lab.name} passes (${setting}, seed ${seed})`, () => {
    assert.ok(lab.run(setting, seed).rpcs > 0);
  });
}

test('the matrix is whole', () => {
  const inPart = (name: string): number =>
    tests.filter(({ part: { mit6824, mit65840 } }) => name === mit6824 || name === mit65840).length;

  assert.deepEqual(['2 (2024)', '2 (2025)', '3A', '3B', '4A', '4B', '4C'].map(inPart), [9, 8, 14, 9, 7, 13, 10]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCheckerName } from '../src/checkers/names.ts';
import { mutants } from '../src/mutants.ts';

test('every mutant names checkers that exist, and at least one', () => {
  const wrong = mutants.filter(({ caughtBy }) => caughtBy.length === 0 || !caughtBy.every(isCheckerName));

  assert.deepEqual(
    wrong.map(({ name, caughtBy }) => `${name}: ${caughtBy.join(' ')}`),
    [],
  );
});

test('no two mutants share a name, and there are at least forty', () => {
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  assert.ok(mutants.length >= 40, `${mutants.length}`);
});

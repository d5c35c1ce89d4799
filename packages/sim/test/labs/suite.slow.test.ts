// Every test of the Raft labs, once in each setting. `SEED=n` takes another seed. The key/value labs are in kv/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labTests, raftTests } from '../../src/labs/suite.ts';

const seed = Number(process.env.SEED ?? 1);

for (const lab of raftTests) {
  for (const setting of lab.settings) {
    test(`${lab.name} passes (${setting}, seed ${seed})`, () => {
      lab.run(setting, seed);
    });
  }
}

test('a run is the same each time', () => {
  const [lab] = labTests;
  assert.ok(lab !== undefined);
  assert.deepEqual(lab.run('hard', seed), lab.run('hard', seed));
});

test('names are unique', () => {
  assert.equal(new Set(labTests.map(({ name }) => name)).size, labTests.length);
});

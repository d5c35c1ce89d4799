// Random clusters under faults: safety after every step, then progress once the faults stop. `SEED=n` repeats one seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeeds, seedsOf } from './run-seeds.ts';

test('clusters under faults stay safe after every step, and make progress once healed', () => {
  const seeds = seedsOf(1, 16);
  const counts = runSeeds(seeds);
  if (seeds.length === 1) return;
  // A run in which nothing happens proves nothing.
  for (const [name, count] of Object.entries(counts))
    assert.ok(count > seeds.length / 2, `hardly any ${name}: ${count}`);
});

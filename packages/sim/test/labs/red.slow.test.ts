// Bugs that only the longest tests of the labs see, and not on every seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesOf } from '@kontiki/raft/teaching';
import { labTestsNamed, raftTests } from '../../src/labs/suite.ts';

const [figure8] = labTestsNamed(['Figure8Unreliable'], raftTests);

/** The first of so many seeds that shows it, from 1 on. */
function firstRed(lesson: string, seeds: number): { readonly seed: number; readonly text: string } {
  const core = rulesOf(['no-noop', lesson]);
  assert.ok(core !== undefined && figure8 !== undefined);
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      figure8.run('paper', seed, { core });
    } catch (error: unknown) {
      return { seed, text: String(error) };
    }
  }
  return assert.fail(`${lesson} is not seen by ${seeds} seeds`);
}

test('Figure8Unreliable fails with a log that is backed up one entry at a time', () => {
  assert.match(firstRed('plain-back-off', 20).text, /no agreement/);
});

test('Figure8Unreliable fails where an entry of an old term is committed by counting (figure 8)', () => {
  assert.match(firstRed('commit-old-terms', 400).text, /denies committed entry|overwrites entry|has applied/);
});

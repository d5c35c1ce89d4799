// Bugs that only the longest tests of the labs see, and not on every seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesOf } from '@kontiki/raft/teaching';
import type { SettingName } from '../../src/labs/settings.ts';
import { labTestsNamed, raftTests } from '../../src/labs/suite.ts';

/** What the first of so many seeds says that shows it: from one on that did when this was written. */
function firstRed(name: string, setting: SettingName, lessons: readonly string[], from: number, seeds: number): string {
  const [lab] = labTestsNamed([name], raftTests);
  const core = rulesOf(lessons);
  assert.ok(core !== undefined && lab !== undefined);
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      lab.run(setting, seed, { core });
    } catch (error: unknown) {
      return String(error);
    }
  }
  return assert.fail(`${lessons.join(', ')} is not seen by ${seeds} seeds`);
}

test('Figure8Unreliable fails with a log that is backed up one entry at a time', () => {
  assert.match(firstRed('Figure8Unreliable', 'paper', ['no-noop', 'plain-back-off'], 1, 20), /no agreement/);
});

test('Figure8Unreliable fails where an entry of an old term is committed by counting (figure 8)', () => {
  assert.match(
    firstRed('Figure8Unreliable', 'paper', ['no-noop', 'commit-old-terms'], 79, 400),
    /denies committed entry|overwrites entry|has applied/,
  );
});

test('Persist2 fails with acknowledgements of what is not durable, where the power fails during writes', () => {
  const said = firstRed('Persist2', 'hard', ['claim-before-durable'], 7, 60);
  assert.match(said, /defers itself for ever|denies committed entry|overwrites entry|has applied|no agreement/);
});

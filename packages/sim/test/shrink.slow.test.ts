// What a failing run is shrunk to: a fifth of its inputs at most, and the same checker still fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import { mutantNamed } from '../src/mutants.ts';
import { run, ViolationError } from '../src/run.ts';
import { parseStory, printStory, type RunStory } from '../src/run-story.ts';
import { playStory, shrink } from '../src/shrink.ts';

const size = { members: 3, seconds: 20 };
const seedsMax = 40;

async function firstStory(mutant: string): Promise<RunStory> {
  const { rules, caughtBy } = mutantNamed(mutant);
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      await run(seed, { host: nodeHost, size, rules });
    } catch (error: unknown) {
      if (!(error instanceof ViolationError)) throw error;
      const found = error.violations.find(({ checker }) => caughtBy.includes(checker));
      const { plan, inputs } = error.report;
      // One with little to leave out would show nothing.
      if (found === undefined || inputs.length < 40) continue;
      return { version: '', plan, mutant, planted: [], checker: found.checker, text: found.text, inputs };
    }
  }
  return assert.fail(`no seed up to ${seedsMax} has caught ${mutant}`);
}

for (const mutant of [
  'batchUnsynced',
  'leasesRunTwiceAsFast',
  'positionBehindRows',
  'readWithoutBarrier',
  'truncateAlways',
]) {
  test(`a run with a known bug is shrunk to a fifth: ${mutant}`, async (t) => {
    const story = await firstStory(mutant);

    const shrunk = await shrink(story, { host: nodeHost, runsMax: 120 });

    const { inputs, checker } = shrunk.story;
    t.diagnostic(`seed ${story.plan.seed}: ${shrunk.before} inputs to ${inputs.length} in ${shrunk.runs} runs`);
    assert.ok(inputs.length * 5 <= shrunk.before, `${inputs.length} of ${shrunk.before}`);
    const { violations } = await playStory(parseStory(printStory(shrunk.story)), nodeHost);
    assert.ok(violations.some((violation) => violation.checker === checker));
  });
}

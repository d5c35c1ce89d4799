// Every story holds, and its transcript is the one beside it. `UPDATE=1` writes the transcripts anew; commit a changed one only
// when its cause is understood.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseStory, runStory } from '@kontiki/raft/story';
import { engineFor } from './lesson-engine.ts';

const folder = new URL('./', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.rscn'))
  .sort((a, b) => (a < b ? -1 : 1));

describe('stories', () => {
  for (const name of names) {
    test(`${name} is as it says`, () => {
      const story = parseStory(readFileSync(new URL(name, folder), 'utf8'));

      const outcome = runStory(story, engineFor);
      const again = runStory(story, engineFor);

      const golden = new URL(name.replace(/\.rscn$/, '.golden'), folder);
      if (process.env.UPDATE === '1') writeFileSync(golden, outcome.transcript);
      assert.deepEqual(outcome.failures, []);
      assert.equal(again.transcript, outcome.transcript, 'a second run says something else');
      assert.equal(outcome.transcript, readFileSync(golden, 'utf8'));
    });
  }
});

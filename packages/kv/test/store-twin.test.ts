import { test } from 'node:test';
import { playAgainstTwin } from './play.ts';
import { seed } from './seed.ts';

const runs = 12;

for (const [title, steps] of [
  ['every answer equals that of a model with full copies', { crash: false, install: false }],
  ['a store that crashes and replays answers as one that never did', { crash: true, install: false }],
  ['a store that is exchanged for its own snapshot answers as before', { crash: true, install: true }],
] as const) {
  test(`${title} (seed ${seed})`, () => {
    for (let run = 0; run < runs; run++) playAgainstTwin(seed + run, steps);
  });
}

import { test } from 'node:test';
import { playAgainstTwin } from './play.ts';
import { seed } from './seed.ts';

test(`400 long runs with crashes and snapshots equal the model (seed ${seed})`, () => {
  for (let run = 0; run < 400; run++) playAgainstTwin(seed + run, { crash: true, install: run % 2 === 0 });
});

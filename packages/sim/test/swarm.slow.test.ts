// Two hundred seeds of full size, as `npm run sim` plays them. `SIM_SEEDS=n` and `SIM_FROM=n` choose others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simCommand } from '@kontiki/sim/node';

const { SIM_SEEDS = '200', SIM_FROM = '1' } = process.env;

test('whatever fails, what was acknowledged stays, once, and all members agree', async (t) => {
  const lines: string[] = [];

  const code = await simCommand(
    ['--seeds', SIM_SEEDS, '--from', SIM_FROM, '--shrink-runs', '0'],
    (line) => lines.push(line),
    () => {},
  );

  for (const line of lines) t.diagnostic(line);
  assert.equal(code, 0, lines.join('\n'));
});

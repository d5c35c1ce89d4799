// What a user of the command sees, over real worker threads.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { simCommand } from '../src/node/sim-command.ts';

async function sim(t: TestContext, args: readonly string[]): Promise<{ code: number; out: string; save: string }> {
  const save = mkdtempSync(join(tmpdir(), 'kontiki-sim-'));
  t.after(() => rmSync(save, { recursive: true, force: true }));
  const lines: string[] = [];
  const code = await simCommand(
    ['--workers', '1', '--members', '3', '--save', save, ...args],
    (line) => lines.push(line),
    () => {},
  );
  return { code, out: lines.join('\n'), save };
}

test('a run that must fail is reported, with the command that repeats it, and saved small', async (t) => {
  const { code, out, save } = await sim(t, ['--seeds', '1', '--seconds', '10', '--canary', '--shrink-runs', '20']);

  assert.equal(code, 1, out);
  assert.match(out, /^seed 1 FAILS: Watch\w+: /m);
  assert.match(out, /npm run sim -- --from 1 --seeds 1 --members 3 --seconds 10 --canary \(version \d/);
  assert.match(out, /seed 1: \d+ inputs shrunk to \d+ in \d+ runs/);
  assert.deepEqual(
    readdirSync(save).sort((a, b) => (a < b ? -1 : 1)),
    ['seed-1.shrunk.story', 'seed-1.story'],
  );
  const again = await sim(t, ['--story', join(save, 'seed-1.shrunk.story')]);
  assert.equal(again.code, 1, again.out);
});

test('without a violation the canary alone has failed', async (t) => {
  const { code, out } = await sim(t, ['--seeds', '1', '--seconds', '5', '--hash']);

  assert.equal(code, 0, out);
  assert.match(out, /^canary: fails as it must/m);
  assert.match(out, /^sessions: 1 seeds, 0 failed; \d{3,} increments acknowledged/m);
  assert.match(out, /^hash: [0-9a-f]{8}$/m);
});

test('a known bug of sessions is looked for among seeds of sessions', async (t) => {
  const { code, out } = await sim(t, ['--seeds', '2', '--mutant', 'sessionsOff']);

  assert.equal(code, 1, out);
  assert.match(out, /^seed 1 of sessions FAILS: KnownLogOracle: /m);
  assert.match(out, /npm run sim -- --from 1 --seeds 1 --mutant sessionsOff/);
});

for (const args of [['--seeds', '0'], ['--members', 'many'], ['--mutant', 'noSuchBug'], ['--no-such-option']]) {
  test(`refused with the usage: ${args.join(' ')}`, async (t) => {
    const { code, out } = await sim(t, args);

    assert.equal(code, 2);
    assert.match(out, /usage: npm run sim/);
  });
}

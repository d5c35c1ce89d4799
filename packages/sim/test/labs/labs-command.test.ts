// What `npm run labs` prints, and how it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allLabTests, labsCommand } from '@kontiki/sim/node';
import { campaign } from '../../src/node/labs-campaign.ts';
import type { PlayedLab } from '../../src/node/pool.ts';

async function play(...args: readonly string[]): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const code = await labsCommand(
    [...args, '--workers', '1'],
    (line) => lines.push(line),
    () => {},
  );
  return { code, lines };
}

test('a table has a line of numbers for each setting', async () => {
  const { code, lines } = await play('--only', 'BasicAgree');

  assert.equal(code, 0, lines.join('\n'));
  assert.match(lines[0] ?? '', /test +setting +virtual s +real s +peers +RPCs +bytes +commands/);
  assert.match(lines[1] ?? '', /^BasicAgree +paper +\d+\.\d +\d+\.\d\d +3 +\d+ +\d+ +3$/);
  assert.equal(lines.length, 5);
  assert.match(lines[4] ?? '', /3 runs of 1 tests in .*: all passed/);
});

test('many seeds print how far they are, and nothing of those that pass', async () => {
  const { code, lines } = await play('--only', 'InitialElection', '--setting', 'paper', '--repeat', '20');

  assert.equal(code, 0, lines.join('\n'));
  assert.match(lines.at(-1) ?? '', /20 runs in .* × real time: all passed/);
  assert.ok(lines.length <= 12, lines.join('\n'));
});

test('what fails is told with the command that repeats it, and the others are played', async () => {
  const cases = allLabTests.slice(0, 2).map((test) => ({ test, setting: 'paper' as const }));
  const [first, second] = cases.map(({ test }) => test.name);
  const lines: string[] = [];
  const played: string[] = [];
  const pool = {
    size: 1,
    playLab: async ({ test, from, seeds }: { test: string; from: number; seeds: number }): Promise<PlayedLab> => {
      played.push(`${test} ${from} ${seeds}`);
      if (test === second && from === 411) throw new Error('the worker is gone');
      const failures = test === first && from === 401 ? [{ seed: 407, text: 'no leader' }] : [];
      return { failures, numbers: undefined, virtualMs: 1000, realMs: 1 };
    },
  };

  const code = await campaign(
    cases,
    { from: 401, seeds: 15 },
    pool,
    (line) => lines.push(line),
    () => {},
  );

  assert.equal(code, 1);
  assert.deepEqual(played, [`${first} 401 10`, `${second} 401 10`, `${first} 411 5`, `${second} 411 5`]);
  const text = lines.join('\n');
  const ends = [`--only ${first} --setting paper --seed 407`, `--only ${second} --setting paper --repeat 5 --from 411`];
  for (const command of ends) assert.equal(text.split(command).length, 3, `${command} is told twice in\n${text}`);
  assert.match(text, /30 of 30 runs, 2 failed/);
  assert.match(lines.at(-1) ?? '', /^30 runs in \d+ s, .*: 2 FAILED$/);
});

test('a name that is none is told so', async () => {
  for (const args of [
    ['--only', 'Backups'],
    ['--setting', 'soft'],
    ['--repeat', '0'],
    ['--repeats', '1'],
    ['--from', '3'],
  ]) {
    const { code, lines } = await play(...args);
    assert.equal(code, 2);
    assert.match(lines[0] ?? '', /usage: npm run labs/);
  }
});

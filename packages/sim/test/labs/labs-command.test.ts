// What `npm run labs` prints, and how it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labsCommand } from '@kontiki/sim/node';

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

test('a name that is none is told so', async () => {
  for (const args of [
    ['--only', 'Backups'],
    ['--setting', 'soft'],
    ['--repeat', '0'],
    ['--repeats', '1'],
  ]) {
    const { code, lines } = await play(...args);
    assert.equal(code, 2);
    assert.match(lines[0] ?? '', /usage: npm run labs/);
  }
});

// A few rounds of the crash test in every full test run; `npm run crash -- --rounds 50` is the long one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const seed = process.env.SEED ?? '11';

async function crash(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', main, '--seed', seed, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

test(`no acknowledged write is lost or doubled in four rounds of kills (seed ${seed})`, async () => {
  const { code, output } = await crash('--rounds', '4');

  assert.equal(code, 0, output);
  assert.match(output, /4 rounds, \d{3,} acknowledged writes, 0 lost, 0 doubled, hashes equal/);
});

test(`a build that leaves fdatasync out fails the same test (seed ${seed})`, async () => {
  const { code, output } = await crash('--rounds', '4', '--without-fdatasync');

  assert.equal(code, 1, output);
  // Either acknowledged writes are missing, or a member finds that parts of what it had are gone and does not start.
  assert.match(output, /LOST once\/|a part of it is missing|the log of this member is gone/);
});

// The short way through every change of membership; `npm run membership` is the long one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const seed = process.env.SEED ?? '11';

test(`members join and a dead leader is replaced under writers, and no write is lost or doubled (seed ${seed})`, async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const args = ['--conditions=source', '--import', 'tsx', main, '--short', '--seed', seed];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number];

  assert.equal(code, 0, output);
  assert.match(output, /\d{3,} acknowledged writes, 0 lost, 0 doubled, hashes equal/);
});

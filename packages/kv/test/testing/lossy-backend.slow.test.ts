// A real kill takes what a power failure would, and no more.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Backend, keyOfBytes } from '@kontiki/kv';
import { openLmdbBackend } from '@kontiki/kv/node';
import { drawFrom } from '@kontiki/kv/testing';
import { seed } from '../seed.ts';

interface Round {
  /** The last batch that showed, that was reported durable, and that was found afterwards. */
  readonly committed: number;
  readonly durable: number;
  readonly found: number;
}

/** Lets a process write, kills it, and looks at what it left. */
async function round(path: string, how: 'honest' | 'early', roundSeed: number): Promise<Round> {
  const writer = fileURLToPath(new URL('lose-when-killed.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', writer, path, String(roundSeed), how],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  while (!printed.includes('d ')) await once(child.stdout, 'data');
  await delay(drawFrom(roundSeed).below(200));
  child.kill('SIGKILL');
  await once(child, 'close');

  const last = (letter: string): number =>
    Number(
      printed
        .match(new RegExp(`^${letter} (\\d+)\n`, 'gm'))
        ?.at(-1)
        ?.slice(2),
    );
  const backend = await new Promise<Backend>((resolve, reject) => {
    openLmdbBackend({ path }, (opened) => (opened.kind === 'opened' ? resolve(opened.backend) : reject(opened.error)));
  });
  const view = backend.view();
  const rows: string[] = [];
  view.scan('rows', new Uint8Array(0), undefined, (key) => rows.push(keyOfBytes(key)) > 0);
  const recorded = view.get('meta', new Uint8Array([1]));
  view.close();
  await new Promise<void>((resolve) => backend.close(() => resolve()));
  const found = recorded === undefined ? 0 : new DataView(recorded.buffer).getFloat64(0);
  assert.equal(rows.length, found, 'batches are whole and without a gap');
  return { committed: last('c'), durable: last('d'), found };
}

test('a kill loses batches that showed, and none that was reported durable', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(path, { recursive: true }));
  const rounds: Round[] = [];
  for (let at = 0; at < 5; at++) rounds.push(await round(path, 'honest', seed + at));

  for (const { committed, durable, found } of rounds) {
    assert.ok(found >= durable, `${durable} was durable, ${found} is there`);
    assert.ok(found <= committed + 1, `${committed} showed, ${found} is there`);
  }
  assert.ok(
    rounds.some(({ committed, found }) => found < committed),
    'a loss in one round at least',
  );
});

test('with early reports a kill loses what was reported durable', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(path, { recursive: true }));
  const rounds: Round[] = [];
  for (let at = 0; at < 3; at++) rounds.push(await round(path, 'early', seed + at));

  assert.ok(
    rounds.some(({ durable, found }) => found < durable),
    'a broken promise in one round at least',
  );
});

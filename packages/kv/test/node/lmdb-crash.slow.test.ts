import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Backend } from '@kontiki/kv';
import { openLmdbBackend } from '@kontiki/kv/node';
import { drawFrom } from '@kontiki/kv/testing';
import { seed } from '../seed.ts';

const script = (name: string): string[] => [
  '--conditions=source',
  '--import',
  'tsx',
  fileURLToPath(new URL(name, import.meta.url)),
];
const open = (path: string): Promise<Backend> =>
  new Promise((resolve, reject) => {
    openLmdbBackend({ path }, (opened) => (opened.kind === 'opened' ? resolve(opened.backend) : reject(opened.error)));
  });

test('a process killed while it writes leaves whole batches, and every one it called durable', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(path, { recursive: true }));
  const draw = drawFrom(seed);
  let before = 0;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [...script('write-until-killed.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await once(child.stdout, 'data');
    await delay(draw.below(300));
    child.kill('SIGKILL');
    await once(child, 'close');

    const durable = Number(printed.trimEnd().split('\n').at(-1));
    const backend = await open(path);
    const view = backend.view();
    const record = view.get('meta', new Uint8Array(new Float64Array([1]).buffer).reverse());
    assert.ok(record);
    const rows = new DataView(record.buffer, record.byteOffset).getFloat64(0);
    let counted = 0;
    view.scan('rows', new Uint8Array(0), undefined, () => {
      counted += 1;
      return true;
    });
    view.close();
    await new Promise<void>((resolve) => backend.close(() => resolve()));
    assert.ok(durable > before, 'the round wrote something');
    assert.ok(rows >= durable, `${durable} rows were durable, ${rows} are recorded`);
    assert.equal(counted, rows, 'the rows and the record of their number come from the same batch');
    before = rows;
  }
});

test('a disk that takes no more ends the backend and leaves the batches before', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'kv');
  // The limit of the shell on the size of a file (in blocks of 512 or 1024 bytes) stands in for a full disk.
  const child = spawn(
    'sh',
    ['-c', 'ulimit -f 4000; exec "$0" "$@"', process.execPath, ...script('fill-disk.ts'), path],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, 'close');
  const lines = printed.trimEnd().split('\n');
  const durable = lines.filter((line) => /^durable \d/.test(line)).length;

  assert.equal(code, 0);
  assert.ok(durable > 5);
  const reason = `the database in ${path} did not take a batch: `;
  const after = lines.slice(durable);
  assert.ok(after[0]?.startsWith(`committed: ${reason}`), after[0]);
  assert.ok(after[1]?.startsWith(`durable: ${reason}`), after[1]);
  assert.equal(after[2], 'no view');
  assert.ok(after[3]?.startsWith(`then: ${reason}`), after[3]);
  assert.equal(after[4]?.trim(), 'closed');

  const backend = await open(path);
  const view = backend.view();
  const last = view.get('meta', new Uint8Array([1])) ?? [];
  assert.deepEqual([...last], [durable >> 8, durable & 255]);
  view.close();
  await new Promise<void>((resolve) => backend.close(() => resolve()));
});

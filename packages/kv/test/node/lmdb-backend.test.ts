import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Backend } from '@kontiki/kv';
import { type LmdbBackendOptions, openLmdbBackend } from '@kontiki/kv/node';
import { backendSuite } from '@kontiki/kv/testing';
import { seed } from '../seed.ts';

const open = (options: LmdbBackendOptions): Promise<Backend> =>
  new Promise((resolve, reject) => {
    openLmdbBackend(options, (opened) => (opened.kind === 'opened' ? resolve(opened.backend) : reject(opened.error)));
  });
const closed = (backend: Backend): Promise<void> =>
  new Promise((resolve, reject) => {
    backend.close((error) => (error === undefined ? resolve() : reject(error)));
  });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

backendSuite({
  test: (title, body) => test(`lmdb: ${title}`, (_context, done) => body(done)),
  seed,
  create: (ready) => {
    // A dot in the name of the directory, because LMDB's own default would take it for a file.
    const path = join(mkdtempSync(join(tmpdir(), 'kontiki-kv-')), 'member.1');
    const held: { backend?: Backend } = {};
    open({ path }).then((backend) => {
      held.backend = backend;
      ready({
        backend,
        reopen: (next) =>
          held.backend?.close(() => {
            void open({ path }).then((again) => {
              held.backend = again;
              next(again);
            });
          }),
        dispose: () => rmSync(path, { recursive: true }),
      });
    }, assert.ifError);
  },
});

test('the directory and its files are the owner’s alone', async (context) => {
  const path = join(mkdtempSync(join(tmpdir(), 'kontiki-kv-')), 'kv');
  context.after(() => rmSync(path, { recursive: true }));
  const backend = await open({ path });
  await closed(backend);

  const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
  assert.deepEqual([path, join(path, 'data.mdb'), join(path, 'lock.mdb')].map(mode), ['700', '600', '600']);
});

test('what cannot be opened is named in the error', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const sound = join(directory, 'sound');
  await closed(await open({ path: sound }));
  const data = readFileSync(join(sound, 'data.mdb'));
  const newer = Uint8Array.from(data);
  newer[28] = 3;

  const cases: readonly (readonly [name: string, data: Uint8Array, reason: RegExp])[] = [
    ['foreign', bytes('this is no database\n'.repeat(999)), /foreign\/data.mdb is not an LMDB data file/],
    ['torn', data.subarray(0, 20), /torn\/data.mdb is not an LMDB data file/],
    ['short', data.subarray(0, 8192), /short\/data.mdb is cut short/],
    ['newer', newer, /newer\/data.mdb has format version 3; this build reads version 2/],
  ];
  for (const [name, content, reason] of cases) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'data.mdb'), content);
    await assert.rejects(open({ path: join(directory, name) }), reason);
  }
  writeFileSync(join(directory, 'file'), '');
  await assert.rejects(open({ path: join(directory, 'file') }), /cannot open the database in .*file/);
});

test('a key that LMDB cannot keep is refused before anything is written', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(path, { recursive: true }));
  const backend = await open({ path });
  const fine = { kind: 'put', space: 'rows', key: bytes('fine'), value: bytes('v') } as const;
  const never = (): void => assert.fail('nothing was started');

  for (const length of [0, 1979]) {
    const bad = { ...fine, key: new Uint8Array(length) };
    assert.throws(() => backend.commit([fine, bad], never, never), new RegExp(`key of ${length} bytes`));
  }
  const view = backend.view();
  assert.equal(view.get('rows', bytes('fine')), undefined);
  view.close();
  await closed(backend);
});

test('views held open do not run out under many commits', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'kontiki-kv-'));
  context.after(() => rmSync(path, { recursive: true }));
  const backend = await open({ path });
  const views = [];
  for (let at = 0; at < 200; at++) {
    await new Promise<void>((resolve, reject) => {
      const value = bytes(`${at}`);
      backend.commit(
        [{ kind: 'put', space: 'meta', key: bytes('at'), value }],
        () => {},
        (error) => (error === undefined ? resolve() : reject(error)),
      );
    });
    views.push(backend.view(), backend.view());
  }

  for (const [at, view] of views.entries()) {
    assert.deepEqual(view.get('meta', bytes('at')), bytes(`${at >> 1}`));
    view.close();
  }
  await closed(backend);
});

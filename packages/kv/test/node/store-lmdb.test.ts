import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Backend, type Entry, Store } from '@kontiki/kv';
import { openLmdbBackend } from '@kontiki/kv/node';
import { drawFrom } from '@kontiki/kv/testing';
import { everything, hashOf, Machine, snapshotOf } from '../machine.ts';
import { RequestDraw } from '../requests.ts';
import { seed } from '../seed.ts';

const open = (path: string): Promise<Backend> =>
  new Promise((resolve, reject) => {
    openLmdbBackend({ path }, (opened) => (opened.kind === 'opened' ? resolve(opened.backend) : reject(opened.error)));
  });
const settled = (start: (done: (error: Error | undefined) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    start((error) => (error === undefined ? resolve() : reject(error)));
  });

async function flush(store: Store): Promise<void> {
  while (store.flushable) await settled((done) => assert(store.flush({ rows: 100, bytes: 1e6 }, done)));
}

test(`a store on LMDB is the same as one in memory, reopened and restored too (seed ${seed})`, async (context) => {
  const path = join(mkdtempSync(join(tmpdir(), 'kontiki-kv-')), 'kv');
  context.after(() => rmSync(path, { recursive: true }));
  const requests = new RequestDraw(drawFrom(seed));
  const machine = new Machine();
  let backend = await open(path);
  let store = Store.open({ backend });
  const same = (where: string): void => {
    assert.deepEqual(hashOf(store, 0), hashOf(machine.store, 0), where);
    assert.deepEqual(store.leases(), machine.store.leases(), where);
    const [ours, theirs] = [store, machine.store].map((one) => one.eventsFrom(0, everything));
    assert(ours?.kind === 'events' && theirs?.kind === 'events');
    assert.equal(ours.revisions.length, theirs.revisions.length, where);
  };

  for (let round = 0; round < 20; round++) {
    requests.revision = store.revision;
    const entries = Array.from(
      { length: 30 },
      (_, at): Entry => ({ position: { index: round * 30 + at + 1, term: 1 }, operation: requests.operation() }),
    );
    assert.deepEqual(store.apply(entries), machine.store.apply(entries));
    store.scrub(20);
    if (round % 3 === 0) await flush(store);
    same(`round ${round}`);
  }
  await flush(store);
  store.close();
  await settled((done) => backend.close(done));
  backend = await open(path);
  store = Store.open({ backend });
  same('after reopening');

  const restore = store.restore();
  restore.feed(snapshotOf(machine.store));
  await settled((done) => restore.finish(undefined, done));
  same('after restoring');
  store.close();
  await settled((done) => backend.close(done));
});

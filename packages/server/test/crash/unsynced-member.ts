// A member of the crash test: the product on storage whose unsynced bytes live in this process, so that SIGKILL is a power
// failure. With KONTIKI_TEST_STORAGE=withoutFdatasync syncs are answered and not done: a build that the test must fail.

import { LossyBackend } from '@kontiki/kv/testing';
import type { Vfs } from '@kontiki/wal';
import { unsyncedVfs } from '@kontiki/wal/testing';
import { runServer } from '../../src/run-server.ts';
import { diskStorage, type ServerStorage } from '../../src/storage.ts';

const withoutFdatasync = process.env.KONTIKI_TEST_STORAGE === 'withoutFdatasync';
const seed = hash(process.env.KONTIKI_TEST_SEED ?? '');
/** Long enough that most kills find something unflushed. */
const flushDelayMs = 50;

/** A kernel writes some of it when it likes. */
const honest = unsyncedVfs(diskStorage.vfs, { seed, early: 0.1 });
/** Only the log's syncs are left out, of files and names: what a member says of itself stays true, and it starts again. */
const lying = unsyncedVfs(diskStorage.vfs, { seed, lies: 'everything' });

const storage: ServerStorage = {
  ...diskStorage,
  vfs: withoutFdatasync ? byDirectory(lying, honest) : honest,
  openBackend: async (directory) =>
    new LossyBackend({
      below: await diskStorage.openBackend(directory),
      defer: (task) => setImmediate(task),
      // Rows that outlived the log would stop the member at its start: that is another test.
      deferFlush: withoutFdatasync ? () => {} : (task) => setTimeout(task, flushDelayMs),
      reportsEarly: withoutFdatasync,
    }),
  // Small, so that segments are cut under load, and in memory.
  segmentBytes: 2 ** 20,
};

process.exitCode = await runServer(process.argv.slice(2), process.env, storage);
process.exit();

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}

function byDirectory(log: Vfs, others: Vfs): Vfs {
  const of = (path: string): Vfs => (path.includes('/member/wal') ? log : others);
  return {
    open: (path, mode, completion) => of(path).open(path, mode, completion),
    rename: (from, to, done) => of(from).rename(from, to, done),
    unlink: (path, done) => of(path).unlink(path, done),
    makeDirectory: (path, done) => of(path).makeDirectory(path, done),
    list: (directory, completion) => of(directory).list(directory, completion),
    syncDirectory: (directory, done) => of(directory).syncDirectory(directory, done),
    lock: (directory, completion) => of(directory).lock(directory, completion),
    defer: (task) => others.defer(task),
  };
}

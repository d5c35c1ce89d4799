// A member of the crash test: the product on storage whose unsynced bytes live in this process, so that SIGKILL is a power
// failure. With KONTIKI_TEST_STORAGE=withoutFdatasync syncs are answered and not done: a build that the test must fail.

import { LossyBackend } from '@kontiki/kv/testing';
import { unsyncedVfs } from '@kontiki/wal/testing';
import { runServer } from '../../src/run-server.ts';
import { diskStorage, type ServerStorage } from '../../src/storage.ts';

const withoutFdatasync = process.env.KONTIKI_TEST_STORAGE === 'withoutFdatasync';
const seed = hash(process.env.KONTIKI_TEST_SEED ?? '');
/** Long enough that most kills find something unflushed. */
const flushDelayMs = 50;

const vfs = unsyncedVfs(
  diskStorage.vfs,
  // A kernel writes some of it when it likes; a liar's disk is empty after a power failure, files and names.
  withoutFdatasync ? { seed, lies: 'everything' } : { seed, early: 0.1 },
);

const storage: ServerStorage = {
  ...diskStorage,
  vfs,
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

// Where a server keeps its bytes: files by the `Vfs`, rows by the backend. The product uses the real disk; an entry point of
// the tests brings storage that forgets.

import type { Backend } from '@kontiki/kv';
import { openLmdbBackend } from '@kontiki/kv/node';
import type { Checksum, Vfs } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';

export interface ServerStorage {
  readonly vfs: Vfs;
  readonly checksum: Checksum;
  openBackend(directory: string): Promise<Backend>;
  /** Smaller segments for tests; the log's own default when absent. */
  readonly segmentBytes?: number;
}

export const diskStorage: ServerStorage = {
  vfs: nodeVfs,
  checksum: zlibChecksum,
  openBackend: (path) =>
    new Promise((resolve, reject) => {
      openLmdbBackend({ path }, (opened) => {
        if (opened.kind === 'opened') resolve(opened.backend);
        else reject(opened.error);
      });
    }),
};

// Where a server keeps its bytes: files by the `Vfs`, rows by the backend. The product uses the real disk; an entry point of
// the tests brings storage that forgets.

import { statSync } from 'node:fs';
import type { Backend } from '@kontiki/kv';
import { openLmdbBackend } from '@kontiki/kv/node';
import type { Checksum, Vfs } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';

/** The rows cannot be opened. They are a copy of what the log says, so a member can do without them while its log is whole. */
export class RowsError extends Error {
  constructor(cause: Error, directory: string) {
    super(
      `${cause.message}. Move ${directory} away and start again: rows that the log still holds are made anew; a member ` +
        'whose log no longer goes back to the first says so, and is restored from a backup of its data directory',
      { cause },
    );
    this.name = 'RowsError';
  }
}

export interface ServerStorage {
  readonly vfs: Vfs;
  readonly checksum: Checksum;
  openBackend(directory: string): Promise<Backend>;
  /** Whether users other than ours may read or write there. */
  isOpenToOthers?(directory: string): boolean;
  /** Smaller segments for tests; the log's own default when absent. */
  readonly segmentBytes?: number;
}

const othersMask = 0o077;

export const diskStorage: ServerStorage = {
  vfs: nodeVfs,
  checksum: zlibChecksum,
  isOpenToOthers: (directory) => (statSync(directory).mode & othersMask) !== 0,
  openBackend: (path) =>
    new Promise((resolve, reject) => {
      openLmdbBackend({ path }, (opened) => {
        if (opened.kind === 'opened') resolve(opened.backend);
        else reject(new RowsError(opened.error, path));
      });
    }),
};

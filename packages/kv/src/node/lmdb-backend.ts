// The backend on LMDB: one environment, one named database per space, every commit one write transaction of its own.
//
// `overlappingSync` stays off: with it LMDB shows a transaction before it is durable, and a failed sync of a transaction
// already shown is reported to nobody. Without it a commit that cannot be made durable is rejected whole; measured, it
// costs the same. `eventTurnBatching` stays off, because the promise it makes for itself is rejected unheard when a commit
// fails, and ends the process. Never `noSync`, never `useWritemap`. What a row means is not known here.

import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Backend, BackendView, BackendWrite, Space } from '../backend.ts';
import { checkDataFile } from './lmdb-file.ts';
import { type Databases, LmdbView } from './lmdb-view.ts';

export interface LmdbBackendOptions {
  /** A directory of its own; made, with its parents, when it is not there. */
  readonly path: string;
  /** Address space reserved for the map. It grows by itself past this, at the price of a pause. */
  readonly mapSize?: number;
}

export type LmdbOpened =
  | { readonly kind: 'opened'; readonly backend: Backend }
  | { readonly kind: 'failed'; readonly error: Error };

const mapSizeDefault = 16 * 2 ** 30;
/** What LMDB takes with its usual page of 4 KiB. Keys here are revisions and short names. */
const keyBytesMax = 1978;
/** Views held at once, over all of the process. The store shares views; a leak shall show before it hurts. */
const readersMax = 512;

/** A disk with less room than this is called full. */
const fullBelowBytes = 2 ** 20;

/** How long to wait for the reason of a failed commit. */
const reasonWaitMs = 500;

/** Opens, or makes, the environment. `completion` runs once, after this call has returned. */
export function openLmdbBackend(options: LmdbBackendOptions, completion: (opened: LmdbOpened) => void): void {
  const opened = tryOpen(options);
  setImmediate(() => completion(opened));
}

const binary = { keyEncoding: 'binary', encoding: 'binary', cache: false } as const;
const environment = {
  ...binary,
  // Otherwise a directory with a dot in its name is taken for a file.
  noSubdir: false,
  overlappingSync: false,
  eventTurnBatching: false,
  maxReaders: readersMax,
  maxDbs: 4,
  permissionsMode: 0o600,
};

function tryOpen({ path, mapSize = mapSizeDefault }: LmdbBackendOptions): LmdbOpened {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const file = join(path, 'data.mdb');
    checkDataFile(file);
    const root = open<Uint8Array, Uint8Array>({ ...environment, path, mapSize });
    const { bytes } = environmentSize(root);
    // Reading a page that the file no longer has kills the process (SIGBUS), so it must not come to that.
    if (bytes > statSync(file).size) throw new Error(`${file} is cut short: it should hold ${bytes} bytes`);
    const space = (name: Space): Database<Uint8Array, Uint8Array> => root.openDB({ ...binary, name });
    const spaces = { rows: space('rows'), meta: space('meta'), leases: space('leases') };
    return { kind: 'opened', backend: new LmdbBackend(path, root, spaces) };
  } catch (cause) {
    return { kind: 'failed', error: new Error(`cannot open the database in ${path}: ${messageOf(cause)}`, { cause }) };
  }
}

class LmdbBackend implements Backend {
  readonly #path: string;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #spaces: Databases;
  readonly #views = new Set<LmdbView>();
  /** The commit that LMDB has in hand; resolves after its callbacks have run. */
  #pending: Promise<void> | undefined;
  /** The first failure. A store that did not take a batch must not go on as if it had (fail-stop). */
  #failure: Error | undefined;

  constructor(path: string, root: RootDatabase<Uint8Array, Uint8Array>, spaces: Databases) {
    this.#path = path;
    this.#root = root;
    this.#spaces = spaces;
  }

  view(): BackendView {
    if (this.#failure !== undefined) throw this.#failure;
    const view = new LmdbView(this.#root.useReadTransaction(), this.#spaces, () => this.#views.delete(view));
    this.#views.add(view);
    return view;
  }

  commit(
    writes: readonly BackendWrite[],
    committed: (error: Error | undefined) => void,
    durable: (error: Error | undefined) => void,
  ): void {
    // A write refused inside the block would leave the block cut short, and LMDB would commit what is left of it.
    for (const write of writes) checkWrite(write);
    if (this.#pending !== undefined) throw new Error('a commit is in progress: one at a time until `committed`');
    const finish = (error: Error | undefined): void => {
      this.#pending = undefined;
      committed(error);
      durable(error);
    };
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#pending = nextTurn().then(() => finish(failure));
      return;
    }
    this.#pending = this.#write(writes).then(
      () => finish(undefined),
      (error: Error) => {
        this.#failure ??= error;
        finish(error);
      },
    );
  }

  /** Resolves once the batch is visible and durable. */
  async #write(writes: readonly BackendWrite[]): Promise<void> {
    try {
      if (writes.length === 0) await nextTurn();
      else await this.#root.batch(() => this.#enqueue(writes));
      await this.#root.flushed;
    } catch (cause) {
      throw new Error(`the database in ${this.#path} did not take a batch: ${await this.#reasonOf(cause)}`, { cause });
    }
  }

  /** LMDB calls a write that a full disk has cut short an input/output error. */
  async #reasonOf(cause: unknown): Promise<string> {
    const message = await commitMessage(cause);
    if (!/input\/output error|no space left/i.test(message)) return message;
    const room = await statfs(this.#path).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => fullBelowBytes,
    );
    return room < fullBelowBytes ? `no space left on the device (${message})` : message;
  }

  /** Queues the writes for LMDB's own thread; they become one block of one transaction. */
  #enqueue(writes: readonly BackendWrite[]): void {
    for (const write of writes) {
      switch (write.kind) {
        case 'put':
          void this.#spaces[write.space].put(write.key, write.value);
          break;
        case 'delete':
          void this.#spaces[write.space].remove(write.key);
          break;
        case 'clear':
          for (const database of Object.values(this.#spaces)) void database.clearAsync();
          break;
      }
    }
  }

  size(): { readonly bytes: number; readonly bytesInUse: number } {
    if (this.#failure !== undefined) throw this.#failure;
    const { bytes, pageBytes, ownPages } = environmentSize(this.#root);
    let pages = ownPages;
    for (const database of Object.values(this.#spaces)) {
      const stats: unknown = database.getStats();
      if (isTreeStats(stats)) pages += pagesOf(stats);
    }
    return { bytes, bytesInUse: pages * pageBytes };
  }

  close(done: (error: Error | undefined) => void): void {
    this.#failure ??= new Error(`the database in ${this.#path} is closed`);
    const pending = this.#pending ?? Promise.resolve();
    pending
      .then(() => {
        for (const view of [...this.#views]) view.close();
        return this.#root.close();
      })
      .then(
        () => done(undefined),
        (cause: unknown) =>
          done(new Error(`cannot close the database in ${this.#path}: ${messageOf(cause)}`, { cause })),
      );
  }
}

function checkWrite(write: BackendWrite): void {
  if (write.kind === 'clear') return;
  const { length } = write.key;
  if (length === 0 || length > keyBytesMax)
    throw new RangeError(`a key of ${length} bytes; 1 to ${keyBytesMax} can be kept`);
}

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
interface EnvironmentStats {
  readonly root: TreeStats;
  readonly free: TreeStats;
  readonly lastPageNumber: number;
}

/** The two pages that name the newest tree. */
const metaPages = 2;

function environmentSize(root: RootDatabase<Uint8Array, Uint8Array>): {
  readonly bytes: number;
  readonly pageBytes: number;
  readonly ownPages: number;
} {
  const stats: unknown = root.getStats();
  if (!isEnvironmentStats(stats)) throw new Error('LMDB reports no sizes');
  return {
    bytes: (stats.lastPageNumber + 1) * stats.root.pageSize,
    pageBytes: stats.root.pageSize,
    ownPages: metaPages + pagesOf(stats.root) + pagesOf(stats.free),
  };
}

function pagesOf(tree: TreeStats): number {
  return tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
}

function isTreeStats(value: unknown): value is TreeStats {
  return typeof value === 'object' && value !== null && 'treeLeafPageCount' in value && 'pageSize' in value;
}

function isEnvironmentStats(value: unknown): value is EnvironmentStats {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'lastPageNumber' in value &&
    'root' in value &&
    isTreeStats(value.root) &&
    'free' in value &&
    isTreeStats(value.free)
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * LMDB rejects a commit with a general sentence and keeps the reason in a promise that is rejected a little later. Should it
 * not be, the general sentence has to do: a failed commit must be told.
 */
async function commitMessage(cause: unknown): Promise<string> {
  if (typeof cause !== 'object' || cause === null || !('commitError' in cause)) return messageOf(cause);
  const waited = new AbortController();
  try {
    await Promise.race([cause.commitError, delay(reasonWaitMs, undefined, { signal: waited.signal })]);
    return messageOf(cause);
  } catch (reason) {
    return messageOf(reason);
  } finally {
    waited.abort();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

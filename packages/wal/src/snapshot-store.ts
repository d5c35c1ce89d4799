// Whole snapshots as files: one appears under its name only when it is durable and has been read back, and is read to its
// end before its first byte is given to anybody.

import type {
  Completion,
  Done,
  Index,
  LogId,
  SnapshotMeta,
  SnapshotSink,
  SnapshotSource,
  SnapshotStore,
} from '@kontiki/raft';
import type { Checksum } from './checksum.ts';
import { assert, SnapshotError } from './errors.ts';
import { type WalRules, walRules } from './rules.ts';
import { call, completing, run, type Sequence, take } from './sequence.ts';
import {
  chunkBytesMax,
  encodeChunk,
  encodeEnd,
  encodeHead,
  SnapshotReader,
  snapshotIdOf,
  snapshotName,
  verifySnapshot,
} from './snapshot-file.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export interface SnapshotOptions {
  readonly vfs: Vfs;
  /** Made if it is missing. There is no lock on it: the log is opened first, and its lock stands for both. */
  readonly directory: string;
  readonly checksum: Checksum;
  readonly onEvent?: (event: SnapshotEvent) => void;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: WalRules;
}

/** For logs and metrics. */
export type SnapshotEvent =
  | { readonly kind: 'snapshotBroken'; readonly file: string; readonly reason: string; readonly keptIn: string }
  | { readonly kind: 'leftoverRemoved'; readonly file: string };

/** Opens the snapshots of a directory. The newest is read to its end; one that fails is set aside and the one before it counts. */
export function openSnapshots(options: SnapshotOptions, completion: Completion<SnapshotStore>): void {
  run(open(options), completion);
}

function* open(options: SnapshotOptions): Sequence<SnapshotStore> {
  const { vfs, directory, checksum, onEvent } = options;
  yield* call((done) => vfs.makeDirectory(directory, done));
  const names = yield* take<readonly string[]>((completion) => vfs.list(directory, completion));
  for (const name of names.filter((candidate) => candidate.endsWith('.tmp'))) {
    yield* call((done) => vfs.unlink(`${directory}/${name}`, done));
    onEvent?.({ kind: 'leftoverRemoved', file: `${directory}/${name}` });
  }
  const snapshots = names.map(snapshotIdOf).filter((last) => last !== undefined);
  let newest: SnapshotMeta | undefined;
  while (newest === undefined && snapshots.length > 0) {
    const path = `${directory}/${snapshotName(snapshots.at(-1) ?? absent())}`;
    try {
      newest = yield* verifySnapshot(vfs, path, checksum);
    } catch (error: unknown) {
      if (!(error instanceof SnapshotError)) throw error;
      yield* call((done) => vfs.rename(path, `${path}.broken`, done));
      snapshots.pop();
      onEvent?.({ kind: 'snapshotBroken', file: path, reason: error.message, keptIn: `${path}.broken` });
    }
  }
  yield* call((done) => vfs.syncDirectory(directory, done));
  return new FileSnapshotStore(options, snapshots, newest);
}

function absent(): never {
  throw new TypeError('a list that is not empty has a last item');
}

class FileSnapshotStore implements SnapshotStore {
  readonly #options: SnapshotOptions;
  /** In order of their indexes. */
  #snapshots: LogId[];
  #newest: SnapshotMeta | undefined;
  #sinks = 0;

  constructor(options: SnapshotOptions, snapshots: readonly LogId[], newest: SnapshotMeta | undefined) {
    this.#options = options;
    this.#snapshots = [...snapshots];
    this.#newest = newest;
  }

  newest(): SnapshotMeta | undefined {
    return this.#newest;
  }

  create(meta: SnapshotMeta): SnapshotSink {
    this.#sinks += 1;
    const temporary = `${this.#options.directory}/${snapshotName(meta.last)}.${this.#sinks}.tmp`;
    return new FileSnapshotSink(this.#options, meta, temporary, () => this.#add(meta));
  }

  open(last: LogId, completion: Completion<SnapshotSource>): void {
    run(this.#open(last), completion);
  }

  removeBefore(index: Index, done: Done): void {
    run(this.#removeBefore(index), completing(done));
  }

  *#open(last: LogId): Sequence<SnapshotSource> {
    const { vfs, directory, checksum } = this.#options;
    const path = `${directory}/${snapshotName(last)}`;
    if (!this.#snapshots.some((id) => same(id, last))) {
      yield* call((done) => vfs.defer(() => done(undefined)));
      throw new SnapshotError(path, 'there is none that ends there');
    }
    yield* verifySnapshot(vfs, path, checksum);
    return yield* SnapshotReader.open(vfs, path, checksum);
  }

  *#removeBefore(index: Index): Sequence<void> {
    const { vfs, directory, rules = walRules } = this.#options;
    const names = yield* take<readonly string[]>((completion) => vfs.list(directory, completion));
    for (const name of names) {
      const id = snapshotIdOf(name.replace(/\.broken$/, ''));
      if (id === undefined || id.index >= index) continue;
      this.#snapshots = this.#snapshots.filter((known) => !same(known, id));
      yield* call((done) => vfs.unlink(`${directory}/${name}`, done));
    }
    if (rules.syncsDirectory('snapshotDropped')) yield* call((done) => vfs.syncDirectory(directory, done));
    if (this.#newest !== undefined && this.#newest.last.index < index) this.#newest = undefined;
  }

  #add(meta: SnapshotMeta): void {
    this.#snapshots = this.#snapshots.filter((known) => !same(known, meta.last));
    this.#snapshots.push(meta.last);
    this.#snapshots.sort((a, b) => a.index - b.index || a.term - b.term);
    if (this.#newest === undefined || meta.last.index >= this.#newest.last.index) this.#newest = meta;
  }
}

class FileSnapshotSink implements SnapshotSink {
  readonly #options: SnapshotOptions;
  readonly #meta: SnapshotMeta;
  readonly #temporary: string;
  readonly #added: () => void;
  #file: VfsFile | undefined;
  #offset = 0;
  #chain = 0;
  #total = 0;
  #busy = false;
  #ended = false;

  constructor(options: SnapshotOptions, meta: SnapshotMeta, temporary: string, added: () => void) {
    this.#options = options;
    this.#meta = meta;
    this.#temporary = temporary;
    this.#added = added;
  }

  write(chunk: Uint8Array, done: Done): void {
    this.#begin();
    run(this.#write(chunk), (outcome) => this.#finish(outcome.kind === 'failed' ? outcome.error : undefined, done));
  }

  commit(done: Done): void {
    this.#begin();
    run(this.#commit(), (outcome) => {
      this.#ended = true;
      this.#finish(outcome.kind === 'failed' ? outcome.error : undefined, done);
    });
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#busy) this.#discard();
  }

  #begin(): void {
    assert(!this.#busy, 'the next chunk of a snapshot comes after the last one was answered');
    assert(!this.#ended, 'a snapshot that was committed or aborted takes no more');
    this.#busy = true;
  }

  #finish(error: Error | undefined, done: Done): void {
    this.#busy = false;
    if (this.#ended) this.#discard();
    done(error);
  }

  *#opened(): Sequence<VfsFile> {
    if (this.#file !== undefined) return this.#file;
    const { vfs, checksum } = this.#options;
    const file = yield* take<VfsFile>((completion) => vfs.open(this.#temporary, 'create', completion));
    this.#file = file;
    const head = encodeHead(this.#meta, checksum);
    this.#chain = head.chain;
    yield* this.#put(file, head.bytes);
    return file;
  }

  *#write(chunk: Uint8Array): Sequence<void> {
    const file = yield* this.#opened();
    for (let at = 0; at < chunk.length || at === 0; at += chunkBytesMax) {
      const part = chunk.subarray(at, at + chunkBytesMax);
      // An empty chunk would read as the end.
      if (part.length === 0) return yield* call((done) => this.#options.vfs.defer(() => done(undefined)));
      const piece = encodeChunk(part, this.#chain, this.#options.checksum);
      this.#chain = piece.chain;
      this.#total += part.length;
      yield* this.#put(file, piece.bytes);
    }
  }

  *#commit(): Sequence<void> {
    const { vfs, directory, checksum, rules = walRules } = this.#options;
    const file = yield* this.#opened();
    yield* this.#put(file, encodeEnd(this.#total, this.#chain, checksum).bytes);
    if (rules.syncsSnapshot()) yield* call((done) => file.fdatasync(done));
    yield* call((done) => file.close(done));
    this.#file = undefined;
    yield* verifySnapshot(vfs, this.#temporary, checksum);
    yield* call((done) => vfs.rename(this.#temporary, `${directory}/${snapshotName(this.#meta.last)}`, done));
    if (rules.syncsDirectory('snapshotNamed')) yield* call((done) => vfs.syncDirectory(directory, done));
    this.#added();
  }

  *#put(file: VfsFile, bytes: Uint8Array): Sequence<void> {
    yield* call((done) => file.write(this.#offset, bytes, done));
    this.#offset += bytes.length;
  }

  /** Frees an unfinished file. An error leaves a leftover, which the next opening removes. */
  #discard(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close(() => this.#options.vfs.unlink(this.#temporary, () => undefined));
  }
}

function same(a: LogId, b: LogId): boolean {
  return a.index === b.index && a.term === b.term;
}

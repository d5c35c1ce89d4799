// One snapshot as a file: metadata, checked chunks, an end that says how much there was (docs/wal-format.md, "Snapshot").

import type { Completion, LogId, SnapshotMeta, SnapshotSource } from '@kontiki/raft';
import { getU64, putU64, viewOf } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { DecodeError, NewerFormatError, SnapshotError } from './errors.ts';
import { fileHeadBytes, formatVersion, putFileHead, versionOf } from './file-head.ts';
import { asIndex, asTerm, decodeMeta, encodeMeta } from './payload.ts';
import { hex } from './segment.ts';
import { call, run, type Sequence, take } from './sequence.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export const chunkBytesMax: number = 2 ** 20;
const metaBytesMax: number = 2 ** 20;
const chunkHeadBytes = 8;

export function snapshotName(last: LogId): string {
  return `${hex(last.index)}-${hex(last.term)}.snap`;
}

export function snapshotIdOf(name: string): LogId | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/.exec(name);
  if (match === null) return undefined;
  return { index: asIndex(Number.parseInt(match[1] ?? '', 16)), term: asTerm(Number.parseInt(match[2] ?? '', 16)) };
}

/** A piece of the file, and the chain value behind it. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly chain: number;
}

export function encodeHead(meta: SnapshotMeta, checksum: Checksum): Piece {
  const encoded = encodeMeta(meta);
  const chain = checksum(encoded, 0);
  const bytes = new Uint8Array(fileHeadBytes + 8 + encoded.length);
  putFileHead(bytes, 'KONTIKIS', checksum);
  viewOf(bytes).setUint32(fileHeadBytes, encoded.length, true);
  viewOf(bytes).setUint32(fileHeadBytes + 4, chain, true);
  bytes.set(encoded, fileHeadBytes + 8);
  return { bytes, chain };
}

export function encodeChunk(chunk: Uint8Array, before: number, checksum: Checksum): Piece {
  const bytes = new Uint8Array(chunkHeadBytes + chunk.length);
  viewOf(bytes).setUint32(0, chunk.length, true);
  bytes.set(chunk, chunkHeadBytes);
  return sealed(bytes, before, checksum);
}

export function encodeEnd(total: number, before: number, checksum: Checksum): Piece {
  const bytes = new Uint8Array(chunkHeadBytes + 8);
  putU64(viewOf(bytes), chunkHeadBytes, total);
  return sealed(bytes, before, checksum);
}

function sealed(bytes: Uint8Array, before: number, checksum: Checksum): Piece {
  const chain = chainOf(bytes.subarray(0, 4), bytes.subarray(chunkHeadBytes), before, checksum);
  viewOf(bytes).setUint32(4, chain, true);
  return { bytes, chain };
}

function chainOf(length: Uint8Array, content: Uint8Array, before: number, checksum: Checksum): number {
  return checksum(content, checksum(length, before));
}

/** Reads a snapshot's chunks in order, each checked; whatever does not hold is a SnapshotError. */
export class SnapshotReader implements SnapshotSource {
  readonly meta: SnapshotMeta;
  readonly #vfs: Vfs;
  readonly #file: VfsFile;
  readonly #checksum: Checksum;
  #offset: number;
  #chain: number;
  #total = 0;
  #closed = false;

  private constructor(vfs: Vfs, file: VfsFile, checksum: Checksum, meta: SnapshotMeta, offset: number, chain: number) {
    this.meta = meta;
    this.#vfs = vfs;
    this.#file = file;
    this.#checksum = checksum;
    this.#offset = offset;
    this.#chain = chain;
  }

  /** Opens the file and reads its head. The chunks are not checked yet. */
  static *open(vfs: Vfs, path: string, checksum: Checksum): Sequence<SnapshotReader> {
    const file = yield* take<VfsFile>((completion) => vfs.open(path, 'existing', completion));
    try {
      const head = yield* exactly(file, 0, fileHeadBytes + 8);
      const version = versionOf(head, 'KONTIKIS', checksum);
      if (version !== undefined && version > formatVersion) throw new NewerFormatError(path, version, formatVersion);
      if (version !== formatVersion) throw new SnapshotError(path, 'its head is damaged');
      const length = viewOf(head).getUint32(fileHeadBytes, true);
      const chain = viewOf(head).getUint32(fileHeadBytes + 4, true);
      if (length > metaBytesMax) throw new SnapshotError(path, 'its head is damaged');
      const encoded = yield* exactly(file, head.length, length);
      if (checksum(encoded, 0) !== chain) throw new SnapshotError(path, 'its metadata are damaged');
      const meta = decodeMeta(encoded);
      return new SnapshotReader(vfs, file, checksum, meta, head.length + length, chain);
    } catch (error: unknown) {
      yield* call((done) => file.close(done));
      throw error instanceof DecodeError ? new SnapshotError(path, error.message) : error;
    }
  }

  next(completion: Completion<Uint8Array | undefined>): void {
    run(this.chunk(), completion);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Nothing was written, so there is nothing that an error here could have lost.
    this.#file.close(() => undefined);
  }

  /** The next chunk, as steps; `undefined` once the end has been checked too. */
  *chunk(): Sequence<Uint8Array | undefined> {
    if (this.#closed) {
      yield* call((done) => this.#vfs.defer(() => done(undefined)));
      throw new SnapshotError(this.#file.path, 'its reader was closed');
    }
    const head = yield* exactly(this.#file, this.#offset, chunkHeadBytes);
    const length = viewOf(head).getUint32(0, true);
    if (length > chunkBytesMax) throw this.#damaged();
    const content = yield* exactly(this.#file, this.#offset + chunkHeadBytes, length === 0 ? 8 : length);
    const chain = chainOf(head.subarray(0, 4), content, this.#chain, this.#checksum);
    if (chain !== viewOf(head).getUint32(4, true)) throw this.#damaged();
    if (length === 0) {
      if (getU64(viewOf(content), 0) !== this.#total) throw this.#damaged();
      return undefined;
    }
    this.#chain = chain;
    this.#offset += chunkHeadBytes + length;
    this.#total += length;
    return content;
  }

  #damaged(): SnapshotError {
    return new SnapshotError(this.#file.path, `it is damaged at offset ${this.#offset}`);
  }
}

/** Reads a snapshot to its end and throws if anything in it does not hold. Returns its metadata. */
export function* verifySnapshot(vfs: Vfs, path: string, checksum: Checksum): Sequence<SnapshotMeta> {
  const reader = yield* SnapshotReader.open(vfs, path, checksum);
  try {
    while ((yield* reader.chunk()) !== undefined);
    return reader.meta;
  } finally {
    reader.close();
  }
}

function* exactly(file: VfsFile, offset: number, length: number): Sequence<Uint8Array> {
  const bytes = yield* take<Uint8Array>((completion) => file.read(offset, length, completion));
  if (bytes.length < length) throw new SnapshotError(file.path, `it ends at offset ${offset + bytes.length}`);
  return bytes;
}

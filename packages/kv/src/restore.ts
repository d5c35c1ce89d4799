// A snapshot coming in: checked frame by frame as it arrives, understood as a whole before anything is touched, and then
// installed in one commit. Whatever is wrong with it, the store stays as it was. It is held in memory until then.

import type { Position } from './api.ts';
import type { BackendWrite, Space } from './backend.ts';
import { compareBytes, readUint32, readUint64 } from './bytes.ts';
import { assert, StoreFormatError } from './invariant.ts';
import { type Loaded, load, type Visitor } from './load.ts';
import { decodeState, type StoreState, stateWrite } from './meta.ts';
import {
  decodePairs,
  frameChecksum,
  frameHeaderBytes,
  frameKind,
  framePayloadBytesMax,
  type Pair,
  snapshotMagic,
  snapshotVersion,
} from './snapshot-format.ts';

/** The new state in both forms: as memory holds it, and as the backend will. */
export interface Understood {
  readonly state: StoreState;
  readonly loaded: Loaded;
  readonly writes: readonly BackendWrite[];
}

type Install = (understood: Understood, done: (error: Error | undefined) => void) => void;

export class Restore {
  readonly #install: Install;
  /** Bytes of a frame that is not complete yet. */
  #pieces: Uint8Array[] = [];
  #pending = 0;
  #wanted: number = frameHeaderBytes;
  #checksum = 0;
  #state: StoreState | undefined = undefined;
  readonly #leases: Pair[] = [];
  readonly #records: Pair[] = [];
  readonly #rows: Pair[] = [];
  #complete = false;
  #finished = false;
  #failure: StoreFormatError | undefined = undefined;

  constructor(install: Install) {
    this.#install = install;
  }

  /** What was found wrong so far. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The next bytes, cut anywhere. Answers false when the snapshot cannot be used and no more is wanted. */
  feed(chunk: Uint8Array): boolean {
    if (this.#failure !== undefined) return false;
    // Copied: the caller may use its buffer again.
    if (chunk.length > 0) this.#pieces.push(chunk.slice());
    this.#pending += chunk.length;
    try {
      while (this.#pending >= this.#wanted) this.#takeFrame();
    } catch (error: unknown) {
      this.#fail(error);
    }
    return this.#failure === undefined;
  }

  /**
   * Replaces the state of the store, durably, by what was fed. `position`: which entry it now stands at; the snapshot's own
   * if undefined. On an error of the snapshot (`StoreFormatError`) the old state stays; any other is the backend's and ends
   * the store.
   */
  finish(position: Position | undefined, done: (error: Error | undefined) => void): void {
    assert(!this.#finished, 'a snapshot is installed once');
    this.#finished = true;
    const understood = this.#understand(position);
    if (understood === undefined) done(this.#failure);
    else this.#install(understood, done);
  }

  #understand(position: Position | undefined): Understood | undefined {
    try {
      if (this.#failure !== undefined) return undefined;
      if (!this.#complete || this.#state === undefined) throw new StoreFormatError('the snapshot is cut short');
      if (this.#pending > 0) throw new StoreFormatError('the snapshot goes on behind its end');
      const state: StoreState = { ...this.#state, position: position ?? this.#state.position };
      const loaded = load(state, {
        leases: visitor(this.#leases),
        records: visitor(this.#records),
        rows: visitor(this.#rows),
      });
      const writes = [
        ...this.#leases.map(putInto('leases')),
        ...this.#records.map(putInto('meta')),
        ...this.#rows.map(putInto('rows')),
        stateWrite(state),
      ];
      return { state, loaded, writes };
    } catch (error: unknown) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Called when as many bytes are there as are wanted: a header, then header and payload. */
  #takeFrame(): void {
    const bytes = this.#gathered();
    const kind = bytes[0] ?? 0;
    const length = readUint32(bytes, 1);
    if (length > framePayloadBytesMax) throw new StoreFormatError(`the snapshot claims a frame of ${length} bytes`);
    this.#wanted = frameHeaderBytes + length;
    if (bytes.length < this.#wanted) return;

    const payload = bytes.subarray(frameHeaderBytes, this.#wanted);
    this.#checksum = frameChecksum(this.#checksum, kind, payload);
    if (this.#checksum !== readUint32(bytes, 5))
      throw new StoreFormatError('the snapshot is damaged: a checksum differs');
    if (this.#complete) throw new StoreFormatError('the snapshot goes on behind its end');
    this.#takePayload(kind, payload);
    this.#pieces = [bytes.subarray(this.#wanted)];
    this.#pending = bytes.length - this.#wanted;
    this.#wanted = frameHeaderBytes;
  }

  #takePayload(kind: number, payload: Uint8Array): void {
    if (this.#state === undefined) {
      if (kind !== frameKind.header) throw new StoreFormatError('this is no snapshot: it has no header');
      this.#state = decodeHeader(payload);
    } else if (kind === frameKind.leases) {
      takePairs(this.#leases, payload);
    } else if (kind === frameKind.records) {
      takePairs(this.#records, payload);
    } else if (kind === frameKind.rows) {
      takePairs(this.#rows, payload);
    } else if (kind === frameKind.end) {
      this.#complete = true;
      if (readUint64(payload, 0) !== this.#leases.length + this.#records.length + this.#rows.length) {
        throw new StoreFormatError('the snapshot holds another number of rows than it says');
      }
    } else {
      throw new StoreFormatError(`the snapshot has a frame of unknown kind ${kind}`);
    }
  }

  #gathered(): Uint8Array {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    const bytes = new Uint8Array(this.#pending);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [bytes];
    return bytes;
  }

  #fail(error: unknown): void {
    if (!(error instanceof StoreFormatError)) throw error;
    this.#failure ??= error;
    this.#pieces = [];
    this.#pending = 0;
  }
}

/** In the order of their names, each once. */
function takePairs(into: Pair[], payload: Uint8Array): void {
  for (const pair of decodePairs(payload)) {
    const last = into[into.length - 1];
    if (last !== undefined && compareBytes(last.name, pair.name) >= 0) {
      throw new StoreFormatError('the snapshot is damaged: it is out of order');
    }
    into.push(pair);
  }
}

function decodeHeader(payload: Uint8Array): StoreState {
  const versionAt = snapshotMagic.length;
  if (compareBytes(payload.subarray(0, versionAt), snapshotMagic) !== 0) {
    throw new StoreFormatError('this is no snapshot: it begins with something else');
  }
  const version = readUint32(payload, versionAt);
  if (version !== snapshotVersion) {
    throw new StoreFormatError(`the snapshot is in format ${version}, this version reads format ${snapshotVersion}`);
  }
  return decodeState(payload.subarray(versionAt + 4));
}

function visitor(pairs: readonly Pair[]): Visitor {
  return (visit) => {
    for (const { name, value } of pairs) visit(name, value);
  };
}

function putInto(space: Space): (pair: Pair) => BackendWrite {
  return ({ name, value }) => ({ kind: 'put', space, key: name, value });
}

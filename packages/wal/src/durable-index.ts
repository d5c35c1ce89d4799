// The durable-index slots: a witness beside the log of how far it was durable, so that the rot of the last acknowledged
// batch is not taken for a torn write (docs/wal-format.md, "Durable index").

import type { Completion, Done } from '@kontiki/raft';
import { getU64, putU64, viewOf } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { assert, DecodeError } from './errors.ts';
import { formatVersion, putFileHead, versionOf } from './file-head.ts';
import { call, completing, run, type Sequence, take } from './sequence.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export const durableName = 'durable';
/** Slots stand this far apart, so that no device's sector holds both. */
const slotStride = 4096;
const slotBytes = 64;
const crcOffset = 56;

/** The last batch known to be durable. Batch 0 stands for none. */
export interface Claim {
  readonly batch: number;
  readonly sequence: number;
  readonly offset: number;
  readonly index: number;
}
export const noClaim: Claim = { batch: 0, sequence: 0, offset: 0, index: 0 };

interface Slot {
  readonly generation: number;
  readonly claim: Claim;
}

export function encodeSlot(slot: Slot, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(slotBytes);
  putFileHead(bytes, 'KONTIKID', checksum);
  const view = viewOf(bytes);
  putU64(view, 16, slot.generation);
  putU64(view, 24, slot.claim.batch);
  putU64(view, 32, slot.claim.sequence);
  putU64(view, 40, slot.claim.offset);
  putU64(view, 48, slot.claim.index);
  view.setUint32(crcOffset, checksum(bytes.subarray(0, crcOffset), 0), true);
  return bytes;
}

function decodeSlot(bytes: Uint8Array, checksum: Checksum): Slot | undefined {
  if (bytes.length < slotBytes || versionOf(bytes, 'KONTIKID', checksum) !== formatVersion) return undefined;
  const view = viewOf(bytes);
  if (checksum(bytes.subarray(0, crcOffset), 0) !== view.getUint32(crcOffset, true)) return undefined;
  try {
    const claim: Claim = {
      batch: getU64(view, 24),
      sequence: getU64(view, 32),
      offset: getU64(view, 40),
      index: getU64(view, 48),
    };
    return { generation: getU64(view, 16), claim };
  } catch (error: unknown) {
    // Such a slot says nothing, as if it were torn.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

export type SlotReading =
  | { readonly kind: 'readable'; readonly generation: number; readonly claim: Claim }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'newer'; readonly version: number };

/** The newer of the two slots that is whole: one of them may be torn, as only one is ever being written. */
export function readSlots(bytes: Uint8Array, checksum: Checksum): SlotReading {
  const halves = [bytes.subarray(0, slotBytes), bytes.subarray(slotStride, slotStride + slotBytes)];
  for (const half of halves) {
    const version = versionOf(half, 'KONTIKID', checksum);
    if (version !== undefined && version > formatVersion) return { kind: 'newer', version };
  }
  let newest: Slot | undefined;
  for (const half of halves) {
    const slot = decodeSlot(half, checksum);
    if (slot !== undefined && slot.generation > (newest?.generation ?? -1)) newest = slot;
  }
  return newest === undefined ? { kind: 'unreadable' } : { kind: 'readable', ...newest };
}

/** Both slots of a log that holds nothing yet. */
export function emptySlots(checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(slotStride + slotBytes);
  bytes.set(encodeSlot({ generation: 0, claim: noClaim }, checksum), 0);
  bytes.set(encodeSlot({ generation: 1, claim: noClaim }, checksum), slotStride);
  return bytes;
}

/** Writes claims, one at a time; of those that come meanwhile only the last is written. */
export class DurableIndex {
  readonly #file: VfsFile;
  readonly #checksum: Checksum;
  #generation: number;
  #written: Claim;
  #wanted: Claim | undefined;
  #waiting: Done[] = [];
  #writing = false;

  constructor(file: VfsFile, checksum: Checksum, generation: number, written: Claim) {
    this.#file = file;
    this.#checksum = checksum;
    this.#generation = generation;
    this.#written = written;
  }

  get claim(): Claim {
    return this.#written;
  }

  /** Answers when the claim, or a later one, is durable. */
  write(claim: Claim, done: Done): void {
    assert(claim.batch >= this.#written.batch, 'the durable index never falls');
    this.#wanted = claim;
    this.#waiting.push(done);
    if (!this.#writing) this.#next();
  }

  close(done: Done): void {
    this.#file.close(done);
  }

  #next(): void {
    const claim = this.#wanted;
    if (claim === undefined) return;
    const waiting = this.#waiting;
    this.#wanted = undefined;
    this.#waiting = [];
    this.#writing = true;
    this.#generation += 1;
    const bytes = encodeSlot({ generation: this.#generation, claim }, this.#checksum);
    this.#file.writeThrough((this.#generation % 2) * slotStride, bytes, (error) => {
      this.#writing = false;
      if (error === undefined) this.#written = claim;
      // After an error the store is dead: whoever came meanwhile hears of the same error.
      else waiting.push(...this.#waiting.splice(0));
      for (const done of waiting) done(error);
      if (error === undefined && !this.#writing) this.#next();
    });
  }
}

/** Reads the whole file of slots; `undefined` when there is none. */
export function* readSlotFile(vfs: Vfs, path: string, checksum: Checksum): Sequence<SlotReading> {
  const file = yield* take<VfsFile>((completion) => vfs.open(path, 'existing', completion));
  const bytes = yield* take<Uint8Array>((completion) => file.read(0, slotStride + slotBytes, completion));
  yield* call((done) => file.close(done));
  return readSlots(bytes, checksum);
}

/** Makes the file of slots durable, name and all. */
export function createSlotFile(vfs: Vfs, directory: string, checksum: Checksum, done: Done): void {
  run(create(vfs, directory, checksum), completing(done));
}

function* create(vfs: Vfs, directory: string, checksum: Checksum): Sequence<void> {
  const temporary = `${directory}/${durableName}.tmp`;
  const file = yield* take<VfsFile>((completion: Completion<VfsFile>) => vfs.open(temporary, 'create', completion));
  yield* call((done) => file.write(0, emptySlots(checksum), done));
  yield* call((done) => file.fdatasync(done));
  yield* call((done) => file.close(done));
  yield* call((done) => vfs.rename(temporary, `${directory}/${durableName}`, done));
  yield* call((done) => vfs.syncDirectory(directory, done));
}

// Disks for recovery to be tried on: a log that was written batch by batch, with the bytes before and after each batch.

import type { Persist, RecoveredLog } from '@kontiki/raft';
import { WalCorruptError, type WalEvent, type WalOptions } from '@kontiki/wal';
import { directory, Rig } from './rig.ts';

export type Files = ReadonlyMap<string, Uint8Array>;

/** Writes all, and closes the log in the end unless told otherwise. The last files are those after the close. */
export function record(writes: readonly Persist[], options: Partial<WalOptions>): readonly Files[] {
  const rig = new Rig();
  const wal = rig.openWal(options);
  const files = [filesOf(rig)];
  for (const write of writes) {
    rig.append(wal, write);
    rig.settle();
    files.push(filesOf(rig));
  }
  rig.done((done) => wal.close(done));
  return [...files, filesOf(rig)];
}

export function filesOf(rig: Rig): Files {
  return new Map(rig.disk.files());
}

export function diskOf(files: Files): Rig {
  const rig = new Rig();
  for (const [path, bytes] of files) rig.disk.put(path, bytes);
  return rig;
}

/** Where a file changed from one state to the next. */
export interface Change {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export function changeOf(before: Files, after: Files, name: string): Change {
  const file = `${directory}/${name}`;
  const [old, young] = [before.get(file) ?? new Uint8Array(0), after.get(file) ?? new Uint8Array(0)];
  let start = 0;
  while (start < young.length && (old[start] ?? 0) === young[start]) start++;
  let end = young.length;
  while (end > start && (old[end - 1] ?? 0) === young[end - 1]) end--;
  return { file, start, end };
}

/** The files with some bytes of one of them replaced. */
export function withBytes(files: Files, file: string, offset: number, bytes: Uint8Array): Files {
  const changed = files.get(file)?.slice() ?? new Uint8Array(offset + bytes.length);
  changed.set(bytes, offset);
  return new Map(files).set(file, changed);
}

export function withFlip(files: Files, file: string, bit: number): Files {
  const changed = files.get(file)?.slice() ?? new Uint8Array(0);
  const at = bit >> 3;
  changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
  return new Map(files).set(file, changed);
}

export function without(files: Files, file: string): Files {
  const left = new Map(files);
  left.delete(file);
  return left;
}

/** Opens the disk with each of the bits flipped in turn, all of which must be refused: then nothing is written, and one disk does. */
export function eachFlip(
  files: Files,
  file: string,
  from: number,
  to: number,
  options: Partial<WalOptions>,
  check: (error: WalCorruptError, bit: number) => void,
): void {
  const rig = diskOf(files);
  const bytes = rig.disk.node(file)?.bytes ?? new Uint8Array(0);
  for (let bit = 8 * from; bit < 8 * to; bit++) {
    const at = bit >> 3;
    const byte = bytes[at] ?? 0;
    bytes[at] = byte ^ (1 << (bit & 7));
    try {
      rig.openWal(options);
    } catch (error: unknown) {
      if (!(error instanceof WalCorruptError)) throw error;
      check(error, bit);
      bytes[at] = byte;
      continue;
    }
    throw new Error(`bit ${bit} of ${file} flipped, and the log opened`);
  }
}

/** What opening said. `row` is undefined for a log that was opened. */
export type Opening =
  | { readonly kind: 'opened'; readonly recovered: RecoveredLog; readonly torn: number; readonly rig: Rig }
  | { readonly kind: 'corrupt'; readonly error: WalCorruptError };

export function tryOpen(files: Files, options: Partial<WalOptions>): Opening {
  const rig = diskOf(files);
  try {
    const { recovered } = rig.openWal(options);
    return { kind: 'opened', recovered, torn: rig.events.filter(isTorn).length, rig };
  } catch (error: unknown) {
    if (error instanceof WalCorruptError) return { kind: 'corrupt', error };
    throw error;
  }
}

export function isTorn(event: WalEvent): boolean {
  return event.kind === 'tailTorn';
}

export function seedOf(title: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${title}: SEED=${seed}`);
  return seed;
}

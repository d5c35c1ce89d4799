// A row is one write of one key at one revision: its place in history is its name, its bytes never change. The names sort
// as etcd's do (main and sub revision, big-endian, a mark behind a deletion), and HashKV runs over both.

import type { EncodedKeyValue, Key } from './api.ts';
import { readUint64, writeUint64 } from './bytes.ts';
import { StoreFormatError } from './invariant.ts';

export interface Row {
  /** The revision. All writes of one operation share it. */
  readonly main: number;
  /** Place among the writes of that revision, from 0. */
  readonly sub: number;
  readonly tombstone: boolean;
  readonly key: Key;
  readonly bytes: EncodedKeyValue;
}

const separator = 0x5f;
const tombstoneMark = 0x74;
const plainLength = 17;

export function rowName(main: number, sub: number, tombstone: boolean): Uint8Array {
  const name = new Uint8Array(tombstone ? plainLength + 1 : plainLength);
  writeUint64(name, 0, main);
  name[8] = separator;
  writeUint64(name, 9, sub);
  if (tombstone) name[plainLength] = tombstoneMark;
  return name;
}

export function parseRowName(name: Uint8Array): {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
} {
  const main = readUint64(name, 0);
  const sub = readUint64(name, 9);
  const tombstone = name.length === plainLength + 1 && name[plainLength] === tombstoneMark;
  if (Number.isNaN(main + sub) || name[8] !== separator || !(tombstone || name.length === plainLength)) {
    throw new StoreFormatError(`a stored row has a name of ${name.length} bytes that is no revision`);
  }
  return { main, sub, tombstone };
}

// The form of a snapshot: frames of a kind, a length and a checksum that is chained from the frame before, so that the last
// one vouches for all. It holds what the store means, not how a backend lays it out.
//
//   | kind 1 | length 4 | checksum 4 | payload |      header, leases*, records*, rows*, end
//
//   header    magic, version 4, state
//   others    pairs: | name length 2 | value length 4 | name | value |
//   end       how many pairs 8

import { bytesOfKey, readUint32, writeUint32 } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import { StoreFormatError } from './invariant.ts';

export const snapshotMagic: Uint8Array = bytesOfKey('kontiki-kv');
export const snapshotVersion = 1;

export const frameKind = { header: 1, leases: 2, records: 3, rows: 4, end: 5 } as const;
export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

export const frameHeaderBytes = 9;
/** No frame of ours is longer; a longer one is damage, refused before memory is spent on it. */
export const framePayloadBytesMax: number = 512 * 1024 * 1024;

export interface Pair {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

const pairHeaderBytes = 6;

export function frameChecksum(before: number, kind: number, payload: Uint8Array): number {
  return crc32c(crc32c(before, Uint8Array.of(kind)), payload);
}

/** The frame, with its checksum for the next one. */
export function encodeFrame(
  before: number,
  kind: FrameKind,
  payload: Uint8Array,
): { readonly bytes: Uint8Array; readonly checksum: number } {
  const checksum = frameChecksum(before, kind, payload);
  const bytes = new Uint8Array(frameHeaderBytes + payload.length);
  bytes[0] = kind;
  writeUint32(bytes, 1, payload.length);
  writeUint32(bytes, 5, checksum);
  bytes.set(payload, frameHeaderBytes);
  return { bytes, checksum };
}

export function pairLength({ name, value }: Pair): number {
  return pairHeaderBytes + name.length + value.length;
}

export function encodePairs(pairs: readonly Pair[]): Uint8Array {
  const bytes = new Uint8Array(pairs.reduce((length, pair) => length + pairLength(pair), 0));
  let at = 0;
  for (const pair of pairs) {
    bytes[at] = pair.name.length >>> 8;
    bytes[at + 1] = pair.name.length;
    writeUint32(bytes, at + 2, pair.value.length);
    bytes.set(pair.name, at + pairHeaderBytes);
    bytes.set(pair.value, at + pairHeaderBytes + pair.name.length);
    at += pairLength(pair);
  }
  return bytes;
}

/** Views into `payload`. */
export function decodePairs(payload: Uint8Array): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at < payload.length; ) {
    const nameAt = at + pairHeaderBytes;
    const valueAt = nameAt + (payload[at] ?? 0) * 256 + (payload[at + 1] ?? 0);
    const end = valueAt + readUint32(payload, at + 2);
    if (nameAt > payload.length || end > payload.length) {
      throw new StoreFormatError('the snapshot is damaged: a frame ends within a row');
    }
    pairs.push({ name: payload.subarray(nameAt, valueAt), value: payload.subarray(valueAt, end) });
    at = end;
  }
  return pairs;
}

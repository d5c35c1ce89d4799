// The header of a segment and its name (docs/wal-format.md, "Segment").

import type { LogId } from '@kontiki/raft';
import { getU64, putU64, viewOf } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { formatVersion, putFileHead, versionOf } from './file-head.ts';
import type { Cursor } from './frame.ts';
import { asIndex, asTerm } from './payload.ts';

export const segmentHeaderBytes = 512;
const crcOffset = 60;

export interface SegmentHeader {
  readonly sequence: number;
  readonly size: number;
  readonly firstBatch: number;
  /** The last entry of the log before this segment. */
  readonly before: LogId;
  /** The chain value at the end of the segment before. */
  readonly chain: number;
}

/** Returns the seed of the segment's frame headers. */
export function putSegmentHeader(bytes: Uint8Array, header: SegmentHeader, checksum: Checksum): number {
  bytes.fill(0, 0, segmentHeaderBytes);
  putFileHead(bytes, 'KONTIKIW', checksum);
  const view = viewOf(bytes);
  putU64(view, 16, header.sequence);
  putU64(view, 24, header.size);
  putU64(view, 32, header.firstBatch);
  putU64(view, 40, header.before.index);
  putU64(view, 48, header.before.term);
  view.setUint32(56, header.chain, true);
  const seed = checksum(bytes.subarray(0, segmentHeaderBytes), 0);
  view.setUint32(crcOffset, seed, true);
  return seed;
}

export type HeaderReading =
  | { readonly kind: 'sound'; readonly header: SegmentHeader; readonly seed: number }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged' };

/** Throws DecodeError for a number above 2^53 - 1. */
export function readSegmentHeader(bytes: Uint8Array, checksum: Checksum): HeaderReading {
  const version = versionOf(bytes, 'KONTIKIW', checksum);
  if (version === undefined) return { kind: 'damaged' };
  if (version > formatVersion) return { kind: 'newer', version };
  if (version < formatVersion || bytes.length < segmentHeaderBytes) return { kind: 'damaged' };
  const copy = bytes.slice(0, segmentHeaderBytes);
  const view = viewOf(copy);
  const seed = view.getUint32(crcOffset, true);
  view.setUint32(crcOffset, 0, true);
  if (checksum(copy, 0) !== seed) return { kind: 'damaged' };
  const header: SegmentHeader = {
    sequence: getU64(view, 16),
    size: getU64(view, 24),
    firstBatch: getU64(view, 32),
    before: { index: asIndex(getU64(view, 40)), term: asTerm(getU64(view, 48)) },
    chain: view.getUint32(56, true),
  };
  return { kind: 'sound', header, seed };
}

/** Where the frames of a segment begin. */
export function startOf(header: SegmentHeader): Cursor {
  return { offset: segmentHeaderBytes, batch: header.firstBatch - 1, chain: header.chain };
}

export function segmentName(sequence: number): string {
  return `${hex(sequence)}.wal`;
}

export function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

/** The sequence number in a segment's name, if it is one. */
export function sequenceOf(name: string): number | undefined {
  return /^[0-9a-f]{16}\.wal$/.test(name) ? Number.parseInt(name, 16) : undefined;
}

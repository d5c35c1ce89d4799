// Where the batches of a segment end: for beds that take from a disk what whole writes had brought to it.

import type { Checksum } from '../checksum.ts';
import { DecodeError } from '../errors.ts';
import { frameHeaderBytes, frameTypes, scanBatches } from '../frame.ts';
import { readSegmentHeader, startOf } from '../segment.ts';

/** A mark has no payload. */
const markBytes: number = frameHeaderBytes;

/** Offsets behind the whole batches of a segment, in order; none of bytes that are no sound segment. */
export function batchEnds(bytes: Uint8Array, checksum: Checksum): readonly number[] {
  try {
    const reading = readSegmentHeader(bytes, checksum);
    if (reading.kind !== 'sound') return [];
    const { frames } = scanBatches(bytes, startOf(reading.header), { checksum, seed: reading.seed });
    return frames.filter(({ type }) => type === frameTypes.mark).map(({ offset }) => offset + markBytes);
  } catch (error: unknown) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

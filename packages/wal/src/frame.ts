// Frames, the records of a segment: their bytes, and how a batch of them becomes one write (docs/wal-format.md, "Frame").

import { getU64, putU64, viewOf } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { assert } from './errors.ts';
import { type WalRules, walRules } from './rules.ts';

export const frameTypes = { command: 1, configuration: 2, noop: 3, hardState: 4, base: 5, mark: 6 } as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

export const frameHeaderBytes = 40;
export const payloadBytesMax: number = 64 * 2 ** 20;

/** Whether a record of this type is an entry of the log. */
export function isEntry(type: number): boolean {
  return type === frameTypes.command || type === frameTypes.configuration || type === frameTypes.noop;
}

/** A record on its way to the disk. What index and term mean depends on the type. */
export interface Draft {
  readonly type: FrameType;
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
}

/** A record read back. `type` may be one this program does not know; `payload` is a view of the segment. */
export interface Frame {
  readonly type: number;
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
  readonly offset: number;
}

/** How far a segment is written: the place, the number and the chain value of its last whole batch. */
export interface Cursor {
  readonly offset: number;
  readonly batch: number;
  readonly chain: number;
}

/** What proves that a frame belongs here: the function and the segment's seed. */
export interface Proof {
  readonly checksum: Checksum;
  readonly seed: number;
}

export const noPayload: Uint8Array = new Uint8Array(0);

export function mark(last: { readonly index: number; readonly term: number }): Draft {
  return { type: frameTypes.mark, index: last.index, term: last.term, payload: noPayload };
}

export function frameBytes(payloadBytes: number): number {
  return frameHeaderBytes + Math.ceil(payloadBytes / 8) * 8;
}

export function batchBytes(drafts: readonly Draft[]): number {
  let bytes = 0;
  for (const draft of drafts) bytes += frameBytes(draft.payload.length);
  return bytes;
}

/**
 * Writes the drafts, whose last is a mark, as the batch after `cursor` into `target` from `at` on. `cursor.offset` is where
 * they will stand in the segment. Returns the cursor behind them.
 */
export function encodeBatch(
  drafts: readonly Draft[],
  target: Uint8Array,
  at: number,
  cursor: Cursor,
  proof: Proof,
): Cursor {
  const view = viewOf(target);
  const batch = cursor.batch + 1;
  let { chain } = cursor;
  let start = at;
  for (const { type, index, term, payload } of drafts) {
    assert(payload.length <= payloadBytesMax, `an entry of ${payload.length} bytes is within ${payloadBytesMax}`);
    const end = start + frameBytes(payload.length);
    view.setUint32(start + 8, payload.length, true);
    view.setUint32(start + 12, type, true);
    putU64(view, start + 16, index);
    putU64(view, start + 24, term);
    putU64(view, start + 32, batch);
    target.set(payload, start + frameHeaderBytes);
    target.fill(0, start + frameHeaderBytes + payload.length, end);
    chain = proof.checksum(target.subarray(start + 8, end), chain);
    view.setUint32(start + 4, chain, true);
    view.setUint32(start, proof.checksum(target.subarray(start + 4, start + frameHeaderBytes), proof.seed), true);
    start = end;
  }
  return { offset: cursor.offset + start - at, batch, chain };
}

/** What a segment's bytes say, read from the front. */
export interface Scan {
  /** All frames of whole batches, marks included. */
  readonly frames: readonly Frame[];
  readonly end: Cursor;
  /** Whether the next frame's header is all zeros, so that nothing seems to follow. */
  readonly blank: boolean;
}

/** Reads whole batches from `start` on, until one is not whole. Throws DecodeError for a number no file may hold. */
export function scanBatches(bytes: Uint8Array, start: Cursor, proof: Proof, rules: WalRules = walRules): Scan {
  const view = viewOf(bytes);
  const frames: Frame[] = [];
  let end = start;
  let whole = 0;
  let { offset, chain } = start;
  for (;;) {
    const length = frameAt(bytes, view, offset, chain, proof, rules);
    if (length === undefined || getU64(view, offset + 32) !== end.batch + 1) break;
    const type = view.getUint8(offset + 12);
    const payload = bytes.subarray(offset + frameHeaderBytes, offset + frameHeaderBytes + length);
    frames.push({ type, index: getU64(view, offset + 16), term: getU64(view, offset + 24), payload, offset });
    chain = view.getUint32(offset + 4, true);
    offset += frameBytes(length);
    if (type === frameTypes.mark) {
      end = { offset, batch: end.batch + 1, chain };
      whole = frames.length;
    }
  }
  frames.length = whole;
  return { frames, end, blank: isZero(bytes, end.offset, Math.min(end.offset + frameHeaderBytes, bytes.length)) };
}

/** The payload length of the frame at `offset`, if header and chain prove that one stands there. */
function frameAt(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  chain: number,
  proof: Proof,
  rules: WalRules,
): number | undefined {
  if (!isHeader(bytes, view, offset, proof)) return undefined;
  const length = view.getUint32(offset + 8, true);
  if (length > payloadBytesMax || offset + frameBytes(length) > bytes.length) return undefined;
  const actual = proof.checksum(bytes.subarray(offset + 8, offset + frameBytes(length)), chain);
  return rules.isProven(view.getUint32(offset + 4, true), actual) ? length : undefined;
}

function isHeader(bytes: Uint8Array, view: DataView, offset: number, proof: Proof): boolean {
  if (offset + frameHeaderBytes > bytes.length) return false;
  // Zero is no type, and the three bytes behind the type are zero: two cheap questions before the checksum.
  const type = view.getUint32(offset + 12, true);
  if (type === 0 || type > 255) return false;
  return (
    proof.checksum(bytes.subarray(offset + 4, offset + frameHeaderBytes), proof.seed) === view.getUint32(offset, true)
  );
}

/**
 * Where behind `end` a frame of a batch later than the next one stands. At most one batch is ever without its sync, so
 * such a frame proves that the next batch was durable once.
 */
export function findLaterBatch(bytes: Uint8Array, end: Cursor, proof: Proof): number | undefined {
  const view = viewOf(bytes);
  for (let offset = end.offset; offset + frameHeaderBytes <= bytes.length; offset += 8) {
    if (isHeader(bytes, view, offset, proof) && getU64(view, offset + 32) > end.batch + 1) return offset;
  }
  return undefined;
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  return endOfContent(bytes, from, to) === from;
}

/** Just behind the last byte of `from … to` that is not zero; `from` when all are. */
export function endOfContent(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

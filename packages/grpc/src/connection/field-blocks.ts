// RFC 9113 §4.3: field blocks, put together from HEADERS and CONTINUATION and decoded. A client that says the same thing
// again, as clients of one method do, gets the same answer without decoding.

import { errorCode } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import type { DecodedBlock, Decoder } from '../hpack/decoder.ts';
import { calmDown } from './floods.ts';
import type { ConnectionLimits } from './limits.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';

/** A block that has begun. */
interface OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  bytes: Buffer;
  frames: number;
}

interface KnownHead {
  readonly bytes: Buffer;
  readonly generation: number;
  readonly head: RequestHead;
}

/** Longer blocks say something that will not come again. */
const knownBytesMax = 128;
/** A power of two. */
const knownHeads = 8;

export class FieldBlocks {
  readonly #decoder: Decoder;
  readonly #limits: ConnectionLimits;
  readonly #known: (KnownHead | undefined)[] = new Array(knownHeads);
  #open: OpenBlock | undefined;

  constructor(decoder: Decoder, limits: ConnectionLimits) {
    this.#decoder = decoder;
    this.#limits = limits;
  }

  /** The stream whose block has begun; §6.10: until its end nothing else may come. */
  get openStream(): number | undefined {
    return this.#open?.streamId;
  }

  /** Of a block that is not whole. */
  get heldBytes(): number {
    return this.#open?.bytes.length ?? 0;
  }

  /** HEADERS without END_HEADERS. */
  begin(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    this.#open = { streamId, endStream, bytes: Buffer.alloc(0), frames: 0 };
    this.#add(this.#open, bytes, start, end);
  }

  /** Returns the whole block when this was its end. */
  proceed(endHeaders: boolean, bytes: Buffer, start: number, end: number): OpenBlock | undefined {
    const open = this.#open;
    // §6.10: a CONTINUATION that continues nothing is an error of the connection.
    if (open === undefined) throw new ConnectionError(errorCode.protocolError, 'CONTINUATION of nothing');
    this.#add(open, bytes, start, end);
    if (!endHeaders) return undefined;
    this.#open = undefined;
    return open;
  }

  decode(bytes: Buffer, start: number, end: number): DecodedBlock {
    this.#checkLength(end - start);
    const decoded = this.#decoder.decode(bytes, start, end);
    // Few octets that name a long entry of the table again and again.
    if (decoded.isBomb) calmDown('header fields that unpack to far too much');
    return decoded;
  }

  /** The head of a request; `tooLarge` and `malformed` end its stream only. */
  decodeRequest(bytes: Buffer, start: number, end: number): RequestHead | 'tooLarge' | 'malformed' {
    const length = end - start;
    const slot = length > 0 && length <= knownBytesMax ? ((bytes[end - 1] ?? 0) + length) & (knownHeads - 1) : -1;
    const before = this.#decoder.generation;
    const known = this.#known[slot];
    if (
      known !== undefined &&
      known.generation === before &&
      known.bytes.length === length &&
      bytes.compare(known.bytes, 0, length, start, end) === 0
    ) {
      return known.head;
    }
    const { fields, tooLarge } = this.decode(bytes, start, end);
    if (tooLarge) return 'tooLarge';
    const head = readRequestHead(fields);
    if (head === undefined) return 'malformed';
    // A block that changed the table means something else the next time.
    if (slot >= 0 && this.#decoder.generation === before) {
      this.#known[slot] = { bytes: Buffer.from(bytes.subarray(start, end)), generation: before, head };
    }
    return head;
  }

  #add(open: OpenBlock, bytes: Buffer, start: number, end: number): void {
    // CVE-2024-27316 and its like: bounded in frames and in bytes, before anything is kept.
    open.frames += 1;
    if (open.frames > this.#limits.blockFramesMax) calmDown('a field block in too many frames');
    this.#checkLength(open.bytes.length + end - start);
    open.bytes = Buffer.concat([open.bytes, bytes.subarray(start, end)]);
  }

  #checkLength(bytes: number): void {
    // The tables would part if it were skipped, so the connection goes.
    if (bytes > this.#limits.headerListBytesMax) calmDown('a field block is too long');
  }
}

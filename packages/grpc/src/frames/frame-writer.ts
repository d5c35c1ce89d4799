// Frames into as few buffers as possible: whatever is written within one turn leaves together. Small payloads are copied
// behind their heads, large ones go along as they are.

import { type ErrorCode, flag, frameHeadBytes, frameType } from './frame.ts';

/**
 * Buffers that were written out are used again; there is one pool for all connections of a server. Within a turn every
 * connection with an answer holds one, so there are many small ones: enough that none is allocated from turn to turn.
 */
export class ChunkPool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];

  take(small: boolean): Buffer {
    const kept = small ? this.#small : this.#large;
    return kept.pop() ?? Buffer.allocUnsafeSlow(small ? smallBytes : largeBytes);
  }

  /** Only when nobody reads it any more. */
  give(chunk: Buffer): void {
    const small = chunk.length === smallBytes;
    const kept = small ? this.#small : this.#large;
    if (kept.length < (small ? smallKeptMax : largeKeptMax)) kept.push(chunk);
  }
}

/** What is to be written at once, in order. */
export interface Batch {
  readonly buffers: readonly Buffer[];
  /** To be given back to the pool once the buffers were written. */
  readonly chunks: readonly Buffer[];
  /** Of all buffers. */
  readonly bytes: number;
}

/** The answer of a call or two. */
const smallBytes = 2048;
const largeBytes = 32_768;
const smallKeptMax = 1024;
const largeKeptMax = 64;
const nothing = Buffer.alloc(0);
/**
 * Never pushed to: a first element makes an array of its own, of its length. Most batches are of one buffer, and an empty
 * array that is pushed to would make room for seventeen.
 */
const none: Buffer[] = [];
/** Above this a payload is passed on rather than copied. */
const copiedBytesMax = 4096;

export class FrameWriter {
  readonly #pool: ChunkPool;
  #chunk: Buffer = nothing;
  #used = 0;
  /** Where in the chunk the bytes begin that are in no buffer yet. */
  #from = 0;
  #buffers: Buffer[] = none;
  #chunks: Buffer[] = none;
  #bytes = 0;
  /** Of the last batch: the next one will be like it. */
  #bytesBefore = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** Bytes written since the last `take`. */
  get bytes(): number {
    return this.#bytes;
  }

  take(): Batch {
    this.#close();
    const batch = { buffers: this.#buffers, chunks: this.#chunks, bytes: this.#bytes };
    this.#buffers = none;
    this.#chunks = none;
    this.#chunk = nothing;
    this.#used = 0;
    this.#from = 0;
    this.#bytesBefore = this.#bytes;
    this.#bytes = 0;
    return batch;
  }

  /** §6.1: `lead` and then `bytes[start, end)`. The lead is copied; the bytes must not change any more. */
  data(streamId: number, lead: Uint8Array, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    const copied = length <= copiedBytesMax;
    this.#head(lead.length + length, frameType.data, endStream ? flag.endStream : 0, streamId, copied ? length : 0);
    if (lead.length > 0) this.#copy(lead, 0, lead.length);
    if (copied) this.#copy(bytes, start, end);
    else this.#pass(bytes, start, end);
  }

  /** §6.2, §6.10: a field block in HEADERS, and in CONTINUATION what is too long for one frame. */
  headers(streamId: number, block: Uint8Array, endStream: boolean, payloadBytesMax: number): void {
    const ends = endStream ? flag.endStream : 0;
    let at = Math.min(block.length, payloadBytesMax);
    this.#head(at, frameType.headers, ends | (at === block.length ? flag.endHeaders : 0), streamId, at);
    this.#copy(block, 0, at);
    while (at < block.length) {
      const end = Math.min(block.length, at + payloadBytesMax);
      this.#head(end - at, frameType.continuation, end === block.length ? flag.endHeaders : 0, streamId, end - at);
      this.#copy(block, at, end);
      at = end;
    }
  }

  rstStream(streamId: number, code: ErrorCode): void {
    this.#head(4, frameType.rstStream, 0, streamId, 4);
    this.#u32(code);
  }

  settings(rows: readonly (readonly [id: number, value: number])[]): void {
    this.#head(6 * rows.length, frameType.settings, 0, 0, 6 * rows.length);
    for (const [id, value] of rows) {
      this.#chunk[this.#used++] = id >> 8;
      this.#chunk[this.#used++] = id;
      this.#u32(value);
    }
  }

  settingsAck(): void {
    this.#head(0, frameType.settings, flag.ack, 0, 0);
  }

  /** `opaque` is 8 bytes. */
  ping(ack: boolean, opaque: Uint8Array): void {
    this.#head(8, frameType.ping, ack ? flag.ack : 0, 0, 8);
    this.#copy(opaque, 0, 8);
  }

  goaway(lastStreamId: number, code: ErrorCode, debug: string): void {
    const text = Buffer.from(debug, 'latin1');
    this.#head(8 + text.length, frameType.goaway, 0, 0, 8 + text.length);
    this.#u32(lastStreamId);
    this.#u32(code);
    this.#copy(text, 0, text.length);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#head(4, frameType.windowUpdate, 0, streamId, 4);
    this.#u32(increment);
  }

  /** The head of a frame, with room behind it for `copied` bytes of its payload, and for a lead. */
  #head(length: number, type: number, flags: number, streamId: number, copied: number): void {
    if (this.#used + frameHeadBytes + copied + leadBytesMax > this.#chunk.length) this.#renew(copied);
    const chunk = this.#chunk;
    const at = this.#used;
    chunk[at] = length >> 16;
    chunk[at + 1] = length >> 8;
    chunk[at + 2] = length;
    chunk[at + 3] = type;
    chunk[at + 4] = flags;
    chunk[at + 5] = streamId >> 24;
    chunk[at + 6] = streamId >> 16;
    chunk[at + 7] = streamId >> 8;
    chunk[at + 8] = streamId;
    this.#used = at + frameHeadBytes;
    this.#bytes += frameHeadBytes + length;
  }

  #renew(copied: number): void {
    this.#close();
    const wanted = frameHeadBytes + copied + leadBytesMax;
    if (wanted > largeBytes) {
      this.#chunk = Buffer.allocUnsafeSlow(wanted);
    } else {
      const isFirst = this.#chunks.length === 0;
      this.#chunk = this.#pool.take(isFirst && wanted <= smallBytes && this.#bytesBefore <= smallBytes);
      if (isFirst) this.#chunks = [this.#chunk];
      else this.#chunks.push(this.#chunk);
    }
    this.#used = 0;
    this.#from = 0;
  }

  #u32(value: number): void {
    this.#chunk[this.#used++] = value >>> 24;
    this.#chunk[this.#used++] = value >>> 16;
    this.#chunk[this.#used++] = value >>> 8;
    this.#chunk[this.#used++] = value;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    if (end - start <= 16) {
      for (let at = start; at < end; at++) this.#chunk[this.#used++] = bytes[at] ?? 0;
      return;
    }
    this.#chunk.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#used);
    this.#used += end - start;
  }

  #pass(bytes: Uint8Array, start: number, end: number): void {
    this.#close();
    this.#add(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
  }

  #close(): void {
    if (this.#used > this.#from) this.#add(this.#chunk.subarray(this.#from, this.#used));
    this.#from = this.#used;
  }

  #add(buffer: Buffer): void {
    if (this.#buffers.length === 0) this.#buffers = [buffer];
    else this.#buffers.push(buffer);
  }
}

/** More than any lead there is: gRPC's message prefix has 5 bytes. */
const leadBytesMax = 16;

export const noLead: Uint8Array = new Uint8Array(0);

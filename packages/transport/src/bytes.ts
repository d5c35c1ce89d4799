// Reading and writing of the few shapes every frame is made of: bytes, checked numbers, short texts, blobs.
//
// A reader never trusts a length: it is compared with what is left before anything is allocated. What does not fit the
// format throws `MalformedError`, which the decoders turn into a reason; it never leaves this package.

import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** The bytes are not what the format says. The message is the reason that a log shows. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** The longest name (member id, cluster id, reason) in bytes. */
export const textBytesMax = 1024;

const two32 = 0x1_0000_0000;

/** Grows as needed; `take` gives the bytes written. Numbers are big-endian or LEB128. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(expectedBytes = 64) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    putU32(this.#bytes, this.#at, value);
    this.#at += 4;
  }

  /** Eight bytes. */
  u64(value: number): void {
    mustBeNumber(value);
    this.u32(Math.floor(value / two32));
    this.u32(value % two32);
  }

  /** One to eight bytes, seven bits each, low ones first. */
  varint(value: number): void {
    mustBeNumber(value);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  text(value: string): void {
    const bytes = encodeUtf8(value);
    if (bytes.length > textBytesMax) {
      throw new RangeError(`a name of ${bytes.length} bytes; at most ${textBytesMax} fit on the wire`);
    }
    this.blob(bytes);
  }

  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Overwrites four bytes written before. */
  patchU32(at: number, value: number): void {
    putU32(this.#bytes, at, value);
  }

  /** A view of what was written; the writer must not be used afterwards. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** As `take`, for a writer that goes on: begin anew with `clear`. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** Forgets what was written, and keeps the room. */
  clear(): void {
    this.#at = 0;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** Reads what a `ByteWriter` wrote, and throws `MalformedError` for anything else. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(what: string): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new MalformedError(`${what}: the bytes end too early`);
    this.#at += 1;
    return value;
  }

  u32(what: string): number {
    return ((this.u8(what) << 24) | (this.u8(what) << 16) | (this.u8(what) << 8) | this.u8(what)) >>> 0;
  }

  u64(what: string): number {
    return safe(this.u32(what) * two32 + this.u32(what), what);
  }

  varint(what: string): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= 8; count++) {
      const byte = this.u8(what);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        // One number has one spelling, so that equal messages have equal bytes.
        if (byte === 0 && count > 1) throw new MalformedError(`${what}: a number with leading zeroes`);
        return safe(value, what);
      }
      scale *= 0x80;
    }
    throw new MalformedError(`${what}: a number above 2^53`);
  }

  flag(what: string): boolean {
    const value = this.u8(what);
    if (value > 1) throw new MalformedError(`${what}: ${value} is neither yes nor no`);
    return value === 1;
  }

  text(what: string): string {
    const bytes = this.blob(what, textBytesMax);
    const text = decodeUtf8(bytes);
    if (text === undefined) throw new MalformedError(`${what}: not UTF-8`);
    return text;
  }

  /** A view, not a copy. */
  blob(what: string, bytesMax: number = Number.MAX_SAFE_INTEGER): Uint8Array {
    const length = this.varint(what);
    if (length > bytesMax) throw new MalformedError(`${what}: ${length} bytes, at most ${bytesMax} are allowed`);
    if (length > this.left) throw new MalformedError(`${what}: ${length} bytes announced, ${this.left} are left`);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** A view of everything left. */
  rest(): Uint8Array {
    const view = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return view;
  }

  end(what: string): void {
    if (this.left > 0) throw new MalformedError(`${what}: ${this.left} bytes too many`);
  }
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}

function mustBeNumber(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number below 2^53`);
}

function safe(value: number, what: string): number {
  // Above 2^53 a number would be rounded silently, and a rounded index is a different entry.
  if (!Number.isSafeInteger(value)) throw new MalformedError(`${what}: a number above 2^53`);
  return value;
}

// The few protobuf shapes that hot responses are made of, written into one buffer of known size: what is stored encoded is
// spliced in as it is. Zero values are left out, as proto3 wants. Numbers are safe integers, never negative but for
// `int64Size` and `Writer.int64`.

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** A field with a number in it; 0 is left out. Field numbers below 16 only: their tag is one byte. */
export function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Negative numbers take ten bytes, as protobuf sign-extends them. */
export function int64Size(value: number): number {
  return value < 0 ? 11 : numberSize(value);
}

export function flagSize(value: boolean): number {
  return value ? 2 : 0;
}

/** A field with `length` bytes in it, present even if empty. */
export function bytesSize(length: number): number {
  return 1 + varintSize(length) + length;
}

const lengthDelimited = 2;

/** Writes fields in the order they are called for, into a buffer that must come out exactly full. */
export class Writer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#bytes[this.#at++] = field << 3;
    this.#varint(value);
  }

  int64(field: number, value: number): void {
    if (value >= 0) {
      this.number(field, value);
      return;
    }
    this.#bytes[this.#at++] = field << 3;
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 128n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128;
    this.#bytes[this.#at++] = Number(rest);
  }

  flag(field: number, value: boolean): void {
    if (!value) return;
    this.#bytes[this.#at++] = field << 3;
    this.#bytes[this.#at++] = 1;
  }

  /** The tag and length of an embedded message of `length` bytes, which the caller writes next. */
  message(field: number, length: number): void {
    this.#bytes[this.#at++] = (field << 3) | lengthDelimited;
    this.#varint(length);
  }

  /** Bytes as they are, without tag or length. */
  splice(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.message(field, bytes.length);
    this.splice(bytes);
  }

  finish(): Buffer {
    if (this.#at !== this.#bytes.length) {
      throw new Error(`a response of ${this.#at} bytes was measured as ${this.#bytes.length}`);
    }
    return this.#bytes;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128;
    this.#bytes[this.#at++] = rest;
  }
}

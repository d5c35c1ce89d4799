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

/** From this length on, what is embedded lies in a piece of its own and is not copied. */
const ownPieceBytes = 16_384;
/** A field's tag, and the longest number. */
const numberBytesMax = 11;

/**
 * Writes fields in the order they are called for, into a buffer that must come out exactly full; or, if it is told how long a
 * piece may be, into several, which together must be as long as was said.
 */
export class Writer {
  readonly #size: number;
  readonly #pieceBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #bytes: Buffer;
  /** Of the buffer, the part that is in no piece yet: [from, at). */
  #from = 0;
  #at = 0;

  constructor(size: number, pieceBytes: number = size) {
    this.#size = size;
    this.#pieceBytes = pieceBytes;
    this.#bytes = Buffer.allocUnsafe(Math.min(size, pieceBytes));
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#makeRoom(numberBytesMax);
    this.#bytes[this.#at++] = field << 3;
    this.#varint(value);
  }

  int64(field: number, value: number): void {
    if (value >= 0) {
      this.number(field, value);
      return;
    }
    this.#makeRoom(numberBytesMax);
    this.#bytes[this.#at++] = field << 3;
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 128n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128;
    this.#bytes[this.#at++] = Number(rest);
  }

  flag(field: number, value: boolean): void {
    if (!value) return;
    this.#makeRoom(2);
    this.#bytes[this.#at++] = field << 3;
    this.#bytes[this.#at++] = 1;
  }

  /** The tag and length of an embedded message of `length` bytes, which the caller writes next. */
  message(field: number, length: number): void {
    this.#makeRoom(numberBytesMax);
    this.#bytes[this.#at++] = (field << 3) | lengthDelimited;
    this.#varint(length);
  }

  /** Bytes as they are, without tag or length. */
  splice(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.message(field, bytes.length);
    if (bytes.length < ownPieceBytes || !this.#isCut) {
      this.splice(bytes);
      return;
    }
    this.#cut();
    this.#pieces.push(bytes);
  }

  finish(): Buffer {
    this.#check(this.#at);
    return this.#bytes;
  }

  finishPieces(): readonly Uint8Array[] {
    this.#cut();
    this.#check(this.#pieces.reduce((sum, { length }) => sum + length, 0));
    return this.#pieces;
  }

  get #isCut(): boolean {
    return this.#pieceBytes < this.#size;
  }

  #check(length: number): void {
    if (length !== this.#size) throw new Error(`a response of ${length} bytes was measured as ${this.#size}`);
  }

  /** Only what is cut may need some: a single buffer has all that was measured. */
  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length || !this.#isCut) return;
    this.#cut();
    this.#bytes = Buffer.allocUnsafe(Math.max(bytes, this.#pieceBytes));
    this.#from = 0;
    this.#at = 0;
  }

  #cut(): void {
    if (this.#at > this.#from) this.#pieces.push(this.#bytes.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128;
    this.#bytes[this.#at++] = rest;
  }
}

// Numbers and texts as bytes, little-endian, for the files of this package. Numbers are checked in both directions:
// one above 2^53 - 1 is refused, never rounded.

import { assert, DecodeError } from './errors.ts';

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function putU64(view: DataView, offset: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number from 0 to 2^53 - 1`);
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

export function getU64(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  if (high >= 2 ** 21) throw new DecodeError(`a number above 2^53 - 1 (its upper half is ${high})`);
  return high * 2 ** 32 + view.getUint32(offset, true);
}

/** Gathers small fields. For rare records only: the hot path writes into its batch directly. */
export class ByteWriter {
  #bytes: Uint8Array = new Uint8Array(256);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): this {
    this.#bytes[this.#room(1)] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    viewOf(this.#bytes).setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#room(8);
    putU64(viewOf(this.#bytes), at, value);
    return this;
  }

  /** With its length before it. */
  bytes(value: Uint8Array): this {
    this.u32(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  text(value: string): this {
    return this.bytes(encodeText(value));
  }

  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads fields back; what is cut short or too long is a DecodeError. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): number {
    return getU64(this.#view, this.#advance(8));
  }

  /** A copy: what it was read from can be freed. */
  bytes(): Uint8Array {
    const length = this.u32();
    const at = this.#advance(length);
    return this.#bytes.slice(at, at + length);
  }

  text(): string {
    return decodeText(this.bytes());
  }

  end(): void {
    if (this.left !== 0) throw new DecodeError(`${this.left} bytes too many`);
  }

  #advance(count: number): number {
    if (count > this.left) throw new DecodeError(`${count} bytes expected, ${this.left} left`);
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

// UTF-8 by hand: platform-free code has no TextEncoder. A lone surrogate has no UTF-8 and is refused.

export function encodeText(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    assert(point < 0xd800 || point > 0xdfff, 'a name is well-formed text');
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), continuation(point));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), continuation(point >> 6), continuation(point));
    else bytes.push(0xf0 | (point >> 18), continuation(point >> 12), continuation(point >> 6), continuation(point));
  }
  return Uint8Array.from(bytes);
}

function continuation(point: number): number {
  return 0x80 | (point & 0x3f);
}

export function decodeText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++] ?? 0;
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let count = 0; count < more; count++) point = (point << 6) | ((bytes[at++] ?? 0) & 0x3f);
    if (point > 0x10ffff) throw new DecodeError('a text that is not UTF-8');
    text += String.fromCodePoint(point);
  }
  // One spelling for each text: overlong forms, surrogates and stray bytes do not come back as they were.
  const again = isWellFormed(text) ? encodeText(text) : undefined;
  if (again === undefined || again.length !== bytes.length || again.some((byte, at) => byte !== bytes[at])) {
    throw new DecodeError('a text that is not UTF-8');
  }
  return text;
}

function isWellFormed(text: string): boolean {
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) return false;
  }
  return true;
}

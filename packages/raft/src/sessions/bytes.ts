// Numbers and byte strings in the formats of the sessions: big-endian, bounded, and checked where they are read.

import { isCount } from '../core/numbers.ts';
import { MalformedError } from './errors.ts';

const twoTo32 = 2 ** 32;

export class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  u8(value: number): this {
    return this.#number(value, 1);
  }

  u16(value: number): this {
    return this.#number(value, 2);
  }

  u32(value: number): this {
    return this.#number(value, 4);
  }

  /** A count in eight bytes; above 2^53 it is refused, never rounded. */
  count(value: number): this {
    if (!isCount(value)) throw new RangeError(`${value} is not a whole number from 0 to 2^53`);
    return this.u32(Math.floor(value / twoTo32)).u32(value % twoTo32);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #number(value: number, bytes: number): this {
    const at = this.#grow(bytes);
    for (let byte = 0; byte < bytes; byte++) this.#bytes[at + byte] = value >>> (8 * (bytes - 1 - byte));
    return this;
  }

  /** Makes room, and answers where it begins. */
  #grow(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    return at;
  }
}

/** Throws `MalformedError` for what is not there or not possible; `what` says in its message what was being read. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  u8(): number {
    return this.#number(1);
  }

  u16(): number {
    return this.#number(2);
  }

  u32(): number {
    return this.#number(4);
  }

  count(): number {
    const value = this.u32() * twoTo32 + this.u32();
    return isCount(value) ? value : this.fail('a number is above 2^53');
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at);
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) this.fail(`${left} bytes follow its end`);
  }

  fail(problem: string): never {
    throw new MalformedError(`${this.#what} is malformed: ${problem}`);
  }

  #number(bytes: number): number {
    const at = this.#take(bytes);
    let value = 0;
    for (let byte = 0; byte < bytes; byte++) value = value * 256 + (this.#bytes[at + byte] ?? 0);
    return value;
  }

  /** Goes on behind so many bytes, and answers where they begin. */
  #take(bytes: number): number {
    const at = this.#at;
    const end = at + bytes;
    if (end > this.#bytes.length) this.fail(`it ends at byte ${this.#bytes.length}, before byte ${end}`);
    this.#at = end;
    return at;
  }
}

// Numbers and keys as bytes: big-endian for what must sort, varints for what protobuf reads, latin1 for keys. No Buffer and
// no TextEncoder, so that this runs anywhere.

import type { Key } from './api.ts';

const two32 = 2 ** 32;

/** Big-endian, so that byte order is number order. `value` is a safe integer, not negative. */
export function writeUint64(into: Uint8Array, at: number, value: number): void {
  writeUint32(into, at, Math.floor(value / two32));
  writeUint32(into, at + 4, value % two32);
}

export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export function readUint32(from: Uint8Array, at: number): number {
  return (
    (((from[at] ?? 0) << 24) | ((from[at + 1] ?? 0) << 16) | ((from[at + 2] ?? 0) << 8) | (from[at + 3] ?? 0)) >>> 0
  );
}

/** NaN when the number is above 2^53: never rounded, for the caller to refuse. */
export function readUint64(from: Uint8Array, at: number): number {
  const value = readUint32(from, at) * two32 + readUint32(from, at + 4);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Two's complement, as all int64 ids. */
export function writeInt64(into: Uint8Array, at: number, value: bigint): void {
  const unsigned = BigInt.asUintN(64, value);
  writeUint32(into, at, Number(unsigned >> 32n));
  writeUint32(into, at + 4, Number(unsigned & 0xffffffffn));
}

export function readInt64(from: Uint8Array, at: number): bigint {
  return BigInt.asIntN(64, (BigInt(readUint32(from, at)) << 32n) | BigInt(readUint32(from, at + 4)));
}

/** How many bytes the varint of a safe integer takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Answers the place behind what was written. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value;
  let place = at;
  while (rest >= 0x80000000) {
    into[place++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    into[place++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  into[place++] = rest;
  return place;
}

/** The varint of an int64: ten bytes when negative. */
export function varintOfInt64(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function writeKey(into: Uint8Array, at: number, key: Key): void {
  for (let i = 0; i < key.length; i++) into[at + i] = key.charCodeAt(i);
}

export function bytesOfKey(key: Key): Uint8Array {
  const bytes = new Uint8Array(key.length);
  writeKey(bytes, 0, key);
  return bytes;
}

/** Arguments on one call stack are limited: longer keys are put together in pieces. */
const pieceBytes = 4096;

export function keyOfBytes(bytes: Uint8Array, from: number = 0, to: number = bytes.length): Key {
  if (to - from <= pieceBytes) return charsOf(bytes.subarray(from, to));
  const pieces: string[] = [];
  for (let at = from; at < to; at += pieceBytes) {
    pieces.push(charsOf(bytes.subarray(at, Math.min(to, at + pieceBytes))));
  }
  return pieces.join('');
}

/** Several times faster than spreading, which walks an iterator. */
function charsOf(bytes: Uint8Array): string {
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

/** Byte order; a prefix comes first. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

export function compareKeys(left: Key, right: Key): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

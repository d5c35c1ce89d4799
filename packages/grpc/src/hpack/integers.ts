// RFC 7541 §5.1: integers with an N-bit prefix. The decoder takes none that could overflow anything.

import { CompressionError } from './compression-error.ts';

/** Beyond every limit there is on indices and lengths here, and far below what a shift of 32 bits can hold. */
export const integerMax: number = 2 ** 28 - 1;

/** Where decoding stands in a header block. */
export interface Cursor {
  at: number;
  readonly end: number;
}

/** Reads the integer whose prefix is the lowest `prefixBits` of the octet at the cursor. */
export function readInteger(bytes: Uint8Array, cursor: Cursor, prefixBits: number): number {
  if (cursor.at >= cursor.end) throw new CompressionError('a header block ends within an integer');
  const mask = (1 << prefixBits) - 1;
  let value = (bytes[cursor.at++] ?? 0) & mask;
  if (value < mask) return value;
  for (let shift = 0; ; shift += 7) {
    if (cursor.at >= cursor.end) throw new CompressionError('a header block ends within an integer');
    // RFC 7541 §5.1: encodings that exceed a limit, in value or in octets, are errors.
    if (shift > 21) throw new CompressionError('an integer is too long');
    const octet = bytes[cursor.at++] ?? 0;
    value += (octet & 0x7f) << shift;
    if (value > integerMax) throw new CompressionError('an integer is too large');
    if (octet < 0x80) return value;
  }
}

/** Writes `value` behind the bits of `first` that the prefix leaves free; returns where it ends. */
export function writeInteger(out: Uint8Array, at: number, first: number, prefixBits: number, value: number): number {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    out[at] = first | value;
    return at + 1;
  }
  out[at] = first | mask;
  let end = at + 1;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[end++] = rest;
  return end;
}

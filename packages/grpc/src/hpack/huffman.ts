// RFC 7541 §5.2: strings in the Huffman code of Appendix B. Decoding walks a table four bits at a time; no code is shorter
// than five, so that four bits end at most one symbol.

import { CompressionError } from './compression-error.ts';
import { codeLengths, codes, eosSymbol } from './huffman-code.ts';

// A step of the decoder, in one number:   next state · 0x400  |  emits · 0x200  |  symbol
// The state is an inner node of the code's tree; the symbol is what ended within the four bits, if `emits`.
const emits = 0x200;
const symbolMask = 0x1ff;
const stateShift = 10;
const failed = -1;

interface Tree {
  readonly steps: Int32Array;
  /** By state: the bits read since the last symbol are a proper padding. */
  readonly mayEnd: Uint8Array;
}

const { steps, mayEnd } = build();

/** At most this many octets come out of `length` octets: the shortest code has five bits. */
export function decodedOctetsMax(length: number): number {
  return Math.floor((length * 8) / 5);
}

/** Writes the octets of `bytes[start, end)` into `out`, which has room for `decodedOctetsMax`, and returns their number. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const octet = bytes[at] ?? 0;
    const high = steps[(state << 4) | (octet >> 4)] ?? failed;
    // RFC 7541 §5.2: a string that contains the whole EOS symbol is an error.
    if (high === failed) throw new CompressionError('a Huffman string contains EOS');
    if ((high & emits) !== 0) out[length++] = high & symbolMask;
    const low = steps[((high >> stateShift) << 4) | (octet & 15)] ?? failed;
    if (low === failed) throw new CompressionError('a Huffman string contains EOS');
    if ((low & emits) !== 0) out[length++] = low & symbolMask;
    state = low >> stateShift;
  }
  // RFC 7541 §5.2: padding is shorter than eight bits, and is the beginning of EOS (ones).
  if (mayEnd[state] !== 1) throw new CompressionError('the padding of a Huffman string is wrong');
  return length;
}

/** Octets that `text` (latin1) takes in the Huffman code, padding included. */
export function huffmanOctets(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += codeLengths[text.charCodeAt(at) & 0xff] ?? 0;
  return (bits + 7) >> 3;
}

/** Writes `text` (latin1) at `at` and returns where it ends. */
export function encodeHuffman(text: string, out: Uint8Array, at: number): number {
  let end = at;
  // At most 7 bits wait, and at most 15 join them at a time.
  let waiting = 0;
  let bits = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 0xff;
    const code = codes[symbol] ?? 0;
    let left = codeLengths[symbol] ?? 0;
    while (left > 0) {
      const taken = Math.min(left, 15);
      left -= taken;
      waiting = (waiting << taken) | ((code >>> left) & ((1 << taken) - 1));
      bits += taken;
      while (bits >= 8) {
        bits -= 8;
        out[end++] = (waiting >>> bits) & 0xff;
      }
      waiting &= (1 << bits) - 1;
    }
  }
  // RFC 7541 §5.2: padded with the most significant bits of EOS, which are ones.
  if (bits > 0) out[end++] = (waiting << (8 - bits)) | ((1 << (8 - bits)) - 1);
  return end;
}

/** The tree of the code first, then for each of its inner nodes where four bits lead. */
function build(): Tree {
  const children: number[] = [0, 0];
  // A child is 0 (none yet), an inner node (> 0), or a symbol (< 0, the complement).
  for (let symbol = 0; symbol < codes.length; symbol++) {
    const length = codeLengths[symbol] ?? 0;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const slot = node * 2 + (((codes[symbol] ?? 0) >>> bit) & 1);
      if (bit === 0) {
        children[slot] = ~symbol;
      } else {
        if (children[slot] === 0) {
          children[slot] = children.length / 2;
          children.push(0, 0);
        }
        node = children[slot] ?? 0;
      }
    }
  }
  const nodes = children.length / 2;
  const table = new Int32Array(nodes * 16);
  for (let node = 0; node < nodes; node++) {
    for (let four = 0; four < 16; four++) table[node * 16 + four] = stepOf(children, node, four);
  }
  const ends = new Uint8Array(nodes);
  let node = 0;
  for (let depth = 0; depth < 8; depth++) {
    ends[node] = 1;
    node = children[node * 2 + 1] ?? 0;
  }
  return { steps: table, mayEnd: ends };
}

function stepOf(children: readonly number[], from: number, four: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[node * 2 + ((four >> bit) & 1)] ?? 0;
    if (child >= 0) {
      node = child;
    } else {
      if (~child === eosSymbol) return failed;
      emitted = emits | ~child;
      node = 0;
    }
  }
  return (node << stateShift) | emitted;
}

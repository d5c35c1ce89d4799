// UTF-8, strictly: platform-free code has no TextEncoder. Used for names and reasons, which are short.

/** Throws `RangeError` for half a surrogate pair, which has no UTF-8 form. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code >= 0xd800 && code < 0xe000) throw new RangeError('half a surrogate pair in a name');
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  return Uint8Array.from(bytes);
}

/** `undefined` when the bytes are not UTF-8: overlong, a surrogate, above U+10FFFF, cut off. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    at += 1;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const shape = shapes.find(({ mask, mark }) => (first & mask) === mark);
    if (shape === undefined) return undefined;
    let code = first & ~shape.mask;
    for (let more = 0; more < shape.tails; more++) {
      const byte = bytes[at];
      if (byte === undefined || (byte & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (byte & 0x3f);
      at += 1;
    }
    if (code < shape.least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    text += String.fromCodePoint(code);
  }
  return text;
}

const shapes = [
  { mask: 0xe0, mark: 0xc0, tails: 1, least: 0x80 },
  { mask: 0xf0, mark: 0xe0, tails: 2, least: 0x800 },
  { mask: 0xf8, mark: 0xf0, tails: 3, least: 0x10000 },
] as const;

function tail(code: number): number {
  return 0x80 | (code & 0x3f);
}

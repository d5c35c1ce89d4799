// Values as bytes: JSON in ASCII, one byte for each character. Large states are encoded often (a snapshot every ten commands),
// so this walks the text once and does nothing clever. It knows no types: only what this program encoded comes back here.

export function encodeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return bytesOf(escaped(text));
    bytes[at] = code;
  }
  return bytes;
}

/** What `encodeJson` was given; of any other bytes it throws `SyntaxError`, or answers something of another type. */
export function decodeJson<T>(bytes: Uint8Array): T {
  const { length } = bytes;
  const at = (index: number): number => bytes[index] ?? 0;
  const { fromCharCode } = String;
  let text = '';
  let done = 0;
  // Eight at a time: half the time of one at a time, and of spreading the bytes into arguments.
  for (; done + 8 <= length; done += 8) {
    text += fromCharCode(
      at(done),
      at(done + 1),
      at(done + 2),
      at(done + 3),
      at(done + 4),
      at(done + 5),
      at(done + 6),
      at(done + 7),
    );
  }
  for (; done < length; done += 1) text += fromCharCode(at(done));
  return JSON.parse(text) as T;
}

function bytesOf(ascii: string): Uint8Array {
  const bytes = new Uint8Array(ascii.length);
  for (let at = 0; at < ascii.length; at += 1) bytes[at] = ascii.charCodeAt(at);
  return bytes;
}

function escaped(json: string): string {
  return json.replaceAll(/[\u0080-\uffff]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}

// Values as bytes: JSON in ASCII, one byte for each character. Large states are encoded often (a snapshot every ten commands),
// so this walks the text once and does nothing clever. It knows no types: only what this program encoded comes back here.

const chunkBytes = 8192;

export function encodeJson(value: unknown): Uint8Array {
  const text = asciiOf(JSON.stringify(value));
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** What `encodeJson` was given; of any other bytes it throws `SyntaxError`, or answers something of another type. */
export function decodeJson<T>(bytes: Uint8Array): T {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // Eight times as fast as spreading the bytes into arguments.
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + chunkBytes));
  }
  return JSON.parse(text) as T;
}

function asciiOf(json: string): string {
  return json.replaceAll(/[\u0080-\uffff]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}

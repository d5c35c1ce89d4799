// Commands and states of the Raft labs as bytes. A command is a short text of single-byte characters, as the labs' numbers are.

import { ByteReader, ByteWriter } from '@kontiki/transport';

export function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

export function decodeText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** All commands through some index: the state of a service that does nothing but remember. */
export function encodeState(values: readonly string[]): Uint8Array {
  const out = new ByteWriter(values.length * 12 + 8);
  out.varint(values.length);
  for (const value of values) out.blob(encodeText(value));
  return out.take();
}

export function decodeState(bytes: Uint8Array): readonly string[] {
  const reader = new ByteReader(bytes);
  const count = reader.varint('commands');
  const values = Array.from({ length: count }, () => decodeText(reader.blob('command')));
  reader.end('state');
  return values;
}

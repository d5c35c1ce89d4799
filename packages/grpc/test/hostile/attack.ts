// What a hostile client is, and the words that all of them are made of. What they say to whom is not known here.

import { clientPreface } from '../../src/connection/preface.ts';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import { Encoder } from '../../src/hpack/encoder.ts';
import { data, fieldsOf, frame, requestRows, settings, settingsAck, windowUpdate } from '../client.ts';

export interface Attack {
  readonly name: string;
  /** By so many times as many connections as others. */
  readonly times?: number;
  /** To the port with TLS, without speaking TLS. */
  readonly toTls?: boolean;
  /** What is said first, at once. */
  readonly begin: Buffer;
  /** The `time`-th thing that is said after that; as fast as it is taken, or every `everyMs`. */
  readonly next?: (time: number) => Buffer;
  readonly everyMs?: number;
  /** Nothing is said beyond the window of the connection. */
  readonly keepsToWindow?: boolean;
  /** What the server sends is not read. */
  readonly deaf?: boolean;
  /** The client's half of the socket is closed once all is said. */
  readonly halfCloses?: boolean;
  /** Answers the server's PINGs. */
  readonly isAlive?: boolean;
  /** What the memory of the server may grow by, where that is more than usual. */
  readonly grownMiBMax?: number;
  /** It does nothing but wait, and so does the server for a while. */
  readonly waits?: boolean;
  /**
   * How the server may end it: by GOAWAY, by RST_STREAM only, or by closing the socket. `open`: not at all, as it does nothing
   * that others might not do, and only what it costs matters.
   */
  readonly ends: readonly string[];
}

const encoder = new Encoder({ tableSizeMax: 0 });
encoder.encode([]);

function blockFor(path: string, more: typeof requestRows = []): Buffer {
  const rows = requestRows.map(([name, value]) => [name, name === ':path' ? path : value] as const);
  return Buffer.from(encoder.encode(fieldsOf([...rows, ...more])));
}
const blocks = new Map<string, Buffer>();
export function headers(streamId: number, path: string, more?: typeof requestRows): Buffer {
  const key = `${path} ${more?.join() ?? ''}`;
  const block = blocks.get(key) ?? blockFor(path, more);
  blocks.set(key, block);
  return frame(frameType.headers, flag.endHeaders, streamId, block);
}
/** In DATA frames of the usual length. */
export function message(streamId: number, bytes: Uint8Array, { end = true, compressed = 0 } = {}): Buffer {
  const head = Buffer.from([compressed, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  const all = Buffer.concat([head, bytes]);
  return inFrames(streamId, all, end);
}
export function inFrames(streamId: number, bytes: Buffer, end: boolean): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) {
    frames.push(data(streamId, bytes.subarray(at, at + 16_384), end && at + 16_384 >= bytes.length));
  }
  return Buffer.concat(frames);
}
export const odd = (time: number): number => 1 + 2 * time;
export const each = (count: number, of: (streamId: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, time) => of(odd(time))));

export const closedWindows: Buffer = Buffer.concat([
  clientPreface,
  settings([setting.initialWindowSize, 0]),
  settingsAck,
]);
export const widestWindows: Buffer = Buffer.concat([
  clientPreface,
  settings([setting.initialWindowSize, 2 ** 31 - 1]),
  settingsAck,
  windowUpdate(0, 2 ** 31 - 65_536),
]);
/** GOAWAY, as whoever costs too much gets it. */
export const calm = ['GOAWAY ENHANCE_YOUR_CALM'] as const;
export const again = (bytes: Buffer) => () => bytes;

// The hostile clients: what each says, again and again, and how the server has to end it. All of them are well known.

import { gzipSync } from 'node:zlib';
import { clientPreface } from '../../src/connection/preface.ts';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import { Encoder } from '../../src/hpack/encoder.ts';
import {
  data,
  fieldsOf,
  frame,
  greeting,
  requestRows,
  rstStream,
  settings,
  settingsAck,
  windowUpdate,
} from '../client.ts';

export interface Attack {
  readonly name: string;
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
function headers(streamId: number, path = '/test.Echo/Wait', more?: typeof requestRows): Buffer {
  const key = `${path} ${more?.join() ?? ''}`;
  const block = blocks.get(key) ?? blockFor(path, more);
  blocks.set(key, block);
  return frame(frameType.headers, flag.endHeaders, streamId, block);
}
/** In DATA frames of the usual length. */
function message(streamId: number, bytes: Uint8Array, { end = true, compressed = 0 } = {}): Buffer {
  const head = Buffer.from([compressed, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  const all = Buffer.concat([head, bytes]);
  return inFrames(streamId, all, end);
}
function inFrames(streamId: number, bytes: Buffer, end: boolean): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) {
    frames.push(data(streamId, bytes.subarray(at, at + 16_384), end && at + 16_384 >= bytes.length));
  }
  return Buffer.concat(frames);
}
const odd = (time: number): number => 1 + 2 * time;
const each = (count: number, of: (streamId: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, time) => of(odd(time))));

const closedWindows = Buffer.concat([clientPreface, settings([setting.initialWindowSize, 0]), settingsAck]);
const widestWindows = Buffer.concat([
  clientPreface,
  settings([setting.initialWindowSize, 2 ** 31 - 1]),
  settingsAck,
  windowUpdate(0, 2 ** 31 - 65_536),
]);
const streamsMax = 256;
const calm = ['GOAWAY ENHANCE_YOUR_CALM'] as const;
const again = (bytes: Buffer) => () => bytes;

/** A table entry of 4000 octets, and a block that names it 10,000 times: 14 kB that say 40 MB. */
const bomb = Buffer.concat([Buffer.from('4001617fa11e', 'hex'), Buffer.alloc(4000, 0x62), Buffer.alloc(10_000, 0xbe)]);
const drip = message(1, Buffer.alloc(20), { end: false });
/** So many fit into the window of a connection. */
const bombsAtOnce = 200;
const gzipBomb = gzipSync(Buffer.alloc(4_194_304));
const kilobytes100 = Buffer.alloc(100_000);
/** Of a message of 4 MiB, as much as a window takes. */
const beginning = Buffer.concat([Buffer.from([0, 0, 0x3f, 0xff, 0xff]), Buffer.alloc(65_000)]);

export const attacks: readonly Attack[] = [
  {
    name: 'rapid reset',
    begin: greeting,
    next: (time) => Buffer.concat([headers(odd(time)), rstStream(odd(time), 8)]),
    ends: calm,
  },
  {
    name: 'rapid reset, nothing read',
    begin: greeting,
    next: (time) => Buffer.concat([headers(odd(time)), rstStream(odd(time), 8)]),
    deaf: true,
    ends: [...calm, 'cut'],
  },
  {
    name: 'made you reset',
    begin: greeting,
    next: (time) => Buffer.concat([headers(odd(time)), windowUpdate(odd(time), 0)]),
    ends: calm,
  },
  { name: '100,000 streams', begin: greeting, next: (time) => headers(odd(time)), ends: calm },
  {
    name: 'CONTINUATION flood',
    begin: Buffer.concat([greeting, frame(frameType.headers, 0, 1, '82')]),
    next: again(frame(frameType.continuation, 0, 1, '82')),
    ends: calm,
  },
  {
    name: 'CONTINUATION flood, 16 KiB',
    begin: Buffer.concat([greeting, frame(frameType.headers, 0, 1, '82')]),
    next: again(frame(frameType.continuation, 0, 1, Buffer.alloc(16_384, 0x82))),
    ends: calm,
  },
  { name: 'SETTINGS flood', begin: greeting, next: again(settings([setting.initialWindowSize, 1])), ends: calm },
  {
    name: 'SETTINGS flood, nothing read',
    begin: greeting,
    next: again(settings([setting.initialWindowSize, 1])),
    deaf: true,
    ends: [...calm, 'cut'],
  },
  { name: 'PING flood', begin: greeting, next: again(frame(frameType.ping, 0, 0, '0000000000000000')), ends: calm },
  {
    name: 'PING answers nobody asked for',
    begin: greeting,
    next: again(frame(frameType.ping, flag.ack, 0, '0000000000000000')),
    ends: calm,
  },
  {
    name: 'PRIORITY flood',
    begin: greeting,
    next: again(frame(frameType.priority, 0, 1, '0000000000')),
    ends: calm,
  },
  { name: 'WINDOW_UPDATE flood', begin: greeting, next: again(windowUpdate(0, 1)), ends: calm },
  {
    name: 'empty DATA',
    begin: Buffer.concat([greeting, headers(1)]),
    next: again(data(1, '')),
    ends: calm,
  },
  {
    name: 'DATA of one byte',
    begin: Buffer.concat([greeting, headers(1, '/test.Echo/Talk')]),
    // The head of a message of 4 MiB, and then of its bytes.
    next: (time) => data(1, time === 2 ? '40' : '00'),
    ends: calm,
  },
  {
    name: 'windows opened by one byte',
    begin: Buffer.concat([closedWindows, headers(1, '/test.Echo/Count'), message(1, Buffer.from('9 99999'))]),
    next: again(windowUpdate(1, 1)),
    ends: calm,
  },
  {
    name: 'header bomb',
    begin: greeting,
    next: (time) => frame(frameType.headers, 5, odd(time), bomb),
    ends: calm,
  },
  {
    name: 'gzip bombs, held by their calls',
    begin: Buffer.concat([
      greeting,
      each(bombsAtOnce, (streamId) =>
        Buffer.concat([
          headers(streamId, '/test.Echo/Wait', [['grpc-encoding', 'gzip']]),
          message(streamId, gzipBomb, { compressed: 1 }),
        ]),
      ),
    ]),
    isAlive: true,
    waits: true,
    ends: ['open', ...calm],
  },
  {
    name: 'large messages never finished',
    begin: greeting,
    next: (time) =>
      time < streamsMax ? Buffer.concat([headers(odd(time)), inFrames(odd(time), beginning, false)]) : Buffer.alloc(0),
    everyMs: 3,
    keepsToWindow: true,
    isAlive: true,
    waits: true,
    // Whoever holds the most gives way when the server has no memory left.
    ends: ['open', ...calm],
  },
  {
    name: 'one byte per packet',
    begin: Buffer.concat([greeting, headers(1, '/test.Echo/Talk')]),
    next: (time) => drip.subarray(time % drip.length, (time % drip.length) + 1),
    everyMs: 1,
    ends: ['open'],
  },
  {
    name: 'windows closed, 256 answers asked for',
    begin: Buffer.concat([
      closedWindows,
      each(streamsMax, (streamId) =>
        Buffer.concat([headers(streamId, '/test.Echo/Count'), message(streamId, Buffer.from('99 99999'))]),
      ),
    ]),
    isAlive: true,
    waits: true,
    ends: calm,
  },
  {
    name: 'windows closed, large echoes',
    begin: Buffer.concat([closedWindows, headers(1, '/test.Echo/Talk')]),
    next: again(message(1, kilobytes100, { end: false })),
    everyMs: 5,
    isAlive: true,
    // What is not answered is not read, and what is sent in spite of that is beyond the window.
    ends: ['RST FLOW_CONTROL_ERROR', 'GOAWAY FLOW_CONTROL_ERROR', ...calm],
  },
  {
    name: 'widest windows, nothing read',
    begin: Buffer.concat([
      widestWindows,
      headers(1, '/test.Echo/Count'),
      message(1, Buffer.from('1000000 1000')),
      headers(3, '/test.Echo/Count'),
      message(3, Buffer.from('100000 10000')),
    ]),
    deaf: true,
    waits: true,
    ends: ['cut'],
  },
  {
    name: 'a watch whose reader does not read',
    begin: Buffer.concat([
      widestWindows,
      each(16, (streamId) =>
        Buffer.concat([headers(streamId, '/test.Watch/Watch'), message(streamId, Buffer.alloc(1))]),
      ),
    ]),
    deaf: true,
    waits: true,
    ends: ['cut'],
  },
  {
    name: 'a watch whose reader opens no window',
    begin: Buffer.concat([
      closedWindows,
      each(16, (streamId) =>
        Buffer.concat([headers(streamId, '/test.Watch/Watch'), message(streamId, Buffer.alloc(1))]),
      ),
    ]),
    isAlive: true,
    waits: true,
    ends: ['RST ENHANCE_YOUR_CALM', ...calm],
  },
  {
    name: 'half closed, answers not read',
    begin: Buffer.concat([widestWindows, headers(1, '/test.Echo/Count'), message(1, Buffer.from('1000 100000'))]),
    deaf: true,
    halfCloses: true,
    waits: true,
    ends: ['cut', 'GOAWAY NO_ERROR'],
  },
  { name: 'TCP and no word', begin: Buffer.alloc(0), waits: true, ends: ['cut'] },
  {
    name: 'half a TLS handshake',
    toTls: true,
    // A ClientHello of 508 bytes, of which these are the first.
    begin: Buffer.from('1603010200010001fc0303', 'hex'),
    waits: true,
    ends: ['cut'],
  },
  { name: 'half a preface', begin: clientPreface.subarray(0, 5), waits: true, ends: ['cut'] },
  { name: 'a preface without SETTINGS', begin: clientPreface, waits: true, ends: ['GOAWAY SETTINGS_TIMEOUT'] },
  {
    name: 'SETTINGS never acknowledged',
    begin: Buffer.concat([clientPreface, settings()]),
    waits: true,
    ends: ['GOAWAY SETTINGS_TIMEOUT'],
  },
  {
    name: 'half of HEADERS',
    begin: Buffer.concat([greeting, headers(1).subarray(0, 20)]),
    waits: true,
    ends: ['cut'],
  },
  {
    name: 'a field block without an end',
    begin: Buffer.concat([greeting, frame(frameType.headers, 0, 1, '82')]),
    waits: true,
    ends: calm,
  },
  { name: 'half open: no PING is answered', begin: greeting, waits: true, ends: ['cut'] },
];

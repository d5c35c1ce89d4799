// The hostile clients that any server meets: they speak HTTP/2 too much, too slowly or only half, and all of them are well
// known. Of the services they know where a call waits, and where messages are taken.

import { clientPreface } from '../../src/connection/preface.ts';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import { data, frame, greeting, rstStream, settings, windowUpdate } from '../client.ts';
import { type Attack, again, calm, headers, inFrames, message, odd } from './attack.ts';

export interface Ground {
  /** A method whose calls stay until they are cancelled. */
  readonly waiting: string;
  /** A method that takes one message after the other. */
  readonly talking: string;
  /** A message that is taken and leads to nothing that stays. */
  readonly idle: Buffer;
  /** The longest message that is taken. */
  readonly messageBytesMax: number;
}

/** A table entry of 4000 octets, and a block that names it 10,000 times: 14 kB that say 40 MB. */
const bomb = Buffer.concat([Buffer.from('4001617fa11e', 'hex'), Buffer.alloc(4000, 0x62), Buffer.alloc(10_000, 0xbe)]);
/** As many as a server usually takes of one connection. */
const beginnings = 256;

export function floods({ waiting, talking, idle, messageBytesMax }: Ground): readonly Attack[] {
  const drip = message(1, idle, { end: false });
  // Of the longest message, as much as a window takes.
  const beginning = Buffer.alloc(65_005);
  beginning.writeUInt32BE(messageBytesMax - 1, 1);
  return [
    {
      name: 'rapid reset',
      begin: greeting,
      next: (time) => Buffer.concat([headers(odd(time), waiting), rstStream(odd(time), 8)]),
      ends: calm,
    },
    {
      name: 'rapid reset, nothing read',
      begin: greeting,
      next: (time) => Buffer.concat([headers(odd(time), waiting), rstStream(odd(time), 8)]),
      deaf: true,
      ends: [...calm, 'cut'],
    },
    {
      name: 'made you reset',
      begin: greeting,
      next: (time) => Buffer.concat([headers(odd(time), waiting), windowUpdate(odd(time), 0)]),
      ends: calm,
    },
    { name: '100,000 streams', begin: greeting, next: (time) => headers(odd(time), waiting), ends: calm },
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
      begin: Buffer.concat([greeting, headers(1, waiting)]),
      next: again(data(1, '')),
      ends: calm,
    },
    {
      name: 'DATA of one byte',
      begin: Buffer.concat([greeting, headers(1, talking)]),
      // The head of a message of 1 MiB, and then of its bytes.
      next: (time) => data(1, time === 2 ? '10' : '00'),
      ends: calm,
    },
    {
      name: 'header bomb',
      begin: greeting,
      next: (time) => frame(frameType.headers, 5, odd(time), bomb),
      ends: calm,
    },
    {
      name: 'large messages never finished',
      begin: greeting,
      next: (time) =>
        time < beginnings
          ? Buffer.concat([headers(odd(time), waiting), inFrames(odd(time), beginning, false)])
          : Buffer.alloc(0),
      everyMs: 3,
      keepsToWindow: true,
      isAlive: true,
      waits: true,
      // Whoever holds the most gives way when the server has no memory left.
      // Refused, one request alone, where nobody holds more than it does.
      ends: ['open', 'RST NO_ERROR', ...calm],
    },
    {
      name: 'one byte per packet',
      begin: Buffer.concat([greeting, headers(1, talking)]),
      next: (time) => drip.subarray(time % drip.length, (time % drip.length) + 1),
      everyMs: 1,
      ends: ['open'],
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
      begin: Buffer.concat([greeting, headers(1, waiting).subarray(0, 20)]),
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
}

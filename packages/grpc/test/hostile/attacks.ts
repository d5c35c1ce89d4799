// What hostile clients ask of the services of the test server, besides what they do to any: answers that they do not take, and
// messages that become large.

import { gzipSync } from 'node:zlib';
import { greeting, windowUpdate } from '../client.ts';
import { type Attack, again, calm, closedWindows, each, headers, message, widestWindows } from './attack.ts';
import { floods } from './floods.ts';

const streamsMax = 256;
/** So many fit into the window of a connection. */
const bombsAtOnce = 200;
const gzipBomb = gzipSync(Buffer.alloc(4_194_304));
const kilobytes100 = Buffer.alloc(100_000);

export const attacks: readonly Attack[] = [
  ...floods({
    waiting: '/test.Echo/Wait',
    talking: '/test.Echo/Talk',
    idle: Buffer.alloc(20),
    messageBytesMax: 4_194_304,
  }),
  {
    name: 'windows opened by one byte',
    begin: Buffer.concat([closedWindows, headers(1, '/test.Echo/Count'), message(1, Buffer.from('9 99999'))]),
    next: again(windowUpdate(1, 1)),
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
];

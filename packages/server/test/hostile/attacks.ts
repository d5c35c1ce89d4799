// What hostile clients ask of a server of etcd's API: large answers and events that they do not take, and what it must keep.

import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { PutRequestSchema, RangeRequestSchema, TxnRequestSchema, WatchRequestSchema } from '@kontiki/etcd-proto';
import { greeting } from '../../../grpc/test/client.ts';
import {
  type Attack,
  again,
  calm,
  closedWindows,
  each,
  headers,
  inFrames,
  message,
  odd,
  widestWindows,
} from '../../../grpc/test/hostile/attack.ts';
import { floods } from '../../../grpc/test/hostile/floods.ts';
import { largeKey, watchedKey } from './stored.ts';

const range = '/etcdserverpb.KV/Range';
const put = '/etcdserverpb.KV/Put';
const txn = '/etcdserverpb.KV/Txn';
const watch = '/etcdserverpb.Watch/Watch';

function rangeFields(count: number): { key: Uint8Array; rangeEnd: Uint8Array; serializable: boolean } {
  // Serializable, so that all are answered by the one that is attacked and at once.
  return { key: Buffer.from(largeKey(0)), rangeEnd: Buffer.from(largeKey(count)), serializable: true };
}

function rangeRequest(count: number): Uint8Array {
  return toBinary(RangeRequestSchema, create(RangeRequestSchema, rangeFields(count)));
}
const oneLarge = rangeRequest(1);
const sixteenLarge = rangeRequest(16);
const everything = rangeRequest(999);
const writeAndEverything = toBinary(
  TxnRequestSchema,
  create(TxnRequestSchema, {
    success: [
      { request: { case: 'requestPut', value: { key: Buffer.from('written') } } },
      { request: { case: 'requestRange', value: rangeFields(999) } },
    ],
  }),
);

function watchRequest(key: string, rangeEnd = '', startRevision = 0n): Uint8Array {
  const value = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd), startRevision };
  const requestUnion = { case: 'createRequest' as const, value };
  return toBinary(WatchRequestSchema, create(WatchRequestSchema, { requestUnion }));
}
const watchWatched = watchRequest(watchedKey);
const watchHistory = watchRequest(largeKey(0), largeKey(999), 1n);
const progress = toBinary(
  WatchRequestSchema,
  create(WatchRequestSchema, { requestUnion: { case: 'progressRequest', value: {} } }),
);

const puts = gzipSync(
  toBinary(PutRequestSchema, create(PutRequestSchema, { key: Buffer.from('p'), value: Buffer.alloc(1_400_000) })),
);
/** As much of a request of 1.5 MiB as the window of its stream takes. */
const beginning = Buffer.alloc(65_500);
beginning.writeUInt32BE(1_500_000, 1);

const asked = (streams: number, path: string, request: Uint8Array): Buffer =>
  each(streams, (streamId) => Buffer.concat([headers(streamId, path), message(streamId, request)]));
const watching = (streams: number, request: Uint8Array): Buffer =>
  each(streams, (streamId) => Buffer.concat([headers(streamId, watch), message(streamId, request, { end: false })]));

const createMany = Buffer.concat(Array.from({ length: 50 }, () => message(1, watchRequest('w'), { end: false })));

export const attacks: readonly Attack[] = [
  {
    name: 'everything asked for 16 times, nothing read',
    begin: Buffer.concat([widestWindows, asked(16, range, everything)]),
    deaf: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'everything asked for 16 times, windows closed',
    begin: Buffer.concat([closedWindows, asked(16, range, everything)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'everything asked for by 16 writes, windows closed',
    begin: Buffer.concat([closedWindows, asked(16, txn, writeAndEverything)]),
    // What a write is answered is there when it is done: one waits to be read, one for room, and one was just made, of 112 MiB each.
    grownMiBMax: 450,
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'ranges of 16 MiB, windows closed',
    begin: Buffer.concat([closedWindows, asked(64, range, sixteenLarge)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'ranges of 1 MiB, windows closed',
    begin: Buffer.concat([closedWindows, asked(256, range, oneLarge)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'many connections, each with an answer of 1 MiB not read',
    times: 25,
    begin: Buffer.concat([closedWindows, asked(1, range, oneLarge)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'a watch of large values, nothing read',
    begin: Buffer.concat([widestWindows, watching(16, watchWatched)]),
    deaf: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'a watch of large values, windows closed',
    begin: Buffer.concat([closedWindows, watching(16, watchWatched)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'a watch of all history, nothing read',
    begin: Buffer.concat([widestWindows, watching(16, watchHistory)]),
    deaf: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'a watch of all history, windows closed',
    begin: Buffer.concat([closedWindows, watching(16, watchHistory)]),
    isAlive: true,
    waits: true,
    ends: ['open', 'cut', ...calm],
  },
  {
    name: 'watchers without end',
    begin: Buffer.concat([greeting, headers(1, watch)]),
    next: again(createMany),
    // So many requests are work, whatever they ask for; here it is what stays that matters.
    everyMs: 100,
    isAlive: true,
    ends: ['open', ...calm],
  },
  {
    name: 'the beginnings of 8192 large puts',
    begin: greeting,
    next: (time) =>
      time < 8192 ? Buffer.concat([headers(odd(time), put), inFrames(odd(time), beginning, false)]) : Buffer.alloc(0),
    everyMs: 1,
    keepsToWindow: true,
    isAlive: true,
    waits: true,
    // Refused, one request alone.
    ends: ['open', 'RST NO_ERROR', ...calm],
  },
  {
    name: 'large puts, gzipped to nothing',
    begin: Buffer.concat([
      greeting,
      each(200, (streamId) =>
        Buffer.concat([
          headers(streamId, put, [['grpc-encoding', 'gzip']]),
          message(streamId, puts, { compressed: 1 }),
        ]),
      ),
    ]),
    isAlive: true,
    waits: true,
    ends: ['open', ...calm],
  },
  ...floods({ waiting: watch, talking: watch, idle: Buffer.from(progress), messageBytesMax: 2_000_000 })
    // The server has no port with TLS.
    .filter(({ toTls }) => toTls !== true),
];

// Hostile clients over real sockets: each is closed with the right code, an ordinary client is served all the while, and
// memory stays where it was.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { clientPreface } from '../src/connection/preface.ts';
import { flag, frameType, setting } from '../src/frames/frame.ts';
import { FrameReader } from '../src/frames/frame-reader.ts';
import { Encoder } from '../src/hpack/encoder.ts';
import { GrpcServer } from '../src/index.ts';
import { data, fieldsOf, frame, requestRows, rstStream, settings, settingsAck, windowUpdate } from './client.ts';
import { echoRouter } from './echo-service.ts';

/** Called once, when the server has cut somebody who did not react. */
const onCut: (() => void)[] = [];
const server = new GrpcServer({
  router: echoRouter,
  onEvent: (event) => {
    if (event.kind !== 'connection' || event.event.kind !== 'timeout') return;
    for (const call of onCut.splice(0)) call();
  },
  handshakeMs: 300,
  limits: { stallMs: 1000, openingMs: 1000, blockMs: 1000, queueBytesMax: 1_000_000 },
  keepalive: { intervalMs: 500, timeoutMs: 500 },
});
let port = 0;
let healthy: Client;
let rssBefore = 0;

before(async () => {
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  healthy = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  assert.equal(await say(), 'healthy');
  rssBefore = process.memoryUsage().rss;
});
after(async () => {
  healthy.close();
  await server.close();
});

function say(): Promise<string> {
  const identity = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    healthy.makeUnaryRequest('/test.Echo/Say', identity, identity, Buffer.from('healthy'), (error, answer) =>
      error === null ? resolve(String(answer)) : reject(error),
    );
  });
}

const encoder = new Encoder({ tableSizeMax: 0 });
encoder.encode([]);
const rowsFor = (method: string): typeof requestRows =>
  requestRows.map(([name, value]) => [name, name === ':path' ? `/test.Echo/${method}` : value] as const);
const headers = (streamId: number, method = 'Wait', endStream = false): Buffer =>
  frame(
    frameType.headers,
    flag.endHeaders | (endStream ? flag.endStream : 0),
    streamId,
    encoder.encode(fieldsOf(rowsFor(method))),
  );
const greeting = Buffer.concat([clientPreface, settings(), settingsAck]);

interface Fate {
  /** Of GOAWAY; `undefined` when the connection was cut without one. */
  readonly code: number | undefined;
}

/** Writes what `next` gives, again and again as fast as it is taken, until the server ends the connection. */
function attack(begin: Buffer, next?: (time: number) => Buffer, reads = true): Promise<Fate> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    let code: number | undefined;
    let time = 0;
    const reader = new FrameReader(65_536, (type, _flags, _streamId, bytes, start) => {
      if (type === frameType.goaway) code = bytes.readUInt32BE(start + 4);
    });
    const go = (): void => {
      if (next === undefined || socket.destroyed) return;
      // A turn's worth at a time, so that the server beside us in this process has its turns.
      const room = socket.write(Buffer.concat(Array.from({ length: 50 }, () => next(time++))));
      if (room) setImmediate(go);
      else socket.once('drain', go);
    };
    if (reads) socket.on('data', (chunk) => reader.read(chunk));
    else socket.pause();
    // Who does not read does not notice either that it is over.
    if (!reads) onCut.push(() => socket.resume());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ code }));
    socket.on('connect', () => {
      socket.write(begin);
      setImmediate(go);
    });
  });
}

const calm = 11;
const attacks: readonly (readonly [name: string, code: number | undefined, run: () => Promise<Fate>])[] = [
  [
    'rapid reset',
    calm,
    () => attack(greeting, (time) => Buffer.concat([headers(1 + 2 * time), rstStream(1 + 2 * time, 8)])),
  ],
  ['a hundred thousand streams', calm, () => attack(greeting, (time) => headers(1 + 2 * time))],
  [
    'CONTINUATION flood',
    calm,
    () =>
      attack(Buffer.concat([greeting, frame(frameType.headers, 0, 1, '82')]), () =>
        frame(frameType.continuation, 0, 1, '82'),
      ),
  ],
  ['SETTINGS flood', calm, () => attack(greeting, () => settings([setting.initialWindowSize, 1]))],
  ['PING flood', calm, () => attack(greeting, () => frame(frameType.ping, 0, 0, '0000000000000000'))],
  ['empty DATA', calm, () => attack(Buffer.concat([greeting, headers(1)]), () => data(1, ''))],
  [
    'header bomb',
    calm,
    () => {
      const insert = Buffer.concat([Buffer.from('4001617fa11e', 'hex'), Buffer.alloc(4000, 0x62)]);
      const bomb = Buffer.concat([insert, Buffer.alloc(10_000, 0xbe)]);
      return attack(greeting, (time) => frame(frameType.headers, 5, 1 + 2 * time, bomb));
    },
  ],
  [
    'windows of one byte',
    calm,
    () =>
      attack(
        Buffer.concat([
          greeting,
          settings([setting.initialWindowSize, 0]),
          headers(1, 'Count'),
          data(1, Buffer.concat([Buffer.from([0, 0, 0, 0, 6]), Buffer.from('9 9999')]), true),
        ]),
        () => windowUpdate(1, 1),
      ),
  ],
  ['a handshake that never ends', undefined, () => attack(clientPreface.subarray(0, 5))],
  ['a preface without SETTINGS', undefined, () => attack(clientPreface)],
  [
    'a field block that never ends',
    calm,
    () => attack(Buffer.concat([greeting, frame(frameType.headers, 0, 1, '82')])),
  ],
  ['a client that answers no PING', undefined, () => attack(greeting)],
  [
    'answers that are never read',
    undefined,
    () =>
      attack(
        Buffer.concat([
          greeting,
          settings([setting.initialWindowSize, 2 ** 31 - 1]),
          windowUpdate(0, 2 ** 30),
          headers(1, 'Count'),
          data(1, Buffer.concat([Buffer.from([0, 0, 0, 0, 12]), Buffer.from('100000 10000')]), true),
        ]),
        undefined,
        false,
      ),
  ],
];

for (const [name, code, run] of attacks) {
  test(`${name}: the offender is ended, others are served`, async () => {
    let over = false;
    const fates = Promise.all([run(), run()]).finally(() => {
      over = true;
    });
    let served = 0;
    do {
      assert.equal(await say(), 'healthy');
      served += 1;
    } while (!over);

    for (const fate of await fates) {
      // Whoever is still writing may lose the GOAWAY to the reset of the socket.
      if (fate.code !== undefined) assert.equal(fate.code, code);
    }
    assert.ok(served > 0);
    assert.equal(server.connections, 1, 'only the healthy one is left');
  });
}

test('memory has grown by less than 200 MiB', () => {
  const grown = (process.memoryUsage().rss - rssBefore) / 2 ** 20;
  process.stdout.write(`# resident memory has grown by ${grown.toFixed(0)} MiB\n`);

  assert.ok(grown < 200, `${grown} MiB`);
});

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Admission, type Newcomer } from '../src/admission.ts';
import { createRouter, GrpcServer, type ServerEvent } from '../src/index.ts';

class Stranger extends EventEmitter implements Newcomer {
  readonly localPort = 2379;
  readonly remoteAddress = '10.0.0.1';
  readonly remotePort: number;
  isGone = false;

  constructor(remotePort: number) {
    super();
    this.remotePort = remotePort;
  }

  destroy(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.emit('close');
  }
}

function door(connectionsMax: number, handshakesMax: number) {
  const away: string[] = [];
  const admission = new Admission({
    connectionsMax,
    handshakesMax,
    onTurnedAway: (peer, why) => away.push(`${peer} ${why}`),
  });
  return { admission, away, come: (port: number) => new Stranger(port) };
}

test('beyond the connections there may be, the newcomer is turned away, until one goes', () => {
  const { admission, away, come } = door(2, 10);
  const [one, two, three, four] = [come(1), come(2), come(3), come(4)];

  assert.deepEqual(
    [one, two, three].map((socket) => admission.admit(socket)),
    [true, true, false],
  );
  assert.deepEqual(
    [one, two, three].map(({ isGone }) => isGone),
    [false, false, true],
  );
  assert.deepEqual(away, ['10.0.0.1:3 connections']);
  one.destroy();

  assert.equal(admission.admit(four), true);
  assert.equal(admission.connections, 2);
});

test('of too many handshakes, the one that has taken longest gives way', () => {
  const { admission, away, come } = door(100, 2);
  const [settled, slow, quick, late] = [come(1), come(2), come(3), come(4)];
  admission.admit(settled);
  // TLS lays a socket of its own over the one that came in.
  admission.settled(come(1));

  for (const socket of [slow, quick, late]) assert.equal(admission.admit(socket), true);

  assert.deepEqual(
    [settled, slow, quick, late].map(({ isGone }) => isGone),
    [false, true, false, false],
  );
  assert.deepEqual(away, ['10.0.0.1:2 handshakes']);
  assert.deepEqual([admission.connections, admission.handshakes], [3, 2]);
  for (const socket of [settled, quick, late]) socket.destroy();
  assert.deepEqual([admission.connections, admission.handshakes], [0, 0]);
});

test('over real sockets: the third of two connections is closed', async () => {
  const events: ServerEvent[] = [];
  const server = new GrpcServer({
    router: createRouter([]),
    connectionsMax: 2,
    onEvent: (event) => events.push(event),
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const socket of sockets) await once(socket, 'connect');

  const third = connect(port, '127.0.0.1');
  third.on('error', () => undefined);
  await once(third, 'close');

  assert.deepEqual(
    events.map((event) => (event.kind === 'turnedAway' ? event.why : event.kind)),
    ['connections'],
  );
  await server.close();
});

test('options that cannot be meant are refused', () => {
  const router = createRouter([]);
  for (const options of [
    { limits: { concurrentStreamsMax: 2 ** 32 } },
    { limits: { streamWindowBytes: 2 ** 31 } },
    { limits: { connectionWindowBytes: 65_534 } },
    { limits: { headerListBytesMax: 1.5 } },
    { limits: { resets: { burst: Number.NaN, perSecond: 1 } } },
    { calls: { receiveBytesMax: 2 ** 31 } },
    { keepalive: { intervalMs: Number.NaN } },
    { memoryBytesMax: 0 },
    { connectionsMax: -1 },
    { handshakesMax: Number.POSITIVE_INFINITY },
    { handshakeMs: -1 },
  ]) {
    assert.throws(() => new GrpcServer({ router, ...options }), RangeError, JSON.stringify(options));
  }
});

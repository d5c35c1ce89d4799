// The server over real sockets: ports, and sockets that others have accepted.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { GrpcServer } from '../src/index.ts';
import { systemClock } from '../src/system-clock.ts';
import { echoRouter } from './echo-service.ts';

/** The bytes that come back for an echo of `x`, trailers aside. */
async function say(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/test.Echo/Say',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.end(Buffer.from('\0\0\0\0\x01x'));
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

test('sockets that somebody else has accepted are served, whatever they speak, and are gone after a drain', async () => {
  const server = new GrpcServer({
    router: echoRouter,
    onHttp1: (socket, first) => socket.end(`HTTP/1.1: ${first.toString('latin1').split(' ')[0]}`),
  });
  const others = createServer((socket) => server.accept(socket)).listen(0, '127.0.0.1');
  await once(others, 'listening');
  const { port } = others.address() as AddressInfo;

  const session = connectHttp2(`http://127.0.0.1:${port}`);
  assert.equal(await say(session), '\0\0\0\0\x01x');
  const plain = connect(port, '127.0.0.1').setEncoding('latin1');
  plain.write('GET / HTTP/1.1\r\n\r\n');
  assert.deepEqual(await once(plain, 'data'), ['HTTP/1.1: GET']);

  const closed = once(session, 'close');
  await server.drain(5000);
  assert.equal(server.connections, 0);
  await closed;
  others.close();
});

test('a socket that was closed before anybody took it does not hold up a drain', async () => {
  const server = new GrpcServer({ router: echoRouter });
  const others = createServer().listen(0, '127.0.0.1');
  await once(others, 'listening');
  const client = connect((others.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await once(others, 'connection');
  socket.destroy();
  await once(socket, 'close');

  server.accept(socket);
  await server.drain(0);
  client.destroy();
  others.close();
});

test('a drain closes at once who has not said what it speaks', { timeout: 10_000 }, async () => {
  const clock = { ...systemClock, after: () => () => undefined };
  const server = new GrpcServer({ router: echoRouter, clock });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const silent = connect(port, '127.0.0.1');
  const half = connect(port, '127.0.0.1', () => half.write('PRI * HT'));
  await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
  // Who came last is in: so are those before.
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  assert.equal(await say(session), '\0\0\0\0\x01x');
  session.close();
  await once(session, 'close');
  const closed = [silent, half].map((socket) => once(socket.resume(), 'close'));

  await server.drain(60_000);

  await Promise.all(closed);
});

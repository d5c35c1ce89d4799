// grpc-js, and what only the server side of it can show: certificates that change, and a drain.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createGrpcJs } from './grpc-js.ts';
import type { ClientOptions } from './other-client.ts';
import { suite } from './suite.ts';
import { TestBed } from './test-bed.ts';

suite('grpc-js', createGrpcJs);

const hello = { kind: 'unary', path: '/test.Echo/Say', messages: [Buffer.from('hello')] } as const;

test('TLS: certificates are changed without a restart', async () => {
  const bed = new TestBed();
  const [first, second] = [bed.certificate('first'), bed.certificate('second')];
  const { port } = await bed.server.listen({ host: '127.0.0.1', port: 0, tls: first });
  const codeWith = async (root: NonNullable<ClientOptions['root']>): Promise<number> => {
    const client = createGrpcJs({ port, services: bed.services, root });
    const { code } = await client.call({ ...hello, timeoutMs: 5000 });
    client.close();
    return code;
  };

  assert.equal(await codeWith(first.cert), 0);
  bed.server.setCertificates(second);
  assert.equal(await codeWith(second.cert), 0);

  assert.notEqual(await codeWith(first.cert), 0);
  await bed.stop();
});

test('TLS 1.2: §9.2.1: a renegotiation ends the connection', async () => {
  const bed = new TestBed();
  const { key, cert } = bed.certificate('old');
  const { port } = await bed.server.listen({ host: '127.0.0.1', port: 0, tls: { key, cert } });
  const socket = connect({ host: 'localhost', port, ca: cert, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');

  let isRenegotiated = false;
  socket.renegotiate({}, (error) => {
    isRenegotiated = error === null;
    socket.end();
  });
  await closed;

  assert.equal(isRenegotiated, false);
  await bed.stop();
});

test('drain: the server ends when its calls have', async () => {
  const bed = new TestBed();
  await bed.start();
  const client = createGrpcJs({ port: bed.port, services: bed.services });
  assert.equal((await client.call(hello)).code, 0);
  const slow = client.call({ ...hello, path: '/test.Interop/Wait', timeoutMs: 300 });

  await bed.server.drain(10_000);

  assert.equal((await slow).code, 4);
  assert.equal(bed.server.connections, 0);
  client.close();
  await bed.stop();
});

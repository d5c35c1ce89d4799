// Programs that speak HTTP/2 and know nothing of gRPC: curl, nghttp and h2load. What is gRPC is said to them by hand.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { run, without } from './programs.ts';
import { TestBed } from './test-bed.ts';

const http1 = createServer((_request, response) => response.end('plain'));
const bed = new TestBed({
  onHttp1: (socket, first) => {
    socket.unshift(first);
    http1.emit('connection', socket);
    socket.resume();
  },
});
before(() => bed.start());
after(async () => {
  await bed.stop();
  http1.close();
});

const noCurl = without('curl');
const noNghttp = without('nghttp');
const noH2load = without('h2load');
const grpc = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];

/** Messages as they are on the wire. */
const framed = (messages: readonly Buffer[], compressed = false): Buffer =>
  Buffer.concat(
    messages.flatMap((message) => {
      const head = Buffer.from([compressed ? 1 : 0, 0, 0, 0, 0]);
      head.writeUInt32BE(message.length, 1);
      return [head, message];
    }),
  );
const file = (name: string, bytes: Buffer): string => {
  const path = join(bed.folder, name);
  writeFileSync(path, bytes);
  return path;
};
const url = (path: string): string => `http://127.0.0.1:${bed.port}${path}`;

interface Answer {
  readonly body: Buffer;
  readonly said: string;
}

/** One gRPC call by curl: the body, and all header lines, trailers included. */
async function curl(path: string, body: Buffer, more: readonly string[] = []): Promise<Answer> {
  const [answer, head] = [join(bed.folder, 'answer'), join(bed.folder, 'head')];
  const data = ['--data-binary', `@${file('request', body)}`, '-o', answer, '-D', head];
  await run('curl', ['-s', '--http2-prior-knowledge', ...grpc, ...data, ...more, url(path)]);
  return { body: readFileSync(answer), said: readFileSync(head, 'latin1') };
}

test('curl: HTTP/1.1 on the same port is handed on', { skip: noCurl }, async () => {
  assert.equal((await run('curl', ['-s', url('/')])).toString(), 'plain');
});

test('curl: HTTP/2 that is no gRPC is told so', { skip: noCurl }, async () => {
  const status = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--http2-prior-knowledge'];

  assert.equal((await run('curl', [...status, url('/test.Echo/Say')])).toString(), '405');
  assert.equal((await run('curl', [...status, '-d', 'x', url('/test.Echo/Say')])).toString(), '415');
});

test('curl: HTTP/2 that is no gRPC is told so however long it is', { skip: noCurl }, async () => {
  const status = ['-s', '-o', '/dev/null', '-w', '%{http_code} %{errormsg}', '--http2-prior-knowledge'];
  for (const bytes of [65_000, 70_000, 20_000_000]) {
    const body = file('long', Buffer.alloc(bytes, 65));

    const said = await run('curl', [...status, '-d', `@${body}`, url('/test.Echo/Say')]);

    assert.equal(said.toString().trim(), '415', `${bytes} bytes`);
  }
});

test('curl: a call, its answer octet for octet, and its trailers', { skip: noCurl }, async () => {
  const body = framed([Buffer.alloc(3_000_000, 5)]);

  const answer = await curl('/test.Echo/Say', body);

  assert.ok(answer.body.equals(body));
  assert.match(answer.said, /^HTTP\/2 200/);
  assert.match(answer.said, /^grpc-status: 0/m);
});

test('curl: a stream of many messages, each answered', { skip: noCurl }, async () => {
  const body = framed(Array.from({ length: 1000 }, (_, index) => Buffer.alloc(index, 1)));

  const answer = await curl('/test.Echo/Talk', body);

  assert.ok(answer.body.equals(body));
  assert.match(answer.said, /^grpc-status: 0/m);
});

test('curl: gzip both ways, and the flag that says so', { skip: noCurl }, async () => {
  const message = Buffer.alloc(100_000, 9);
  const gzip = ['-H', 'grpc-encoding: gzip', '-H', 'grpc-accept-encoding: gzip'];

  const { body, said } = await curl('/test.Echo/Say', framed([gzipSync(message)], true), gzip);

  assert.match(said, /^grpc-encoding: gzip/m);
  assert.deepEqual([body[0], body.readUInt32BE(1)], [1, body.length - 5]);
  assert.ok(gunzipSync(body.subarray(5)).equals(message));
});

test('curl: what is said in any script is percent-encoded', { skip: noCurl }, async () => {
  const text = Buffer.from('100 % naïve ✓\n');

  const { said } = await curl('/test.Interop/Refuse', framed([text]), ['-H', `x-text-bin: ${text.toString('base64')}`]);

  assert.match(said, /^grpc-status: 9/m);
  assert.match(said, /^grpc-message: 100 %25 na%C3%AFve %E2%9C%93%0A\r?$/m);
});

test('curl: the server keeps the deadline by itself', { skip: noCurl }, async () => {
  const { said } = await curl('/test.Interop/Wait', framed([Buffer.alloc(1)]), ['-H', 'grpc-timeout: 50m']);

  assert.match(said, /^grpc-status: 4/m);
});

test('curl: TLS, by ALPN', { skip: noCurl }, async () => {
  const certificate = bed.certificate('curl');
  const root = file('root.pem', certificate.cert);
  const { port } = await bed.server.listen({ host: '127.0.0.1', port: 0, tls: certificate });
  const body = file('body', framed([Buffer.from('hello')]));

  const args = ['-s', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '--cacert', root, '--http2', ...grpc];
  const said = await run('curl', [...args, '--data-binary', `@${body}`, `https://localhost:${port}/test.Echo/Say`]);

  assert.equal(said.toString(), '2 200');
});

test('nghttp: frame for frame, a call is HEADERS, DATA and HEADERS', { skip: noNghttp }, async () => {
  const body = file('hello', framed([Buffer.from('hello')]));

  const output = await run('nghttp', ['-v', ...grpc, '-H', ':method: POST', '-d', body, url('/test.Echo/Say')]);

  const text = output.toString();
  const received = [...text.matchAll(/recv (\w+) frame <length=(\d+), flags=(0x\d\d), stream_id=13>/g)];
  assert.deepEqual(
    received.map(([, type, length, flags]) => (type === 'DATA' ? `${type} ${length} ${flags}` : `${type} ${flags}`)),
    ['HEADERS 0x04', 'DATA 10 0x00', 'HEADERS 0x05'],
  );
  assert.match(text, /recv \(stream_id=13\) grpc-status: 0/);
  assert.match(text, /recv SETTINGS frame <length=0, flags=0x01/);
  assert.doesNotMatch(text, /recv (RST_STREAM|GOAWAY)/);
});

test('nghttp: forty calls at once on one connection, with padding', { skip: noNghttp }, async () => {
  const body = file('padded', framed([Buffer.from('hello')]));
  const many = ['-n', '-v', '-m', '40', '-b', '64'];

  const output = await run('nghttp', [...many, ...grpc, '-H', ':method: POST', '-d', body, url('/test.Echo/Say')]);

  assert.equal(output.toString().match(/grpc-status.*: 0/g)?.length, 40);
});

test('h2load: five thousand calls on ten connections, all answered', { skip: noH2load }, async () => {
  const body = file('load', framed([Buffer.alloc(256)]));

  const output = await run('h2load', [
    '-n',
    '5000',
    '-c',
    '10',
    '-m',
    '50',
    ...grpc,
    '-d',
    body,
    url('/test.Echo/Say'),
  ]);

  assert.match(output.toString(), /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
  assert.equal(bed.ended.filter((end) => end === '/test.Echo/Say 0').length >= 5000, true);
});

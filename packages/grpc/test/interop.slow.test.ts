// Other people's clients against this server, over real sockets.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type CallOptions,
  ChannelCredentials,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { GrpcServer, type ServerEvent } from '../src/index.ts';
import { echoRouter } from './echo-service.ts';

const identity = (bytes: Buffer): Buffer => bytes;
const events: ServerEvent[] = [];
const http1 = createServer((_request, response) => response.end('plain'));
const server = new GrpcServer({
  router: echoRouter,
  limits: { concurrentStreamsMax: 2000 },
  onEvent: (event) => events.push(event),
  onHttp1: (socket, first) => {
    socket.unshift(first);
    http1.emit('connection', socket);
    socket.resume();
  },
});
const folder = mkdtempSync(join(tmpdir(), 'grpc-interop-'));
let port = 0;
let client: Client;

before(async () => {
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});
after(async () => {
  client.close();
  await server.close();
  http1.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly message?: Buffer | undefined;
  readonly error?: ServiceError | null;
  readonly head?: Metadata;
  readonly trailers?: Metadata;
}

function unary(
  method: string,
  request: Buffer,
  {
    metadata = new Metadata(),
    options = {},
    by = client,
  }: { metadata?: Metadata; options?: CallOptions; by?: Client } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const answer: { -readonly [Key in keyof Answer]: Answer[Key] } = {};
    const call = by.makeUnaryRequest(
      `/test.Echo/${method}`,
      identity,
      identity,
      request,
      metadata,
      options,
      (error, message) => {
        answer.error = error;
        answer.message = message;
      },
    );
    call.on('metadata', (head: Metadata) => {
      answer.head = head;
    });
    call.on('status', ({ metadata: trailers }) => {
      setImmediate(() => resolve({ ...answer, trailers }));
    });
  });
}

test('grpc-js: a unary call, an empty one, and one of 3 MiB', async () => {
  for (const request of [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(3 * 2 ** 20, 5)]) {
    const { message, error } = await unary('Say', request);

    assert.equal(error, null);
    assert.ok(message?.equals(request));
  }
});

test('grpc-js: metadata both ways, text and bytes', async () => {
  const metadata = new Metadata();
  metadata.set('x-told', 'a b');
  metadata.set('x-some-bin', Buffer.from([0, 255, 3]));

  const { head, trailers } = await unary('Say', Buffer.from('four'), { metadata });

  assert.deepEqual(head?.get('x-heard'), ['a b']);
  assert.deepEqual(trailers?.get('x-length'), ['4']);
  assert.deepEqual(trailers?.get('x-some-bin'), [Buffer.from([0, 255, 3])]);
});

test('grpc-js: a status, its message in any script, and its details', async () => {
  const { error } = await unary('Refuse', Buffer.from('100 % naïve ✓'));

  assert.equal(error?.code, 9);
  assert.equal(error?.details, '100 % naïve ✓');
  assert.deepEqual(error?.metadata.get('grpc-status-details-bin'), [Buffer.from([1, 2, 3])]);
});

test('grpc-js: what a handler throws is UNKNOWN, and is told as a fault', async () => {
  const { error } = await unary('Break', Buffer.alloc(0));

  assert.equal(error?.code, 2);
  assert.equal(error?.details, 'broken');
  assert.ok(events.some(({ kind }) => kind === 'handlerFault'));
});

test('grpc-js: a method that does not exist is UNIMPLEMENTED', async () => {
  const { error } = await unary('Nothing', Buffer.alloc(0));

  assert.equal(error?.code, 12);
  assert.equal(error?.details, 'unknown method Nothing for service test.Echo');
});

test('grpc-js: a deadline ends the call on both sides', async () => {
  const { error } = await unary('Wait', Buffer.alloc(0), { options: { deadline: Date.now() + 60 } });

  assert.equal(error?.code, 4);
});

test('grpc-js: a message beyond the limit is RESOURCE_EXHAUSTED', async () => {
  const { error } = await unary('Say', Buffer.alloc(4_194_305));

  assert.equal(error?.code, 8);
  assert.equal(error?.details, 'grpc: received message larger than max (4194305 vs. 4194304)');
});

test('grpc-js: gzip both ways', async () => {
  const zipping = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
  });
  for (const request of [Buffer.alloc(200_000, 3), Buffer.from('short')]) {
    const { message, error } = await unary('Say', request, { by: zipping });

    assert.equal(error, null);
    assert.ok(message?.equals(request));
  }
  zipping.close();
});

test('grpc-js: a server stream of 6 MB is read to its end, in order, with back-pressure', async () => {
  const call = client.makeServerStreamRequest('/test.Echo/Count', identity, identity, Buffer.from('600 10000'));
  let bytes = 0;
  for await (const message of call) bytes += (message as Buffer).length;

  assert.equal(bytes, 6_000_000);
});

test('grpc-js: a client stream', async () => {
  const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
    const call = client.makeClientStreamRequest('/test.Echo/Collect', identity, identity, (error, message) =>
      error === null ? resolve(message) : reject(error),
    );
    for (let index = 0; index < 500; index++) call.write(Buffer.alloc(700, index));
    call.end();
  });

  assert.equal(answer?.length, 350_000);
  assert.equal(answer?.[699], 0);
  assert.equal(answer?.[700], 1);
});

test('grpc-js: a conversation, ended by the client, by a status, and by cancelling', async () => {
  const said: string[] = [];
  const ends: number[] = [];
  for (const last of ['end', 'refuse', 'cancel']) {
    await new Promise<void>((resolve) => {
      const call = client.makeBidiStreamRequest('/test.Echo/Talk', identity, identity);
      call.on('data', (message: Buffer) => {
        said.push(message.toString());
        if (said.length % 3 !== 0) call.write(Buffer.from('again'));
        else if (last === 'end') call.end();
        else if (last === 'cancel') call.cancel();
        else call.write(Buffer.from('refuse'));
      });
      call.on('error', () => undefined);
      call.on('status', ({ code }) => {
        ends.push(code);
        resolve();
      });
      call.write(Buffer.from('first'));
    });
  }

  assert.deepEqual(said.slice(0, 3), ['first', 'again', 'again']);
  assert.deepEqual(ends, [0, 10, 1]);
});

test('grpc-js: three hundred calls at once', async () => {
  const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => unary('Say', Buffer.from(`${index}`))));

  assert.ok(answers.every(({ message }, index) => message?.toString() === `${index}`));
});

const has = (program: string): boolean => spawnSync('which', [program]).status === 0;

function makeCertificate(name: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

test('TLS: certificates are changed without a restart', {
  skip: !has('openssl') && 'openssl is not here',
}, async () => {
  const [first, second] = [makeCertificate('first'), makeCertificate('second')];
  const { port: tlsPort } = await server.listen({ host: '127.0.0.1', port: 0, tls: first });
  const say = async (root: Buffer): Promise<Answer> => {
    const secure = new Client(`localhost:${tlsPort}`, ChannelCredentials.createSsl(root));
    const answer = await unary('Say', Buffer.from('x'), { by: secure, options: { deadline: Date.now() + 5000 } });
    secure.close();
    return answer;
  };

  assert.equal((await say(first.cert)).message?.toString(), 'x');
  server.setCertificates(second);
  assert.equal((await say(second.cert)).message?.toString(), 'x');

  assert.notEqual((await say(first.cert)).error, null);
});

test('curl: HTTP/1.1 on the same port is handed on', { skip: !has('curl') && 'curl is not here' }, async () => {
  assert.equal(await run('curl', ['-s', `http://127.0.0.1:${port}/`]), 'plain');
});

test('curl: HTTP/2 that is no gRPC is told so', { skip: !has('curl') && 'curl is not here' }, async () => {
  const url = `http://127.0.0.1:${port}/test.Echo/Say`;
  const status = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--http2-prior-knowledge'];

  assert.equal(await run('curl', [...status, url]), '405');
  assert.equal(await run('curl', [...status, '-d', 'x', url]), '415');
});

test('curl: HTTP/2 that is no gRPC is told so however long it is', {
  skip: !has('curl') && 'curl is not here',
}, async () => {
  const url = `http://127.0.0.1:${port}/test.Echo/Say`;
  const status = ['-s', '-o', '/dev/null', '-w', '%{http_code} %{errormsg}', '--http2-prior-knowledge'];
  for (const bytes of [65_000, 70_000, 20_000_000]) {
    const file = join(folder, 'body');
    writeFileSync(file, Buffer.alloc(bytes, 65));

    assert.equal((await run('curl', [...status, '-d', `@${file}`, url])).trim(), '415', `${bytes} bytes`);
  }
});

test('nghttp: an empty message, with its trailers', { skip: !has('nghttp') && 'nghttp is not here' }, async () => {
  const body = join(folder, 'empty');
  writeFileSync(body, Buffer.alloc(5));
  const grpc = ['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', ':method: POST'];

  const output = await run('nghttp', ['-v', ...grpc, '-d', body, `http://127.0.0.1:${port}/test.Echo/Say`]);

  assert.match(output, /grpc-status: 0/);
});

test('drain: the server ends when its calls have', async () => {
  const draining = new GrpcServer({ router: echoRouter });
  const { port: other } = await draining.listen({ host: '127.0.0.1', port: 0 });
  const by = new Client(`127.0.0.1:${other}`, credentials.createInsecure());
  assert.equal((await unary('Say', Buffer.from('x'), { by })).error, null);
  const slow = unary('Wait', Buffer.from('x'), { by, options: { deadline: Date.now() + 300 } });

  await draining.drain(10_000);

  assert.equal((await slow).error?.code, 4);
  assert.equal(draining.connections, 0);
  by.close();
});

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.on('close', () => resolve(output));
  });
}

// node bench/grpc-servers.ts KIND [KEY CERT]: one empty echo server in a process of its own. Prints its port.
// `/bench.Echo/Say` echoes one message, `/bench.Echo/Talk` a stream of them. All three do the same and nothing else.

import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type handleBidiStreamingCall, type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { createRouter, GrpcServer } from '../packages/grpc/src/index.ts';

const [kind = '', key, cert] = process.argv.slice(2);
const tls = key === undefined || cert === undefined ? undefined : { key: readFileSync(key), cert: readFileSync(cert) };
const identity = (bytes: Buffer): Buffer => bytes;

async function serveOurs(): Promise<number> {
  const router = createRouter([
    {
      name: 'bench.Echo',
      methods: {
        Say: { kind: 'unary', handle: async (request) => request },
        Talk: {
          kind: 'bidi',
          open: (_call, responses) => ({
            message: (request) => {
              responses.write(request);
            },
            halfClose: () => responses.end(),
            closed: () => undefined,
          }),
        },
      },
    },
  ]);
  const server = new GrpcServer({ router });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, ...(tls && { tls }) });
  return port;
}

function serveGrpcJs(): Promise<number> {
  const server = new Server();
  const say: handleUnaryCall<Buffer, Buffer> = (call, answer) => answer(null, call.request);
  const talk: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  };
  server.register('/bench.Echo/Say', say, identity, identity, 'unary');
  server.register('/bench.Echo/Talk', talk, identity, identity, 'bidi');
  const secure = tls && ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }]);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secure ?? ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** Not a gRPC server: what `node:http2` costs before anything is done with it. */
function serveHttp2(): Promise<number> {
  const server: Http2Server = tls === undefined ? createServer() : createSecureServer({ ...tls });
  server.on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      // At the end of a load, streams go while they are answered.
      if (stream.destroyed) return;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat(chunks));
    });
    stream.on('error', () => undefined);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

const kinds: Readonly<Record<string, () => Promise<number>>> = {
  kontiki: serveOurs,
  'grpc-js': serveGrpcJs,
  'node:http2': serveHttp2,
};
const serve = kinds[kind];
if (serve === undefined) throw new Error(`one of ${Object.keys(kinds).join(', ')}, not "${kind}"`);
process.stdout.write(`${await serve()}\n`);

// node bench/grpc-servers.ts KIND [KEY CERT]: one empty echo server in a process of its own. Prints its port.
// `/bench.Echo/Say` echoes one message, `/bench.Echo/Talk` a stream of them. All do the same and nothing else.

import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  create,
  createFileRegistry,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  type DescService,
} from '@bufbuild/protobuf';
import {
  type BytesValueSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter } from '@connectrpc/connect-node';
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

type Bytes = typeof BytesValueSchema;

/** connect knows messages of Protobuf only: here they are BytesValue, as the load is. */
function connectService(): DescService {
  const type = '.google.protobuf.BytesValue';
  const method = (name: string, streaming: boolean) => ({
    ...{ name, inputType: type, outputType: type },
    ...{ clientStreaming: streaming, serverStreaming: streaming },
  });
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: 'bench.proto', package: 'bench', syntax: 'proto3' },
    dependency: ['google/protobuf/wrappers.proto'],
    service: [{ name: 'Echo', method: [method('Say', false), method('Talk', true)] }],
  });
  const service = createFileRegistry(file, () => file_google_protobuf_wrappers).getService('bench.Echo');
  if (service === undefined) throw new Error('bench.Echo is not described');
  return service;
}

function serveConnect(): Promise<number> {
  const [say, talk] = connectService().methods;
  const handler = connectNodeAdapter({
    // The protocol that is measured, and no other to look for.
    ...{ connect: false, grpcWeb: false },
    routes: (router) => {
      router.rpc(say as DescMethodUnary<Bytes, Bytes>, (request) => request);
      router.rpc(talk as DescMethodBiDiStreaming<Bytes, Bytes>, (requests) => requests);
    },
  });
  const server: Http2Server = tls === undefined ? createServer(handler) : createSecureServer({ ...tls }, handler);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
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
  'connect-node': serveConnect,
  'node:http2': serveHttp2,
};
const serve = kinds[kind];
if (serve === undefined) throw new Error(`one of ${Object.keys(kinds).join(', ')}, not "${kind}"`);
process.stdout.write(`${await serve()}\n`);

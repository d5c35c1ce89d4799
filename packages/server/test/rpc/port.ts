// A client port with given services on a free port, and clients of it: grpc-js for what it can say, sockets for the rest.

import { connect, type Socket } from 'node:net';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { GrpcServerOptions, Service } from '@kontiki/grpc';
import { Carrier, type CarrierOptions } from '../../src/rpc/carrier.ts';
import { type BindOptions, type BoundPort, bindPort } from '../../src/rpc/listener.ts';
import { type CallObserver, createRouter, type Guard } from '../../src/rpc/router.ts';

const silent: CallObserver = {
  started: () => undefined,
  received: () => undefined,
  sent: () => undefined,
  finished: () => undefined,
};

export interface PortOptions {
  readonly guard?: Guard;
  readonly observer?: CallObserver;
  readonly grpc?: Omit<GrpcServerOptions, 'router'>;
  readonly listen?: Partial<Pick<BindOptions, 'connectionsMax'> & Pick<CarrierOptions, 'firstWordsMs' | 'http'>>;
}

export interface Port {
  readonly listener: BoundPort;
  readonly client: Client;
  /** `ok` with the response, or `CODE text`. */
  unary(path: string, request: Uint8Array, metadata?: Readonly<Record<string, string>>): Promise<string>;
  /** Sends bytes on a fresh connection; answers all that came back until it was closed. */
  raw(bytes: string | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

export async function openPort(services: readonly Service[], options: PortOptions = {}): Promise<Port> {
  const router = createRouter({
    services,
    guard: options.guard ?? (() => undefined),
    observer: options.observer ?? silent,
  });
  const listener = await bindPort({
    host: '127.0.0.1',
    port: 0,
    connectionsMax: options.listen?.connectionsMax ?? 100,
  });
  const { http, firstWordsMs } = options.listen ?? {};
  listener.serve(
    new Carrier({
      grpc: { router, calls: { receiveBytesMax: 1000 }, ...options.grpc },
      http: http ?? ((request, response) => response.end(`plain ${request.url}`)),
      firstWordsMs: firstWordsMs ?? 5_000,
    }),
  );
  const client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure());
  return {
    listener,
    client,
    unary: (path, request, metadata = {}) => unary(client, path, request, metadata),
    raw: (bytes) => raw(listener.port, bytes),
    close: async () => {
      client.close();
      await listener.close(0);
    },
  };
}

export const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function unary(
  client: Client,
  path: string,
  request: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      same,
      same,
      request,
      metadata,
      (error: ServiceError | null, response?: Uint8Array) => {
        resolve(error === null ? `ok ${Buffer.from(response ?? []).toString()}` : `${error.code} ${error.details}`);
      },
    );
  });
}

function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

// gRPC and plain HTTP for the connections of all client ports: one carrier, as its bounds are for all clients together. Knows
// nothing of what is served.

import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { GrpcServer, type GrpcServerOptions } from '@kontiki/grpc';
import { PlainHttp } from '../http/plain-http.ts';

export interface CarrierOptions {
  readonly grpc: Omit<GrpcServerOptions, 'onHttp1' | 'handshakeMs'>;
  readonly http: RequestListener;
  /** A connection that has not said enough by then, preface or whole HTTP/1.1 head, is closed. */
  readonly firstWordsMs: number;
}

export class Carrier {
  readonly #grpc: GrpcServer;
  readonly #http: PlainHttp;

  constructor({ grpc, http, firstWordsMs }: CarrierOptions) {
    this.#http = new PlainHttp(http, firstWordsMs);
    const onHttp1 = (socket: Socket, first: Buffer): void => this.#http.take(socket, first);
    this.#grpc = new GrpcServer({ ...grpc, handshakeMs: firstWordsMs, onHttp1 });
  }

  take(socket: Socket): void {
    this.#grpc.accept(socket);
  }

  /** Lets calls in flight end for `graceMs`, then cuts what is left. */
  async drain(graceMs: number): Promise<void> {
    this.#http.closeIdle();
    await this.#grpc.drain(graceMs);
  }
}

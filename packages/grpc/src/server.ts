// The server: ports, plain or TLS, and the connections that come in through them. Each connection is on its own; they
// share the router, the limits and the pool of buffers.

import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { Admission, peerOf } from './admission.ts';
import { checkBounds } from './bounds.ts';
import { createDispatch } from './calls/dispatch.ts';
import type { Router } from './calls/handler.ts';
import type { CallLimits, Clock } from './calls/server-call.ts';
import { grpcCode, RpcError, type Status } from './calls/status.ts';
import { Unzipping } from './calls/unzipping.ts';
import { Connection } from './connection/connection.ts';
import type { ConnectionEvent } from './connection/events.ts';
import { defaultKeepalive, type KeepaliveOptions } from './connection/keepalive.ts';
import { type ConnectionLimits, defaultLimits } from './connection/limits.ts';
import { MemoryBudget } from './connection/memory.ts';
import { ChunkPool } from './frames/frame-writer.ts';
import { sniff } from './sniffing.ts';
import { attach, wireOf } from './socket-wire.ts';
import { systemClock } from './system-clock.ts';

export type ServerEvent =
  | { readonly kind: 'connected'; readonly peer: string }
  | { readonly kind: 'disconnected'; readonly peer: string }
  /** Closed without a word: too many connections, or it took longest of too many handshakes. */
  | { readonly kind: 'turnedAway'; readonly peer: string; readonly why: 'connections' | 'handshakes' }
  /** How a call to a known method ended. */
  | { readonly kind: 'call'; readonly path: string; readonly code: number }
  /** A handler threw something that is no status; the client has got its text as UNKNOWN. */
  | { readonly kind: 'handlerFault'; readonly path: string; readonly error: unknown }
  /** A TLS handshake that failed. */
  | { readonly kind: 'handshake'; readonly error: Error }
  | { readonly kind: 'connection'; readonly peer: string; readonly event: ConnectionEvent };

/** Certificates and keys as `node:tls` takes them, and whether clients must show theirs. */
export interface TlsOptions extends SecureContextOptions {
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
}

export interface GrpcServerOptions {
  readonly router: Router;
  readonly calls?: Partial<CallLimits>;
  readonly limits?: Partial<ConnectionLimits>;
  readonly keepalive?: Partial<KeepaliveOptions>;
  /**
   * What is held for all clients together: requests that are not whole or not taken, answers that wait, frames and field
   * blocks that are not whole.
   */
  readonly memoryBytesMax?: number;
  /** Of all ports together; more are closed at once. */
  readonly connectionsMax?: number;
  /** Connections that have not said yet what they speak; of more, the oldest is closed. */
  readonly handshakesMax?: number;
  /** For the TLS handshake, and again for the first bytes of a protocol. */
  readonly handshakeMs?: number;
  /** A connection of that age is drained, so that clients spread anew. */
  readonly ageMsMax?: number;
  /** What calls may still take after that. */
  readonly ageGraceMs?: number;
  /** What a handler threw, as a status; `undefined` for what is a fault. `RpcError` needs no help. */
  readonly toStatus?: (error: unknown) => Status | undefined;
  /** Gets clients of HTTP/1.1, the socket paused and the bytes it has said already. Without it they are cut off. */
  readonly onHttp1?: (socket: Socket, first: Buffer) => void;
  readonly onEvent?: (event: ServerEvent) => void;
  readonly clock?: Clock;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly tls?: TlsOptions;
}

export const defaultCallLimits: CallLimits = {
  receiveBytesMax: 4_194_304,
  sendBytesMax: 2 ** 31 - 1,
  gzipBytesMin: 1024,
};

export const defaultMemoryBytesMax = 67_108_864;
export const defaultConnectionsMax = 10_000;
export const defaultHandshakesMax = 512;
const defaultHandshakeMs = 10_000;

const neverMs = Number.POSITIVE_INFINITY;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #limits: ConnectionLimits;
  readonly #keepalive: KeepaliveOptions;
  readonly #callLimits: CallLimits;
  readonly #clock: Clock;
  readonly #pool = new ChunkPool();
  readonly #unzipping: Unzipping;
  readonly #memory: MemoryBudget;
  readonly #admission: Admission;
  readonly #handshakeMs: number;
  readonly #ports = new Set<NetServer>();
  readonly #tlsPorts = new Set<TlsServer>();
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<Connection>();
  #draining = false;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#keepalive = { ...defaultKeepalive, ...options.keepalive };
    this.#callLimits = { ...defaultCallLimits, ...options.calls };
    this.#clock = options.clock ?? systemClock;
    this.#handshakeMs = options.handshakeMs ?? defaultHandshakeMs;
    const memoryBytesMax = options.memoryBytesMax ?? defaultMemoryBytesMax;
    const connectionsMax = options.connectionsMax ?? defaultConnectionsMax;
    const handshakesMax = options.handshakesMax ?? defaultHandshakesMax;
    const all = { ...this.#limits, ...this.#callLimits, ...this.#keepalive };
    checkBounds({ ...all, memoryBytesMax, connectionsMax, handshakesMax, handshakeMs: this.#handshakeMs });
    this.#memory = new MemoryBudget(memoryBytesMax);
    this.#admission = new Admission({
      connectionsMax,
      handshakesMax,
      onTurnedAway: (peer, why) => options.onEvent?.({ kind: 'turnedAway', peer, why }),
    });
    this.#unzipping = new Unzipping(this.#limits.largeMessageBytesMax);
  }

  /** Connections of HTTP/2 there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Held for all clients now; at most `memoryBytesMax`, but for a single long answer. */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Rejects with the error of `listen` when the port cannot be had. */
  listen({ host, port, tls }: ListenOptions): Promise<{ readonly host: string; readonly port: number }> {
    const server = tls === undefined ? this.#plainPort() : this.#tlsPort(tls);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        this.#ports.add(server);
        const address = server.address();
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port });
      });
    });
  }

  /** From the next handshake on, on all TLS ports. Connections that there are keep theirs. */
  setCertificates(context: SecureContextOptions): void {
    for (const server of this.#tlsPorts) server.setSecureContext(context);
  }

  /** A socket that somebody else has accepted and that speaks HTTP/2; `first` are bytes it has said already. */
  inject(socket: Socket, first?: Buffer): void {
    const { onEvent, ageMsMax = neverMs, ageGraceMs = 60_000 } = this.#options;
    const peer = peerOf(socket);
    let cancelAge: () => void = () => undefined;
    const connection: Connection = new Connection({
      wire: wireOf(socket),
      scheduler: this.#clock,
      limits: this.#limits,
      keepalive: this.#keepalive,
      handler: createDispatch(this.#options.router, {
        peer,
        clock: this.#clock,
        limits: this.#callLimits,
        unzipLine: this.#unzipping.line(),
        toStatus: (path, error) => this.#toStatus(path, error),
        onFinished: onEvent && ((path, code) => onEvent({ kind: 'call', path, code })),
      }),
      pool: this.#pool,
      memory: this.#memory,
      onEvent: (event) => onEvent?.({ kind: 'connection', peer, event }),
      onClosed: () => {
        cancelAge();
        this.#connections.delete(connection);
        onEvent?.({ kind: 'disconnected', peer });
      },
    });
    this.#connections.add(connection);
    onEvent?.({ kind: 'connected', peer });
    if (ageMsMax !== neverMs) cancelAge = this.#clock.after(ageMsMax, () => connection.drain(ageGraceMs));
    attach(socket, connection);
    if (first !== undefined) connection.receive(first);
    if (this.#draining) connection.drain(0);
    socket.resume();
  }

  /** A socket that somebody else has accepted, whatever it speaks. It is one of the server's from here on. */
  accept(socket: Socket): void {
    if (socket.destroyed || !this.#admit(socket)) return;
    this.#sniff(socket);
  }

  /**
   * Listens no more, tells clients to go, and lets calls in flight end for `graceMs`; then cuts what is left. Resolves when
   * nothing is left.
   */
  async drain(graceMs: number): Promise<void> {
    const gone = this.#stopListening();
    this.#admission.endHandshakes();
    for (const connection of this.#connections) connection.drain(graceMs);
    // What is not HTTP/2 is its taker's to end.
    const cancel = this.#clock.after(graceMs + closeMs, () => this.#cut());
    await gone;
    cancel();
  }

  /** Listens no more and cuts every connection. */
  async close(): Promise<void> {
    const gone = this.#stopListening();
    this.#cut();
    await gone;
  }

  /** Resolves when the ports are closed and no socket is left, those included that others have accepted. */
  async #stopListening(): Promise<void> {
    this.#draining = true;
    const ports = [...this.#ports].map((server) => new Promise((resolve) => server.close(resolve)));
    this.#ports.clear();
    const sockets = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await Promise.all([...ports, ...sockets]);
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #plainPort(): NetServer {
    return createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  #tlsPort(tls: TlsOptions): NetServer {
    const { onHttp1, onEvent } = this.#options;
    // It does not listen itself, so that nothing is begun for a client that is turned away.
    const server = createTlsServer(
      {
        // RFC 9113 §9.2: TLS 1.2 or newer, and its name is h2.
        minVersion: 'TLSv1.2',
        ...tls,
        ALPNProtocols: onHttp1 === undefined ? ['h2'] : ['h2', 'http/1.1'],
        handshakeTimeout: this.#handshakeMs,
      },
      (socket) => {
        // §9.2.1: a renegotiation is an error of the connection.
        socket.disableRenegotiation();
        this.#sniff(socket);
      },
    );
    server.on('tlsClientError', (error, socket) => {
      onEvent?.({ kind: 'handshake', error });
      socket.destroy();
    });
    this.#tlsPorts.add(server);
    return createServer({ noDelay: true }, (socket) => {
      if (this.#admit(socket)) server.emit('connection', socket);
    });
  }

  /** Counted before their handshake, so that closing ends them too. */
  #admit(socket: Socket): boolean {
    if (!this.#admission.admit(socket)) return false;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    return true;
  }

  #sniff(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    sniff(socket, this.#handshakeMs, (isHttp2, first) => {
      this.#admission.settled(socket);
      if (isHttp2) this.inject(socket, first);
      else if (this.#options.onHttp1 === undefined) socket.destroy();
      else this.#options.onHttp1(socket, first);
    });
  }

  #toStatus(path: string, error: unknown): Status {
    if (error instanceof RpcError) return error;
    const status = this.#options.toStatus?.(error);
    if (status !== undefined) return status;
    this.#options.onEvent?.({ kind: 'handlerFault', path, error });
    return { code: grpcCode.unknown, message: error instanceof Error ? error.message : String(error) };
  }
}

/** Between the end of the calls and that of their sockets. */
const closeMs = 2000;

// One port for gRPC and plain HTTP: the first bytes of a connection tell which it is, as HTTP/2 opens with a fixed preface.
// Bounded in connections and in the time a client may take to say its first words. Knows nothing of what is served.

import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Socket } from 'node:net';
import type { GrpcCarrier } from './grpc-js.ts';

export interface BindOptions {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly connectionsMax: number;
}

export interface ServeOptions {
  readonly grpc: GrpcCarrier;
  readonly http: RequestListener;
  /** A connection that has not said enough by then, preface or whole HTTP/1.1 head, is closed. */
  readonly firstWordsMs: number;
}

/** A port that is ours. Connections are taken from the start, and wait until somebody serves them. */
export interface BoundPort {
  readonly host: string;
  readonly port: number;
  serve(options: ServeOptions): void;
  /** Takes no more connections, lets calls in flight end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Rejects with the error of `listen` (`EADDRINUSE`, `EACCES`, …) when the port cannot be had. */
export function bindPort({ host, port: wanted, connectionsMax }: BindOptions): Promise<BoundPort> {
  const sockets = new Set<Socket>();
  let serving: { readonly options: ServeOptions; readonly plain: PlainHttp } | undefined;
  const take = (socket: Socket): void => {
    if (serving === undefined) return;
    const { options, plain } = serving;
    sniff(socket, options.firstWordsMs, (isHttp2) => {
      if (isHttp2) options.grpc.inject(socket);
      else plain.take(socket);
    });
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A connection that breaks concerns its own calls only, and they are told by their carrier.
    socket.on('error', () => socket.destroy());
    take(socket);
  });
  server.maxConnections = connectionsMax;

  const serve = (options: ServeOptions): void => {
    serving = { options, plain: new PlainHttp(options.http, options.firstWordsMs) };
    for (const socket of [...sockets]) take(socket);
  };
  const close = (graceMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cutAll = (): void => {
        for (const socket of sockets) socket.destroy();
      };
      const cut = setTimeout(cutAll, graceMs);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      if (serving === undefined) return cutAll();
      serving.plain.closeIdle();
      serving.options.grpc.drain(graceMs);
    });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, host, () => {
      server.off('error', reject);
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      resolve({ host, port, serve, close });
    });
  });
}

/** Reads until the preface is whole or cannot be one any more, puts the bytes back and tells which. */
function sniff(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const onReadable = (): void => {
    for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read()) {
      seen = Buffer.concat([seen, chunk]);
    }
    const compared = Math.min(seen.length, preface.length);
    const agrees = seen.subarray(0, compared).equals(preface.subarray(0, compared));
    if (agrees && seen.length < preface.length) return;
    settle();
    socket.unshift(seen);
    decide(agrees);
  };
  const onEnd = (): void => {
    settle();
    socket.destroy();
  };
  const settle = (): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.off('close', settle);
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
  socket.on('close', settle);
}

/** A server without a port of its own. Node watches heads and idle connections only where it listens itself, so this does. */
class PlainHttp {
  readonly #server: ReturnType<typeof createHttpServer>;
  readonly #headMs: number;
  /** Connections between requests, with the timer that ends the wait for the next head. */
  readonly #idle = new Map<Socket, NodeJS.Timeout>();
  #closing = false;

  constructor(serve: RequestListener, headMs: number) {
    this.#headMs = headMs;
    this.#server = createHttpServer((request, response) => {
      this.#leave(request.socket);
      response.on('close', () => this.#wait(request.socket));
      if (this.#closing) response.setHeader('connection', 'close');
      serve(request, response);
    });
  }

  take(socket: Socket): void {
    socket.on('close', () => this.#leave(socket));
    this.#wait(socket);
    this.#server.emit('connection', socket);
  }

  closeIdle(): void {
    this.#closing = true;
    for (const socket of [...this.#idle.keys()]) socket.destroy();
  }

  #wait(socket: Socket): void {
    this.#leave(socket);
    if (socket.destroyed) return;
    this.#idle.set(
      socket,
      setTimeout(() => socket.destroy(), this.#headMs),
    );
  }

  #leave(socket: Socket): void {
    clearTimeout(this.#idle.get(socket));
    this.#idle.delete(socket);
  }
}

// Byte streams over TCP. An address is the UTF-8 text "host:port" (IPv6 hosts in brackets).

import net from 'node:net';
import type { Cancel, Completion, Done } from '@kontiki/raft';
import type { Connection, ConnectionHandler, Network } from '../network.ts';
import { decodeUtf8, encodeUtf8 } from '../utf8.ts';

/** Bytes in the socket's buffer above which `write` asks to wait. */
const writeBufferBytesMax = 1024 * 1024;
const keepAliveDelayMs = 10_000;

export interface TcpOptions {
  readonly host: string;
  /** 0 takes a free port; `TcpNetwork.port` tells which. */
  readonly port: number;
}

export class TcpNetwork implements Network {
  readonly host: string;
  readonly port: number;
  readonly #server: net.Server;
  #accept: ((connection: Connection) => void) | undefined;

  private constructor(server: net.Server, host: string, port: number) {
    this.#server = server;
    this.host = host;
    this.port = port;
    server.on('connection', (socket) => {
      if (this.#accept === undefined) socket.destroy();
      else this.#accept(new TcpConnection(socket));
    });
    // A failed accept (out of descriptors) harms nobody who is connected; the peer tries again.
    server.on('error', () => {});
  }

  /** Binds the port; rejects with a sentence that names it. */
  static bind({ host, port }: TcpOptions): Promise<TcpNetwork> {
    const server = net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs });
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
        reject(new Error(`cannot listen for peers on ${host}:${port}: ${why}`, { cause }));
      });
      server.listen({ host, port }, () => {
        server.removeAllListeners('error');
        const address = server.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve(new TcpNetwork(server, host, bound));
      });
    });
  }

  /** How others reach this member, if `host` is how they name this machine. */
  get address(): Uint8Array {
    return tcpAddress(this.host, this.port);
  }

  dial(address: Uint8Array, opened: Completion<Connection>): Cancel {
    return dialTcp(address, opened);
  }

  listen(accept: (connection: Connection) => void): void {
    this.#accept = accept;
  }

  close(done: Done): void {
    this.#accept = undefined;
    if (!this.#server.listening) {
      setImmediate(() => done(undefined));
      return;
    }
    // Waits for nobody: connections are closed by whoever holds them.
    this.#server.close();
    setImmediate(() => done(undefined));
  }
}

/** Connects without listening: for a process that only asks. */
export function dialTcp(address: Uint8Array, opened: Completion<Connection>): Cancel {
  const target = parseTcpAddress(address);
  if (target === undefined) {
    const text = JSON.stringify(decodeUtf8(address) ?? 'not UTF-8');
    setImmediate(() => opened({ kind: 'failed', error: new Error(`${text} is not host:port`) }));
    return () => {};
  }
  const socket = net.connect({
    ...target,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveDelayMs,
  });
  const onError = (error: Error): void => opened({ kind: 'failed', error });
  socket.once('error', onError);
  socket.once('connect', () => {
    socket.off('error', onError);
    opened({ kind: 'done', value: new TcpConnection(socket) });
  });
  return () => {
    if (!socket.connecting) return;
    socket.off('error', onError);
    socket.on('error', () => {});
    socket.destroy();
  };
}

export function tcpAddress(host: string, port: number): Uint8Array {
  return encodeUtf8(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

function parseTcpAddress(address: Uint8Array): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(decodeUtf8(address) ?? '');
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

class TcpConnection implements Connection {
  readonly remote: string;
  readonly #socket: net.Socket;
  #isCorked = false;
  #problem = 'the other side closed the connection';

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remote = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
  }

  start(handler: ConnectionHandler): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Uint8Array) => handler.data(chunk));
    socket.on('drain', () => handler.drained());
    socket.on('error', (error) => {
      this.#problem = error.message;
    });
    socket.on('close', () => handler.closed(this.#problem));
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!this.#isCorked) {
      // What one turn writes leaves in one system call.
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    socket.write(bytes);
    return socket.writableLength < writeBufferBytesMax;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    socket.end();
    // Who does not read the farewell is not waited for.
    setTimeout(() => socket.destroy(), farewellMs).unref();
  }

  destroy(): void {
    this.#problem = 'the connection was closed here';
    this.#socket.destroy();
  }
}

const farewellMs = 1000;

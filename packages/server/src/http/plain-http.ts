// HTTP/1.1 without a port of its own: on sockets that somebody else has accepted, and has read from. Node watches heads and
// idle connections only where it listens itself, so this does.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';

export class PlainHttp {
  readonly #server: Server;
  readonly #headMs: number;
  /** Connections between requests, with the timer that ends the wait for the next head. */
  readonly #idle = new Map<Socket, NodeJS.Timeout>();
  #closing = false;

  /** A connection that has not said a whole head within `headMs` is closed. */
  constructor(serve: RequestListener, headMs: number) {
    this.#headMs = headMs;
    this.#server = createServer((request, response) => {
      this.#leave(request.socket);
      response.on('close', () => this.#wait(request.socket));
      if (this.#closing) response.setHeader('connection', 'close');
      serve(request, response);
    });
  }

  /** `socket` is paused; `first` is what was read from it. */
  take(socket: Socket, first: Buffer): void {
    socket.on('close', () => this.#leave(socket));
    this.#wait(socket);
    socket.unshift(first);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** Closes connections between requests, and the others after the answer they wait for. */
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

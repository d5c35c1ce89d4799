// Damaged sessions over real sockets, several at a time, by clients that read, do not read, leave with a word or without.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { GrpcServer } from '../../src/index.ts';
import { echoRouter } from '../echo-service.ts';
import { createRandom, type Random } from '../random.ts';
import { damage, drawSession } from './session.ts';

const atOnce = 8;
const lingerMs = 30;
const goneMs = 10_000;

export class FuzzedServer {
  readonly #server: GrpcServer;
  readonly #faults: unknown[] = [];
  #port = 0;

  constructor() {
    this.#server = new GrpcServer({
      router: echoRouter,
      handshakeMs: 500,
      limits: { openingMs: 500, blockMs: 500, stallMs: 500 },
      keepalive: { intervalMs: 500, timeoutMs: 500 },
      onEvent: (event) => {
        if (event.kind === 'connection' && event.event.kind === 'fault') this.#faults.push(event.event.error);
      },
    });
  }

  async start(): Promise<void> {
    ({ port: this.#port } = await this.#server.listen({ host: '127.0.0.1', port: 0 }));
  }

  /** Sessions of the seeds from `seed` on; returns how many. Throws when something fails, or is left behind. */
  async play(seed: number): Promise<number> {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => this.#session(createRandom(seed + index))));
    for (const end = Date.now() + goneMs; this.#server.connections > 0; await passed(2)) {
      assert.ok(Date.now() < end, `${this.#server.connections} connections are left`);
    }
    if (this.#faults.length > 0) throw this.#faults[0];
    return atOnce;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #session(random: Random): Promise<void> {
    const bytes = damage(random, drawSession(random), drawSession(random));
    const socket = connect(this.#port, '127.0.0.1');
    const gone = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => undefined);
    if (random.chance(0.7)) socket.resume();
    await send(random, socket, bytes);
    if (random.chance(0.3)) await passed(lingerMs);
    if (random.chance(0.5)) socket.end();
    else socket.destroy();
    socket.resume();
    await gone;
  }
}

async function send(random: Random, socket: Socket, bytes: Buffer): Promise<void> {
  const pieces = random.chance(0.5) ? 1 : 1 + random.below(20);
  for (let piece = 0; piece < pieces && !socket.destroyed; piece++) {
    const [start, end] = [piece, piece + 1].map((number) => Math.floor((number * bytes.length) / pieces));
    socket.write(bytes.subarray(start, end));
    if (pieces > 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

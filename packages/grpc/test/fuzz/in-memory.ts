// One damaged session against a connection in memory and in virtual time. Whatever the bytes were, nothing of ours fails, and
// when the connection is gone nothing of it is left.

import assert from 'node:assert/strict';
import { createDispatch } from '../../src/calls/dispatch.ts';
import { Unzipping } from '../../src/calls/unzipping.ts';
import { MemoryBudget } from '../../src/connection/memory.ts';
import type { RequestHandler } from '../../src/connection/stream.ts';
import { RpcError } from '../../src/index.ts';
import { Client, fieldsOf } from '../client.ts';
import { echoRouter } from '../echo-service.ts';
import type { Random } from '../random.ts';
import { damage, drawSession } from './session.ts';

const pieceBytesMax = 3000;
/** Little enough for some sessions to come to its end. */
const memoryBytes = 200_000;

/** Without gRPC on top of it: requests are answered at random. Returns whether the connection was ended by an offence. */
export function playRaw(random: Random): boolean {
  const memory = new MemoryBudget(memoryBytes);
  const client = new Client({ memory });
  client.takes = random.chance(0.5);
  deliver(random, client, () => {
    for (const { stream } of client.requests) {
      if (random.chance(0.1)) stream.write(Buffer.alloc(5), random.bytes(random.below(2000)));
      if (random.chance(0.1)) stream.end(fieldsOf([['grpc-status', '0']]), false);
      if (random.chance(0.05)) stream.release();
      if (random.chance(0.02)) stream.reset(8);
    }
  });
  const ended = leave(random, client);
  for (const { stream, cancelled } of client.requests) {
    stream.release();
    assert.ok(cancelled.length <= 1, 'a call was cancelled twice');
  }
  checkNothingLeft(client, memory);
  return ended;
}

/** With the services of the tests on top of it. */
export async function playCalls(random: Random): Promise<boolean> {
  let client: Client | undefined;
  const finished: string[] = [];
  const handler: RequestHandler = createDispatch(echoRouter, {
    peer: 'peer:1',
    clock: {
      now: () => client?.time.now() ?? 0,
      after: (milliseconds, call) => client?.time.after(milliseconds, call) ?? (() => undefined),
      soon: (call) => client?.time.soon(call),
      date: () => client?.time.now() ?? 0,
    },
    limits: { receiveBytesMax: 100_000, sendBytesMax: 1_000_000, gzipBytesMin: 100 },
    unzipLine: new Unzipping(100_000).line(),
    toStatus: (_path, error) => (error instanceof RpcError ? error : { code: 2, message: String(error) }),
    onFinished: (path) => finished.push(path),
  });
  const memory = new MemoryBudget(memoryBytes);
  client = new Client({ handler, memory });
  for (const step of steps(random, client)) {
    step();
    // Handlers are promises.
    if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
  }
  const ended = leave(random, client);
  // Unzipping takes a thread.
  for (let turn = 0; client.connection.calls > 0 && turn < 100_000; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  checkNothingLeft(client, memory);
  return ended;
}

function deliver(random: Random, client: Client, between: () => void): void {
  for (const step of steps(random, client)) {
    step();
    between();
  }
}

/** The session in pieces; in between, time passes, and the wire is slow for a while. */
function* steps(random: Random, client: Client): Generator<() => void> {
  const bytes = damage(random, drawSession(random), drawSession(random));
  const small = random.chance(0.5);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(small ? 200 : pieceBytesMax);
    const piece = bytes.subarray(at, end);
    at = end;
    yield () => {
      if (random.chance(0.05)) client.waiting = random.chance(0.5) ? 0 : 1_000_000;
      if (client.paused && random.chance(0.5)) {
        client.waiting = 0;
        client.connection.drained();
      }
      client.send(piece);
      client.frames();
      if (random.chance(0.1)) client.time.pass(random.below(5000));
    };
  }
}

/** In any of the ways in which a connection ends. */
function leave(random: Random, client: Client): boolean {
  const ended = client.closed;
  switch (random.below(4)) {
    case 0:
      client.connection.drain(random.below(3000));
      client.time.pass(10_000);
      break;
    case 1:
      client.connection.close(0, 'enough');
      break;
    case 2:
      client.time.pass(60_000);
      break;
    default:
  }
  client.connection.lost();
  return ended;
}

function checkNothingLeft(client: Client, memory: MemoryBudget): void {
  const faults = client.events.flatMap((event) => (event.kind === 'fault' ? [event.error] : []));
  if (faults.length > 0) throw faults[0];
  assert.equal(client.connection.calls, 0, 'calls are left');
  assert.equal(client.connection.queuedBytes, 0, 'bytes are left');
  assert.equal(memory.bytes, 0, 'memory is counted that is not held');
  assert.equal(client.connection.line, 0, 'streams are left in the line');
  client.time.pass(100_000);
  assert.equal(client.time.pending, 0, 'timers are left');
}

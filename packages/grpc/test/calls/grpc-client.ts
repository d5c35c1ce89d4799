// A client of gRPC at the level of bytes, and a server for it in the same memory.

import { createDispatch } from '../../src/calls/dispatch.ts';
import type { Method } from '../../src/calls/handler.ts';
import type { CallContext } from '../../src/calls/server-call.ts';
import { Unzipping } from '../../src/calls/unzipping.ts';
import type { ConnectionLimits } from '../../src/connection/limits.ts';
import { MemoryBudget } from '../../src/connection/memory.ts';
import { frameType } from '../../src/frames/frame.ts';
import { createRouter, RpcError } from '../../src/index.ts';
import { Client, data, greeting, requestRows } from '../client.ts';

export type Rows = readonly (readonly [string, string])[];

export class GrpcClient extends Client {
  #nextStream = 1;

  /** HEADERS, and then the bytes as DATA with the end. */
  call(bytes: Uint8Array, rows: Rows = requestRows): number {
    const streamId = this.begin(rows);
    this.send(data(streamId, bytes, true));
    return streamId;
  }

  begin(rows: Rows = requestRows): number {
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    this.send(this.headers(streamId, { rows }));
    return streamId;
  }

  /** Head, messages and trailers of the answers since the last time, as lines; `whole`: when all calls have ended. */
  async answer(whole = true): Promise<readonly string[]> {
    // Handlers are promises, and unzipping takes a thread.
    for (let turn = 0; turn < 5 || (whole && this.connection.calls > 0 && turn < 100_000); turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const lines: string[] = [];
    for (const { type, payload, streamId } of this.frames()) {
      if (type === frameType.data) lines.push(`data ${payload.toString('hex')}`);
      else if (type === frameType.rstStream) lines.push(`reset ${payload.readUInt32BE(0)}`);
      else if (type === frameType.headers) {
        const { fields } = this.decoder.decode(payload, 0, payload.length);
        lines.push(...fields.map(({ name, value }) => `${name}: ${value}`));
      } else lines.push(`frame ${type} on ${streamId}`);
    }
    return lines;
  }
}

/** Of one connection, at once. */
export const unzippedBytesMax = 2000;

export function serve(
  methods: Readonly<Record<string, Method>>,
  limits: Partial<CallContext['limits']> = {},
  memory = new MemoryBudget(2 ** 30),
  connectionLimits: Partial<ConnectionLimits> = {},
): GrpcClient {
  let client: GrpcClient | undefined;
  const context: CallContext = {
    peer: 'peer:1',
    clock: {
      now: () => client?.time.now() ?? 0,
      after: (milliseconds, call) => client?.time.after(milliseconds, call) ?? (() => undefined),
      soon: (call) => client?.time.soon(call),
      date: () => 1_000_000 + (client?.time.now() ?? 0),
    },
    limits: { receiveBytesMax: 1000, sendBytesMax: 2000, gzipBytesMin: 50, ...limits },
    unzipLine: new Unzipping(unzippedBytesMax).line(),
    toStatus: (_path, error) => (error instanceof RpcError ? error : { code: 2, message: String(error) }),
    onFinished: undefined,
  };
  const handler = createDispatch(createRouter([{ name: 'test.Service', methods }]), context);
  // A call may take weeks.
  client = new GrpcClient({ handler, memory, limits: connectionLimits, keepalive: { intervalMs: 0 } });
  client.send(greeting);
  client.frames();
  return client;
}

export const message = (bytes: Uint8Array | string, compressed = 0): Buffer => {
  const body = Buffer.from(bytes);
  const head = Buffer.from([compressed, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
};
export const withRows = (...rows: Rows): Rows => [...requestRows, ...rows];
export const replacing = (name: string, value: string): Rows =>
  requestRows.map(([other, old]) => [other, other === name ? value : old] as const);

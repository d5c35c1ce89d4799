// A client at the byte level: frames by hand, a pair in memory, virtual time.

import { Connection } from '../src/connection/connection.ts';
import type { ConnectionEvent } from '../src/connection/events.ts';
import { defaultKeepalive, type KeepaliveOptions } from '../src/connection/keepalive.ts';
import { type ConnectionLimits, defaultLimits } from '../src/connection/limits.ts';
import { MemoryBudget } from '../src/connection/memory.ts';
import { clientPreface } from '../src/connection/preface.ts';
import type { RequestHead } from '../src/connection/request-head.ts';
import type { RequestHandler, Stream, StreamListener } from '../src/connection/stream.ts';
import type { Wire } from '../src/connection/wire.ts';
import { flag, frameType } from '../src/frames/frame.ts';
import { FrameReader } from '../src/frames/frame-reader.ts';
import { ChunkPool } from '../src/frames/frame-writer.ts';
import { Decoder } from '../src/hpack/decoder.ts';
import { Encoder } from '../src/hpack/encoder.ts';
import { HeaderField } from '../src/hpack/header-field.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A frame by its numbers; the payload as bytes or hex. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload.replace(/\s/g, ''), 'hex') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export const settings = (...rows: readonly (readonly [id: number, value: number])[]): Buffer => {
  const payload = Buffer.alloc(rows.length * 6);
  for (const [index, [id, value]] of rows.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
};
export const settingsAck: Buffer = frame(frameType.settings, flag.ack, 0);
/** What a client says first, all of it. */
export const greeting: Buffer = Buffer.concat([clientPreface, settings(), settingsAck]);
export const windowUpdate = (streamId: number, increment: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(frameType.windowUpdate, 0, streamId, payload);
};
export const rstStream = (streamId: number, code: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(frameType.rstStream, 0, streamId, payload);
};
export const data = (streamId: number, payload: Uint8Array | string, endStream = false): Buffer =>
  frame(frameType.data, endStream ? flag.endStream : 0, streamId, payload);

export const fieldsOf = (rows: readonly (readonly [string, string])[]): readonly HeaderField[] =>
  rows.map(([name, value]) => new HeaderField(name, value));

export const requestRows: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/test.Service/Method'],
  [':authority', 'localhost'],
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
];

export const without = (name: string): typeof requestRows => requestRows.filter(([other]) => other !== name);

/** What a handler saw of one request, and the stream to answer on. */
export interface SeenRequest {
  readonly head: RequestHead;
  readonly stream: Stream;
  readonly received: Buffer[];
  ended: boolean;
  rooms: number;
  finished: boolean;
  readonly cancelled: (number | undefined)[];
}

export class Client {
  readonly time = new VirtualTime();
  readonly connection: Connection;
  readonly requests: SeenRequest[] = [];
  readonly oversized: Stream[] = [];
  readonly events: ConnectionEvent[] = [];
  readonly encoder = new Encoder({ tableSizeMax: 4096 });
  readonly decoder = new Decoder({ tableSizeMax: 4096, listSizeMax: 65_536 });
  /** Whether DATA is reported as taken at once. */
  takes = true;
  /** Whether work ends with its call. */
  releases = false;
  /** What the wire says of bytes written. */
  waiting = 0;
  ended = false;
  destroyed = false;
  paused = false;
  closed = false;
  #frames: SeenFrame[] = [];
  writes = 0;
  readonly #reader: FrameReader;

  constructor(
    options: {
      readonly limits?: Partial<ConnectionLimits>;
      readonly keepalive?: Partial<KeepaliveOptions>;
      readonly handler?: RequestHandler;
      /** Shared with other clients. */
      readonly memory?: MemoryBudget;
      /** MAX_FRAME_SIZE of this client, once it has said so. */
      readonly frameBytesMax?: number;
    } = {},
  ) {
    this.#reader = new FrameReader(options.frameBytesMax ?? 16_384, (type, flags, streamId, bytes, start, end) => {
      this.#frames.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
    });
    const wire: Wire = {
      write: (buffers, done) => {
        this.writes += 1;
        for (const buffer of buffers) this.#reader.read(Buffer.from(buffer));
        this.time.soon(done);
        return this.waiting;
      },
      end: () => {
        this.ended = true;
      },
      destroy: () => {
        this.destroyed = true;
      },
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
    };
    this.connection = new Connection({
      wire,
      scheduler: this.time,
      limits: { ...defaultLimits, ...options.limits },
      keepalive: { ...defaultKeepalive, ...options.keepalive },
      handler: options.handler ?? {
        open: (head, stream, ended) => this.#open(head, stream, ended),
        oversized: (stream) => {
          this.oversized.push(stream);
          stream.respondAndEnd(fieldsOf([[':status', '431']]), false);
        },
        starved: (stream) => stream.respondAndEnd(fieldsOf([[':status', '503']]), false),
      },
      pool: new ChunkPool(),
      memory: options.memory ?? new MemoryBudget(2 ** 40),
      onEvent: (event) => this.events.push(event),
      onClosed: () => {
        this.closed = true;
      },
    });
  }

  /** Past preface and SETTINGS both ways. */
  static greeted(options: ConstructorParameters<typeof Client>[0] = {}): Client {
    const client = new Client(options);
    client.send(greeting);
    client.frames();
    return client;
  }

  /** Sends in one chunk, and lets the turn end. */
  send(...frames: readonly Buffer[]): void {
    this.connection.receive(Buffer.concat(frames));
    this.time.turn();
  }

  /** A request's HEADERS. */
  headers(
    streamId: number,
    {
      rows = requestRows,
      endStream = false,
    }: { rows?: readonly (readonly [string, string])[]; endStream?: boolean } = {},
  ): Buffer {
    const block = this.encoder.encode(fieldsOf(rows));
    return frame(frameType.headers, flag.endHeaders | (endStream ? flag.endStream : 0), streamId, block);
  }

  /** The frames that came since the last time. */
  frames(): readonly SeenFrame[] {
    this.time.turn();
    const seen = this.#frames;
    this.#frames = [];
    return seen;
  }

  /** Those frames in words: `HEADERS 1`, `RST_STREAM 1 CANCEL`. */
  words(): readonly string[] {
    return this.frames().map(wordOf);
  }

  /** Bytes of DATA on one stream since the last time. */
  dataOf(streamId: number): Buffer {
    return Buffer.concat(
      this.frames()
        .filter((seen) => seen.type === frameType.data && seen.streamId === streamId)
        .map(({ payload }) => payload),
    );
  }

  #open(head: RequestHead, stream: Stream, ended: boolean): StreamListener {
    const seen: SeenRequest = { head, stream, received: [], ended, rooms: 0, finished: false, cancelled: [] };
    this.requests.push(seen);
    return {
      data: (bytes, start, end) => {
        seen.received.push(bytes.subarray(start, end));
        if (this.takes) stream.taken(end - start);
      },
      requestEnded: () => {
        seen.ended = true;
      },
      room: () => {
        seen.rooms += 1;
      },
      starved: () => stream.respondAndEnd(fieldsOf([[':status', '503']]), false),
      finished: () => {
        seen.finished = true;
        if (this.releases) stream.release();
      },
      cancelled: (code) => {
        seen.cancelled.push(code);
        if (this.releases) stream.release();
      },
    };
  }
}

const typeNames = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
];
const codeNames = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
];

function wordOf({ type, flags, streamId, payload }: SeenFrame): string {
  const name = `${typeNames[type]}`;
  if (type === frameType.rstStream) return `${name} ${streamId} ${codeNames[payload.readUInt32BE(0)]}`;
  if (type === frameType.goaway) return `${name} ${payload.readUInt32BE(0)} ${codeNames[payload.readUInt32BE(4)]}`;
  if (type === frameType.windowUpdate) return `${name} ${streamId} ${payload.readUInt32BE(0)}`;
  if (type === frameType.settings || type === frameType.ping) return (flags & flag.ack) !== 0 ? `${name} ack` : name;
  const end = (type === frameType.data || type === frameType.headers) && (flags & flag.endStream) !== 0;
  return `${name} ${streamId}${type === frameType.data ? ` ${payload.length}` : ''}${end ? ' end' : ''}`;
}

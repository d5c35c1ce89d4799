// gRPC to one endpoint, as much of it as the commands need, on node:http2: calls with a deadline, streams of messages, and how
// they ended. Bytes in and out; knows neither protobuf nor etcd.

import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { grpcCode, RpcError } from '@kontiki/grpc';
import { framed, MessageCutter } from './messages.ts';
import { type EndOfCall, silentEnd, statusOf } from './trailers.ts';

/** Messages that come. Ends with `RpcError` when the call does not end well; leaving the iteration cancels the call. */
export interface RpcStream extends AsyncIterable<Uint8Array> {
  send(message: Uint8Array): void;
  /** Nothing more will be sent. */
  halfClose(): void;
}

export class Channel {
  readonly endpoint: string;
  #session: ClientHttp2Session | undefined;
  #opening: Promise<void> | undefined;

  /** `host:port`. Connects when it is asked to. */
  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  /** Rejects as soon as nobody takes the connection, and when nobody speaks HTTP/2 on it within `timeoutMs`. */
  async connected(timeoutMs: number): Promise<void> {
    if (this.#isLive()) return;
    this.#opening ??= this.#open(timeoutMs).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** After `connected`. Rejects with `RpcError`. */
  async unary(path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const stream = this.stream(path, timeoutMs);
    stream.send(request);
    stream.halfClose();
    let answer: Uint8Array | undefined;
    for await (const message of stream) answer ??= message;
    if (answer === undefined) throw new RpcError(grpcCode.internal, `${this.endpoint} answered nothing`);
    return answer;
  }

  /** After `connected`. Without a deadline it lasts until either side ends it. */
  stream(path: string, timeoutMs?: number): RpcStream {
    const session = this.#session;
    if (session === undefined || !this.#isLive()) {
      throw new RpcError(grpcCode.unavailable, `the connection to ${this.endpoint} was lost`);
    }
    const request = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kontiki',
      ...(timeoutMs === undefined ? {} : { 'grpc-timeout': `${timeoutMs}m` }),
    });
    return new Exchange(session, request, timeoutMs);
  }

  close(): void {
    this.#session?.destroy();
  }

  #isLive(): boolean {
    return this.#opening === undefined && this.#session?.closed === false && !this.#session.destroyed;
  }

  #open(timeoutMs: number): Promise<void> {
    const session = connect(`http://${this.endpoint}`);
    this.#session = session;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => session.destroy(), timeoutMs);
      // Whoever only takes connections, as a stopped process does, is nobody.
      session.once('remoteSettings', () => {
        clearTimeout(timer);
        resolve();
      });
      session.once('close', () => {
        clearTimeout(timer);
        reject(new RpcError(grpcCode.unavailable, `nobody answers at ${this.endpoint}`));
      });
      // Its calls are told by their streams.
      session.on('error', () => undefined);
    });
  }
}

class Exchange implements RpcStream {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #ended: EndOfCall | undefined;

  constructor(session: ClientHttp2Session, stream: ClientHttp2Stream, timeoutMs: number | undefined) {
    this.#session = session;
    this.#stream = stream;
    stream.on('response', (headers) => {
      this.#ended ??= statusOf(headers);
    });
    stream.on('trailers', (headers) => {
      this.#ended ??= statusOf(headers);
    });
    // How it ended is asked when it has.
    stream.on('error', () => undefined);
    if (timeoutMs !== undefined) {
      const timer = setTimeout(() => {
        this.#ended ??= { code: grpcCode.deadlineExceeded, message: `no answer within ${timeoutMs} ms` };
        this.#cancel();
      }, timeoutMs);
      stream.on('close', () => clearTimeout(timer));
    }
  }

  send(message: Uint8Array): void {
    this.#stream.write(framed(message));
  }

  halfClose(): void {
    this.#stream.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const messages = new MessageCutter();
    let end: EndOfCall;
    try {
      yield* this.#messages(messages);
      end = this.#ended ?? silentEnd(this.#stream.rstCode, this.#session);
    } finally {
      this.#cancel();
    }
    const { code, message } = end;
    if (code !== grpcCode.ok) throw new RpcError(code, message);
    if (!messages.isBetween) throw new RpcError(grpcCode.internal, 'the answer ends within a message');
  }

  async *#messages(messages: MessageCutter): AsyncGenerator<Uint8Array> {
    const chunks: AsyncIterator<Buffer> = this.#stream[Symbol.asyncIterator]();
    for (;;) {
      // An error of the stream is its end; what it means, its code says.
      const next = await chunks.next().catch(() => ({ done: true }) as const);
      if (next.done === true) return;
      yield* messages.cut(next.value);
    }
  }

  #cancel(): void {
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }
}

// A stream of messages on either side, or both.

import type { Stream, StreamListener } from '../connection/stream.ts';
import type { RequestListener, ResponseStream, StreamHandler } from './handler.ts';
import { Incoming, type MessageTaker } from './incoming.ts';
import type { ServerCall } from './server-call.ts';
import type { Status } from './status.ts';

export class StreamingCall implements StreamListener, MessageTaker, ResponseStream {
  readonly #call: ServerCall;
  readonly #stream: Stream;
  readonly #incoming: Incoming;
  readonly #drainListeners: (() => void)[] = [];
  #listener: RequestListener | undefined;
  #closed = false;

  constructor(call: ServerCall, stream: Stream, encoding: string, receiveBytesMax: number) {
    this.#call = call;
    this.#stream = stream;
    this.#incoming = new Incoming(stream, encoding, receiveBytesMax, this);
  }

  /** Once, before anything arrives. */
  open(handler: StreamHandler): void {
    try {
      this.#listener = handler(this.#call, this);
    } catch (error: unknown) {
      this.#call.failWith(error);
    }
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#incoming.push(bytes, start, end);
  }

  requestEnded(): void {
    this.#incoming.end();
  }

  room(): void {
    for (const listener of this.#drainListeners) listener();
  }

  finished(): void {
    this.#leave();
  }

  cancelled(): void {
    this.#call.cancel();
    this.#leave();
  }

  message(bytes: Buffer): void | Promise<void> {
    return this.#call.isOver ? undefined : this.#listener?.message(bytes);
  }

  ended(): void {
    if (this.#call.isOver) return;
    try {
      this.#listener?.halfClose();
    } catch (error: unknown) {
      this.#call.failWith(error);
    }
  }

  refused(status: Status): void {
    this.#call.fail(status);
  }

  threw(error: unknown): void {
    this.#call.failWith(error);
  }

  write(message: Uint8Array): boolean {
    return this.#call.write(message);
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener);
  }

  end(): void {
    this.#call.end();
  }

  fail(error: Status): void {
    this.#call.fail(error);
  }

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#incoming.stop();
    this.#listener?.closed();
    this.#stream.release();
  }
}

// A stream of messages on either side, or both.

import type { Stream, StreamListener } from '../connection/stream.ts';
import type { RequestListener, ResponseStream, StreamHandler } from './handler.ts';
import { Incoming, type MessageTaker } from './incoming.ts';
import type { ServerCall } from './server-call.ts';
import { outOfMemory, type Status } from './status.ts';

export class StreamingCall implements StreamListener, MessageTaker, ResponseStream {
  readonly #call: ServerCall;
  readonly #stream: Stream;
  /** Once something has come: there may be tens of thousands of streams that say nothing. */
  #incoming: Incoming | undefined;
  readonly keeps = false;
  #drainListeners: (() => void)[] | undefined;
  #listener: RequestListener | undefined;
  #hasRoom = true;
  #onRoom: (() => void) | undefined;
  #closed = false;

  constructor(call: ServerCall, stream: Stream) {
    this.#call = call;
    this.#stream = stream;
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
    this.#incoming ??= new Incoming(this.#stream, this.#call.incomingOptions, this);
    this.#incoming.push(bytes, start, end);
  }

  requestEnded(): void {
    if (this.#incoming === undefined) this.ended();
    else this.#incoming.end();
  }

  room(): void {
    this.#hasRoom = true;
    this.#onRoom?.();
    for (const listener of this.#drainListeners ?? []) listener();
  }

  starved(): void {
    this.#call.fail(outOfMemory);
  }

  finished(): void {
    this.#leave();
  }

  cancelled(): void {
    this.#call.cancel();
    this.#leave();
  }

  message(bytes: Buffer): void | Promise<void> {
    if (this.#call.isOver) return undefined;
    const taken = this.#listener?.message(bytes);
    if (this.#hasRoom) return taken;
    // A service that writes on regardless hears no more requests until the client has read: otherwise a client that asks
    // and does not read could make us hold answers without end.
    const room = new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
    return taken === undefined ? room : taken.then(() => room);
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
    this.#hasRoom = this.#call.write(message);
    return this.#hasRoom;
  }

  onDrain(listener: () => void): void {
    this.#drainListeners ??= [];
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
    this.#incoming?.stop();
    this.#listener?.closed();
    if (this.#incoming === undefined) this.#stream.release();
    else this.#incoming.release();
  }
}

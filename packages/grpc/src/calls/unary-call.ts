// One message, one answer.

import type { Stream, StreamListener } from '../connection/stream.ts';
import type { Answer, UnaryHandler } from './handler.ts';
import { Incoming, type IncomingOptions, type MessageTaker } from './incoming.ts';
import type { ServerCall } from './server-call.ts';
import { grpcCode, outOfMemory, type Status } from './status.ts';

export class UnaryCall implements StreamListener, MessageTaker {
  readonly #handle: UnaryHandler;
  readonly #call: ServerCall;
  readonly #incoming: Incoming;
  /** The request is held until the call is over, and its window with it: that bounds what a client can have held. */
  readonly keeps = true;
  #request: Buffer | undefined;
  #working = false;

  constructor(handle: UnaryHandler, call: ServerCall, stream: Stream, options: IncomingOptions) {
    this.#handle = handle;
    this.#call = call;
    this.#incoming = new Incoming(stream, options, this);
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#incoming.push(bytes, start, end);
  }

  requestEnded(): void {
    this.#incoming.end();
  }

  room(): void {}

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

  message(bytes: Buffer): void {
    if (this.#request === undefined) this.#request = bytes;
    else this.refused({ code: grpcCode.unimplemented, message: 'a unary call has one message, not several' });
  }

  ended(): void {
    const request = this.#request;
    if (request === undefined) {
      this.refused({ code: grpcCode.unimplemented, message: 'a unary call has one message, not none' });
      return;
    }
    if (this.#call.isOver) return;
    this.#working = true;
    let answer: Promise<Answer>;
    try {
      answer = Promise.resolve(this.#handle(request, this.#call));
    } catch (error: unknown) {
      answer = Promise.reject(error);
    }
    answer.then(
      (response) => this.#answer(response),
      (error: unknown) => this.#failWith(error),
    );
  }

  refused(status: Status): void {
    this.#call.fail(status);
  }

  threw(error: unknown): void {
    this.#call.failWith(error);
  }

  #answer(response: Answer): void {
    try {
      this.#call.answer(response);
      this.#call.end();
      this.#done();
    } catch (error: unknown) {
      this.#failWith(error);
    }
  }

  #failWith(error: unknown): void {
    this.#done();
    this.#call.failWith(error);
  }

  /** From here on nothing is done for the client any more, whether it still wanted it or not. */
  #done(): void {
    this.#working = false;
    this.#incoming.release();
  }

  #leave(): void {
    this.#incoming.stop();
    if (!this.#working) this.#incoming.release();
  }
}

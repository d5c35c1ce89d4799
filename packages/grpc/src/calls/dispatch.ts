// From a request to its method. What is no gRPC, or no method of ours, is answered here.

import type { RequestHead } from '../connection/request-head.ts';
import type { RequestHandler, Stream, StreamListener } from '../connection/stream.ts';
import { CallHead } from './call-head.ts';
import type { Router } from './handler.ts';
import { acceptedEncodings, httpStatusFields, plainHead, statusFields } from './response-fields.ts';
import { type CallContext, ServerCall } from './server-call.ts';
import { grpcCode, outOfMemory, type Status } from './status.ts';
import { StreamingCall } from './streaming-call.ts';
import { UnaryCall } from './unary-call.ts';

/** For a stream that was answered when it began. */
const deaf: StreamListener = {
  data: () => undefined,
  requestEnded: () => undefined,
  room: () => undefined,
  starved: () => undefined,
  finished: () => undefined,
  cancelled: () => undefined,
};

/** Of the body of a request that is no call, so much is waited for, … */
const heardBytesMax = 65_536;
/** … and so much may follow the answer. It is dropped as it comes. */
const droppedBytesMax = 1_048_576;

/**
 * A request that is no gRPC. It is answered when it has ended, or has become long: an answer before its end that comes with
 * a reset (§8.1) is taken for an error of the stream by some clients (curl 7.88), so the reset comes much later.
 */
export class NoCall implements StreamListener {
  readonly #stream: Stream;
  readonly #httpStatus: number;
  #bytes = 0;
  #isAnswered = false;

  constructor(stream: Stream, httpStatus: number) {
    this.#stream = stream;
    this.#httpStatus = httpStatus;
  }

  data(_bytes: Buffer, start: number, end: number): void {
    if (this.#isAnswered) return;
    this.#stream.taken(end - start);
    this.#bytes += end - start;
    if (this.#bytes > heardBytesMax) this.requestEnded();
  }

  requestEnded(): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#stream.hearOut(droppedBytesMax);
    this.#stream.release();
    this.#stream.respondAndEnd(httpStatusFields(this.#httpStatus), false);
  }

  room(): void {}

  starved(): void {
    this.requestEnded();
  }

  finished(): void {}

  cancelled(): void {
    this.#stream.release();
  }
}

export function createDispatch(router: Router, context: CallContext): RequestHandler {
  return {
    open: (head, stream, ended) => open(router, context, head, stream, ended),
    oversized: (stream) => {
      refuse(stream, { code: grpcCode.resourceExhausted, message: 'the header fields of the call are too large' });
    },
    starved: (stream) => refuse(stream, outOfMemory),
  };
}

function open(router: Router, context: CallContext, head: RequestHead, stream: Stream, ended: boolean): StreamListener {
  const callHead = CallHead.of(head, router);
  const { method, refusal, httpStatus } = callHead;
  if (httpStatus !== undefined) {
    const other = new NoCall(stream, httpStatus);
    if (ended) other.requestEnded();
    return other;
  }
  if (refusal !== undefined || method === undefined) {
    refuse(stream, refusal ?? router.unknown(head.path));
    return deaf;
  }
  const call = new ServerCall(context, head, callHead, stream);
  if (method.kind === 'unary') {
    const unary = new UnaryCall(method.handle, call, stream, call.incomingOptions);
    if (ended) unary.requestEnded();
    return unary;
  }
  const streaming = new StreamingCall(call, stream);
  streaming.open(method.open);
  if (ended && !call.isOver) streaming.requestEnded();
  return streaming;
}

function refuse(stream: Stream, status: Status): void {
  stream.release();
  stream.respondAndEnd([...plainHead, ...statusFields(status), acceptedEncodings], false);
}

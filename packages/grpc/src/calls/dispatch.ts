// From a request to its method. What is no gRPC, or no method of ours, is answered here.

import type { RequestHead } from '../connection/request-head.ts';
import type { RequestHandler, Stream, StreamListener } from '../connection/stream.ts';
import { CallHead } from './call-head.ts';
import type { Router } from './handler.ts';
import { acceptedEncodings, httpStatusFields, plainHead, statusFields } from './response-fields.ts';
import { type CallContext, ServerCall } from './server-call.ts';
import { grpcCode, type Status } from './status.ts';
import { StreamingCall } from './streaming-call.ts';
import { UnaryCall } from './unary-call.ts';

/** For a stream that was answered when it began. */
const deaf: StreamListener = {
  data: () => undefined,
  requestEnded: () => undefined,
  room: () => undefined,
  finished: () => undefined,
  cancelled: () => undefined,
};

export function createDispatch(router: Router, context: CallContext): RequestHandler {
  return {
    open: (head, stream, ended) => open(router, context, head, stream, ended),
    oversized: (stream) => {
      refuse(stream, { code: grpcCode.resourceExhausted, message: 'the header fields of the call are too large' });
    },
  };
}

function open(router: Router, context: CallContext, head: RequestHead, stream: Stream, ended: boolean): StreamListener {
  const callHead = CallHead.of(head, router);
  const { method, refusal, httpStatus, encoding } = callHead;
  if (httpStatus !== undefined) {
    stream.release();
    stream.respondAndEnd(httpStatusFields(httpStatus), false);
    return deaf;
  }
  if (refusal !== undefined || method === undefined) {
    refuse(stream, refusal ?? router.unknown(head.path));
    return deaf;
  }
  const { receiveBytesMax } = context.limits;
  const call = new ServerCall(context, head, callHead, stream);
  if (method.kind === 'unary') {
    const unary = new UnaryCall(method.handle, call, stream, encoding, receiveBytesMax);
    if (ended) unary.requestEnded();
    return unary;
  }
  const streaming = new StreamingCall(call, stream, encoding, receiveBytesMax);
  streaming.open(method.open);
  if (ended && !call.isOver) streaming.requestEnded();
  return streaming;
}

function refuse(stream: Stream, status: Status): void {
  stream.release();
  stream.respondAndEnd([...plainHead, ...statusFields(status), acceptedEncodings], false);
}

// What the head of a request means to gRPC. Worked out once per head: clients that say the same thing again, say it with
// the same object.

import type { RequestHead } from '../connection/request-head.ts';
import { readTimeout } from './grpc-timeout.ts';
import type { Method, Router } from './handler.ts';
import { grpcCode, RpcError, type Status } from './status.ts';

export class CallHead {
  /** Answered by this HTTP status alone: not gRPC at all. */
  readonly httpStatus: number | undefined;
  /** Refused before its method is looked at. */
  readonly refusal: Status | undefined;
  readonly method: Method | undefined;
  /** `Infinity` when there is none. */
  readonly timeoutMs: number;
  /** `grpc-encoding` of the request's messages; `identity` when there is none. */
  readonly encoding: string;
  /** Whether the answer may be gzipped. */
  readonly acceptsGzip: boolean;

  constructor(head: RequestHead, router: Router) {
    const value = (name: string): string | undefined => head.fields.find((field) => field.name === name)?.value;
    this.httpStatus = httpStatusOf(head.method, value('content-type'));
    const timeout = value('grpc-timeout');
    const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : readTimeout(timeout);
    this.timeoutMs = timeoutMs ?? 0;
    this.method = router.methods.get(head.path);
    this.encoding = value('grpc-encoding') ?? 'identity';
    this.acceptsGzip = (value('grpc-accept-encoding') ?? '').split(',').some((one) => one.trim() === 'gzip');
    if (timeoutMs === undefined) this.refusal = new RpcError(grpcCode.internal, `malformed grpc-timeout: ${timeout}`);
    else if (this.method === undefined) this.refusal = router.unknown(head.path);
    else this.refusal = undefined;
  }

  static of(head: RequestHead, router: Router): CallHead {
    if (head.note instanceof CallHead) return head.note;
    const read = new CallHead(head, router);
    head.note = read;
    return read;
  }
}

/** The protocol asks for POST, and for 415 where the content type is another. */
function httpStatusOf(method: string, contentType: string | undefined): number | undefined {
  if (method !== 'POST') return 405;
  return /^application\/grpc(?:$|[+;])/.test(contentType ?? '') ? undefined : 415;
}

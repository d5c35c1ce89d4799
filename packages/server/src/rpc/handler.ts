// What a service is to whatever carries it: method path, request bytes or a stream of them, response bytes or a stream of
// them. Services are written against this file only, so that the HTTP/2 beneath can be exchanged without touching them.

import type { RpcError } from './status.ts';

/** What a method may know of the call it serves. */
export interface Call {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** `address:port` of the client, for logs only. */
  readonly peer: string;
  /** Unix milliseconds; `Infinity` when the client has set none. The carrier ends the call then; work may stop at it. */
  readonly deadline: number;
  /** The client has gone, its deadline has passed, or the carrier closes: nobody reads an answer any more. */
  readonly cancelled: boolean;
  /** The first value of a request header; names are lower case. */
  header(name: string): string | undefined;
  /** Called once, at most; at once if the call is already cancelled. */
  onCancel(listener: () => void): void;
}

/** Rejects with `RpcError` and nothing else. */
export type UnaryHandler = (request: Uint8Array, call: Call) => Promise<Uint8Array>;

/** Where a stream's responses go. After `end` or `fail` everything is ignored. */
export interface ResponseStream {
  /** `false`: taken, but the client reads slower than this writes; write on after the drain listener was called. */
  write(message: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  end(): void;
  fail(error: RpcError): void;
}

/** What arrives on a stream. */
export interface RequestListener {
  /** The next message is read only when the promise has settled: a client cannot run ahead of its service. */
  message(request: Uint8Array): void | Promise<void>;
  /** The client sends no more; it still reads. */
  halfClose(): void;
  /** Nobody reads any more; nothing follows. Also comes after `fail` and `end`. */
  closed(): void;
}

export type StreamHandler = (call: Call, responses: ResponseStream) => RequestListener;

/** `serverStream` is a stream whose client sends one message; the carriers treat it as any other. */
export type Method =
  | { readonly kind: 'unary'; readonly handle: UnaryHandler }
  | { readonly kind: 'serverStream' | 'bidi'; readonly open: StreamHandler };

/** `name` as in the path, package included. */
export interface Service {
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
}

/** Every method there is, by path, and what is said to a call of any other. */
export interface Router {
  readonly methods: ReadonlyMap<string, Method>;
  unknown(path: string): RpcError;
}

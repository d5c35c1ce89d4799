// What a service is: method path, request bytes or a stream of them, response bytes or a stream of them. How messages are
// encoded is the service's own business.

import type { Metadata } from './metadata.ts';
import type { Status } from './status.ts';

/** What a method may know of the call it serves, and say besides its messages. */
export interface Call {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** `address:port` of the client, for logs only. */
  readonly peer: string;
  /** Unix milliseconds; `Infinity` when the client has set none. The call ends then by itself; work may stop at it. */
  readonly deadline: number;
  /** The client has gone, its deadline has passed, or the server closes: nobody reads an answer any more. */
  readonly cancelled: boolean;
  /** Aborted when the call is cancelled. */
  readonly signal: AbortSignal;
  /** What the client has said besides its messages. */
  readonly metadata: Metadata;
  /** The first value of a request header as it came; names are lower case. */
  header(name: string): string | undefined;
  /** Called once, at most; at once if the call is already cancelled. */
  onCancel(listener: () => void): void;
  /** Before the first message of the answer. Bytes go under names that end in `-bin`, and only there. */
  sendHeader(name: string, value: string | Uint8Array): void;
  /** Any time before the end. */
  sendTrailer(name: string, value: string | Uint8Array): void;
  /**
   * For answers that may be large, before one is made. `undefined`: go on. Otherwise it settles when the client has read most
   * of what it asked for before and there is memory for `bytes` more, 0 if nobody knows; or when the call is cancelled.
   */
  room(bytes: number): Promise<void> | undefined;
  /** The answer has so many bytes and follows at once. `false`: not now; ask for that much room, and make it anew. */
  made(bytes: number): boolean;
  /** So many bytes more are kept for this call by whoever serves it, or less. The call fails if there is no memory for it. */
  hold(bytes: number): void;
}

/** A message, in one piece or, if it is large, in several that are let go one by one. It must not change any more. */
export type Answer = Uint8Array | readonly Uint8Array[];

/** The request is a view of what came in; copy what is to live long. */
export type UnaryHandler = (request: Uint8Array, call: Call) => Promise<Answer>;

/** Where a stream's responses go. After `end` or `fail` everything is ignored. */
export interface ResponseStream {
  /** `false`: taken, but the client reads slower than this writes; write on after the drain listener was called. */
  write(message: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  end(): void;
  fail(error: Status): void;
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

/** The three streaming kinds are served alike; the names tell readers, and reflection, who sends how many. */
export type Method =
  | { readonly kind: 'unary'; readonly handle: UnaryHandler }
  | { readonly kind: 'serverStream' | 'clientStream' | 'bidi'; readonly open: StreamHandler };

/** `name` as in the path, package included. */
export interface Service {
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
}

/** Every method there is, by path, and what is said to a call of any other. */
export interface Router {
  readonly methods: ReadonlyMap<string, Method>;
  unknown(path: string): Status;
}

// What every call passes on its way to its method: the guard that may refuse it, and the observer that counts it.

import {
  type Call,
  createRouter as createPlainRouter,
  grpcCode,
  type Method,
  type RequestListener,
  type ResponseStream,
  type Router,
  RpcError,
  type Service,
  type Status,
} from '@kontiki/grpc';

/** May refuse a call before its method sees it. */
export type Guard = (path: string, kind: Method['kind'], call: Call) => RpcError | undefined;

/** Told of every call to a known method. `finished` comes once per `started`. */
export interface CallObserver {
  started(path: string, kind: Method['kind']): void;
  received(path: string, kind: Method['kind']): void;
  sent(path: string, kind: Method['kind']): void;
  finished(path: string, kind: Method['kind'], code: number): void;
}

export interface RouterOptions {
  readonly services: readonly Service[];
  readonly guard: Guard;
  readonly observer: CallObserver;
  /** What a unary call ends with when its method threw something that is no refusal; the same thing when absent. */
  readonly stranger?: (error: unknown) => unknown;
}

/** What a stream takes with all that is around it before anything is said on it, garbage included: V8 frees late. */
const streamBytes = 4352;

export function createRouter(options: RouterOptions): Router {
  return createPlainRouter(options.services.map((service) => watchedService(service, options)));
}

/** A method that answers every call with the same refusal. */
export function refusing(error: RpcError): Method {
  return { kind: 'unary', handle: () => Promise.reject(error) };
}

function watchedService({ name, methods }: Service, options: RouterOptions): Service {
  const watchedMethods = Object.entries(methods).map(
    ([method, served]) => [method, watched(`/${name}/${method}`, served, options)] as const,
  );
  return { name, methods: Object.fromEntries(watchedMethods) };
}

function watched(path: string, method: Method, options: RouterOptions): Method {
  const { guard, observer, stranger = (error) => error } = options;
  if (method.kind !== 'unary') {
    const { kind, open } = method;
    const counter = { path, kind, observer };
    return {
      kind,
      open: (call, responses) => {
        observer.started(path, kind);
        call.hold(streamBytes);
        const counted = new CountedStream(counter, responses);
        const refusal = guard(path, kind, call);
        if (refusal === undefined) counted.listener = open(call, counted);
        else counted.fail(refusal);
        return counted;
      },
    };
  }
  return {
    kind: 'unary',
    handle: async (request, call) => {
      observer.started(path, 'unary');
      observer.received(path, 'unary');
      try {
        const refusal = guard(path, 'unary', call);
        if (refusal !== undefined) throw refusal;
        const response = await method.handle(request, call);
        observer.sent(path, 'unary');
        observer.finished(path, 'unary', grpcCode.ok);
        return response;
      } catch (thrown: unknown) {
        const error = thrown instanceof RpcError ? thrown : stranger(thrown);
        observer.finished(path, 'unary', codeOf(error));
        throw error;
      }
    },
  };
}

function codeOf(error: unknown): number {
  return error instanceof RpcError ? error.code : grpcCode.unknown;
}

const ignoring: RequestListener = { message: () => undefined, halfClose: () => undefined, closed: () => undefined };

/** What the streams of a method share. */
interface StreamCounter {
  readonly path: string;
  readonly kind: Method['kind'];
  readonly observer: CallObserver;
}

/** Both sides of one stream, in one object: there may be tens of thousands. */
class CountedStream implements ResponseStream, RequestListener {
  readonly #counter: StreamCounter;
  readonly #inner: ResponseStream;
  listener: RequestListener = ignoring;
  #finished = false;

  constructor(counter: StreamCounter, inner: ResponseStream) {
    this.#counter = counter;
    this.#inner = inner;
  }

  message(request: Uint8Array): void | Promise<void> {
    const { observer, path, kind } = this.#counter;
    observer.received(path, kind);
    try {
      return this.listener.message(request)?.catch((error: unknown) => this.#thrown(error));
    } catch (error: unknown) {
      return this.#thrown(error);
    }
  }

  halfClose(): void {
    this.listener.halfClose();
  }

  closed(): void {
    this.#finish(grpcCode.cancelled);
    this.listener.closed();
  }

  write(message: Uint8Array): boolean {
    const { observer, path, kind } = this.#counter;
    observer.sent(path, kind);
    return this.#inner.write(message);
  }

  onDrain(listener: () => void): void {
    this.#inner.onDrain(listener);
  }

  end(): void {
    this.#finish(grpcCode.ok);
    this.#inner.end();
  }

  fail(error: Status): void {
    this.#finish(error.code);
    this.#inner.fail(error);
  }

  #thrown(error: unknown): never {
    this.#finish(codeOf(error));
    throw error;
  }

  #finish(code: number): void {
    if (this.#finished) return;
    this.#finished = true;
    const { observer, path, kind } = this.#counter;
    observer.finished(path, kind, code);
  }
}

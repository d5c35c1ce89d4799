// Back-pressure of one stream as a promise: requests are read on only when the client has read its answers.

import type { ResponseStream } from '@kontiki/grpc';

export class Drain {
  #full = false;
  #wait: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(responses: ResponseStream, drained: () => void = () => undefined) {
    responses.onDrain(() => {
      this.release();
      drained();
    });
  }

  /** `write` has said that the client reads slower than this is written. */
  fill(): void {
    this.#full = true;
  }

  /** Settles when the client has caught up; `undefined` when it has not fallen behind. */
  wanted(): Promise<void> | undefined {
    if (!this.#full) return undefined;
    this.#wait ??= deferred();
    return this.#wait.promise;
  }

  /** The client has caught up, or is gone. */
  release(): void {
    this.#full = false;
    this.#wait?.resolve();
    this.#wait = undefined;
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

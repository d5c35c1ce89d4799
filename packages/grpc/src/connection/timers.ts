// Timers that end with their owner.

import type { Scheduler } from './scheduler.ts';

export class Timers {
  readonly #scheduler: Scheduler;
  readonly #running = new Set<() => void>();
  #stopped = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Calls once, unless the returned function or `stop` is called first. */
  after(milliseconds: number, call: () => void): () => void {
    if (this.#stopped) return () => undefined;
    const cancel = this.#scheduler.after(milliseconds, () => {
      this.#running.delete(stop);
      call();
    });
    const stop = (): void => {
      this.#running.delete(stop);
      cancel();
    };
    this.#running.add(stop);
    return stop;
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of [...this.#running]) stop();
  }
}

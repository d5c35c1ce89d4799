// Time and turns of a Node process: monotonic ticks from an interval, turns from `setImmediate`, which runs after what
// the sockets have brought in.

import { performance } from 'node:perf_hooks';
import type { Cancel, Ticker } from '@kontiki/raft';

export class NodeTicker implements Ticker {
  readonly #tickMs: number;
  readonly #origin = performance.now();
  readonly #listeners = new Set<(elapsed: number) => void>();
  /** Tasks by the tick they are due at. */
  readonly #due = new Map<number, Set<() => void>>();
  #lastTick = 0;
  #interval: NodeJS.Timeout | undefined;

  constructor(tickMs = 10) {
    this.#tickMs = tickMs;
  }

  start(tick: (elapsed: number) => void): Cancel {
    this.#listeners.add(tick);
    this.#run();
    return () => {
      this.#listeners.delete(tick);
      this.#restWhenIdle();
    };
  }

  defer(task: () => void): void {
    setImmediate(() => {
      // After a long turn this comes before the interval does: a lease must not look younger than it is.
      if (this.#interval !== undefined) this.#onInterval();
      task();
    });
  }

  after(ticks: number, task: () => void): Cancel {
    // One more, because the present tick is partly over: at least `ticks` whole ones must pass.
    const tick = this.#now() + ticks + 1;
    const tasks = this.#due.get(tick) ?? new Set();
    // A wrapper of its own, so that the same function may wait twice.
    const entry = (): void => task();
    tasks.add(entry);
    this.#due.set(tick, tasks);
    this.#run();
    return () => {
      if (!tasks.delete(entry) || tasks.size > 0) return;
      this.#due.delete(tick);
      this.#restWhenIdle();
    };
  }

  #now(): number {
    return Math.floor((performance.now() - this.#origin) / this.#tickMs);
  }

  #run(): void {
    if (this.#interval !== undefined) return;
    this.#lastTick = this.#now();
    this.#interval = setInterval(() => this.#onInterval(), this.#tickMs);
  }

  #onInterval(): void {
    const now = this.#now();
    const elapsed = now - this.#lastTick;
    if (elapsed <= 0) return;
    this.#lastTick = now;
    for (const tick of [...this.#listeners]) tick(elapsed);
    const ticks = [...this.#due.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
    for (const tick of ticks) {
      const tasks = this.#due.get(tick) ?? [];
      this.#due.delete(tick);
      for (const task of tasks) task();
    }
    this.#restWhenIdle();
  }

  #restWhenIdle(): void {
    if (this.#listeners.size > 0 || this.#due.size > 0 || this.#interval === undefined) return;
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}

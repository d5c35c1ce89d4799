// A scheduler whose hours pass when a test says so.

import type { Scheduler } from '../src/connection/scheduler.ts';

export class VirtualTime implements Scheduler {
  #now = 0;
  #order = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly call: () => void }>();
  #soon: (() => void)[] = [];

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, call: () => void): () => void {
    this.#order += 1;
    const id = this.#order;
    this.#timers.set(id, { at: this.#now + milliseconds, call });
    return () => this.#timers.delete(id);
  }

  soon(call: () => void): void {
    this.#soon.push(call);
  }

  /** Runs what was asked for soon, and what that asks for. */
  turn(): void {
    for (let call = this.#soon.shift(); call !== undefined; call = this.#soon.shift()) call();
  }

  pass(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      this.turn();
      let next: { readonly id: number; readonly at: number } | undefined;
      for (const [id, { at }] of this.#timers)
        if (at <= until && (next === undefined || at < next.at)) next = { id, at };
      if (next === undefined) break;
      const timer = this.#timers.get(next.id);
      this.#timers.delete(next.id);
      this.#now = next.at;
      timer?.call();
    }
    this.#now = until;
    this.turn();
  }
}

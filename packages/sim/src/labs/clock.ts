// Virtual time in milliseconds. It stands still while there is work and then jumps to the next thing that is due: a server
// that sleeps costs nothing. Knows neither threads nor networks.

import type { Cancel } from '@kontiki/raft';

/** Due times within so many milliseconds have a slot of their own; the longest delay of the network is 7 s. */
const slots = 8192;
/** More tasks than this without time passing is a loop, not work. */
const tasksMax = 500_000;

interface Timer {
  readonly due: number;
  readonly task: () => void;
  isCancelled: boolean;
}

export class LabClock {
  #now = 0;
  #pending = 0;
  /** A timer lies at its due time modulo the number of slots; those of one instant in the order in which they were set. */
  readonly #wheel: Timer[][] = Array.from({ length: slots }, () => []);
  #deferred: (() => void)[] = [];

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Runs the task at this instant, after everything that was deferred before. */
  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  /** Runs the task in so many milliseconds; with 0, at this instant. */
  after(ms: number, task: () => void): Cancel {
    const due = this.#now + Math.max(0, Math.ceil(ms));
    const timer: Timer = { due, task, isCancelled: false };
    if (due === this.#now) this.#deferred.push(() => timer.isCancelled || task());
    else {
      this.#pending += 1;
      this.#wheel[due % slots]?.push(timer);
    }
    return () => {
      timer.isCancelled = true;
    };
  }

  /** Lets time pass until `isOver` says so. Answers whether it did: `false` when nothing is left to do, or after `limitMs`. */
  run(isOver: () => boolean, limitMs: number): boolean {
    this.#settle(isOver);
    while (!isOver()) {
      if (this.#pending === 0 || this.#now >= limitMs) return false;
      do this.#now += 1;
      while (this.#now < limitMs && this.#wheel[this.#now % slots]?.length === 0);
      this.#runDue();
      this.#settle(isOver);
    }
    return true;
  }

  #runDue(): void {
    const slot = this.#wheel[this.#now % slots];
    if (slot === undefined || slot.length === 0) return;
    const due = slot.filter((timer) => timer.due === this.#now);
    if (due.length === 0) return;
    const later = slot.filter((timer) => timer.due !== this.#now);
    slot.splice(0, slot.length, ...later);
    this.#pending -= due.length;
    for (const timer of due) if (!timer.isCancelled) timer.task();
  }

  /** Everything deferred, and what that defers. */
  #settle(isOver: () => boolean): void {
    for (let tasks = 0; this.#deferred.length > 0 && !isOver(); ) {
      const turn = this.#deferred;
      this.#deferred = [];
      tasks += turn.length;
      if (tasks > tasksMax) throw new Error(`${tasksMax} tasks at ${this.#now} ms: something defers itself for ever`);
      for (const task of turn) task();
    }
  }
}

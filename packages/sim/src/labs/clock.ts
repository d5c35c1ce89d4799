// Virtual time in milliseconds. It stands still while there is work and then goes on to the next thing that is due: a server
// that sleeps costs nothing. Knows neither threads nor networks.
//
// Not the simulator's `VirtualTime`, whose unit is a node's tick, the same for everybody: the labs' delays and sleeps are
// milliseconds, each server's ticks begin at a moment of their own (`LabTicker`), and a run ends in the middle of an instant,
// when its test does.

import type { Cancel } from '@kontiki/raft';

/** More tasks than this without time passing is a loop, not work. */
const tasksMax = 500_000;

type Task = () => void;

export class LabClock {
  #now = 0;
  /** By the millisecond in which they are due, in the order in which they were set. */
  readonly #due = new Map<number, Task[]>();
  #deferred: Task[] = [];

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Runs the task at this instant, after everything that was deferred before. */
  defer(task: Task): void {
    this.#deferred.push(task);
  }

  /** Runs the task in so many milliseconds; with 0, at this instant. */
  later(ms: number, task: Task): void {
    if (ms <= 0) {
      this.#deferred.push(task);
      return;
    }
    const due = this.#now + Math.ceil(ms);
    const others = this.#due.get(due);
    if (others === undefined) this.#due.set(due, [task]);
    else others.push(task);
  }

  /** As `later`, unless it is taken back before. */
  after(ms: number, task: Task): Cancel {
    let isCancelled = false;
    this.later(ms, () => {
      if (!isCancelled) task();
    });
    return () => {
      isCancelled = true;
    };
  }

  /** Lets time pass until `isOver` says so. Answers whether it did: `false` when nothing is left to do, or after `limitMs`. */
  run(isOver: () => boolean, limitMs: number): boolean {
    this.#settle(isOver);
    while (!isOver()) {
      if (this.#due.size === 0 || this.#now >= limitMs) return false;
      do this.#now += 1;
      while (this.#now < limitMs && !this.#due.has(this.#now));
      this.#runDue();
      this.#settle(isOver);
    }
    return true;
  }

  #runDue(): void {
    const tasks = this.#due.get(this.#now);
    if (tasks === undefined) return;
    this.#due.delete(this.#now);
    for (const task of tasks) task();
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

// Threads that take turns, as generators over virtual time: a body runs until it waits (`yield* threads.sleep(50)`), and only
// then does another. Who is woken first runs first, so a run is the same each time. No promises: a turn costs a call.
//
// What any thread throws ends the whole run, as a failed claim in any goroutine ends a test of the labs.

import { LabClock } from './clock.ts';

/** Parks a thread: is told how to wake it. What wakes a thread that was woken already does nothing. */
export type Park = (wake: () => void) => void;

/** The body of a thread, or of a part of one: call it with `yield*`. */
export type Body<T = void> = Generator<Park, T, void>;

/** A thread that was started. Its result is there once it is done. */
export interface Thread<T> {
  readonly isDone: boolean;
  readonly result: T | undefined;
}

interface Running<T> extends Thread<T> {
  isDone: boolean;
  result: T | undefined;
  readonly joiners: (() => void)[];
}

export interface RunLimits {
  /** Virtual milliseconds until the run counts as hanging. */
  readonly limitMs: number;
}

/** A test of the labs has two minutes. */
export const testLimitMs = 120_000;

export class Threads {
  readonly clock: LabClock;
  #failure: { readonly error: unknown } | undefined;

  constructor(clock: LabClock = new LabClock()) {
    this.clock = clock;
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.clock.now;
  }

  /** Runs `main` and everything that it spawns until `main` is done. Throws what any thread throws, or when time is up. */
  run<T>(main: (threads: Threads) => Body<T>, { limitMs }: RunLimits = { limitMs: testLimitMs }): T {
    const thread = this.spawn(() => main(this));
    const isOver = this.clock.run(() => thread.isDone || this.#failure !== undefined, limitMs);
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!isOver && this.now < limitMs) throw new Error(`at ${this.now} ms every thread waits for another`);
    if (!isOver) throw new Error(`not done after ${limitMs / 1000} virtual seconds`);
    return thread.result as T;
  }

  /** Ends the run, on behalf of something that is no thread. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Starts a thread: it runs when the one that runs now waits. */
  spawn<T>(body: () => Body<T>): Thread<T> {
    const thread: Running<T> = { isDone: false, result: undefined, joiners: [] };
    const generator = body();
    this.clock.defer(() => this.#step(thread, generator));
    return thread;
  }

  *sleep(ms: number): Body {
    yield (wake) => this.clock.later(ms, wake);
  }

  /** Lets everybody else run who can at this instant. */
  *pause(): Body {
    yield (wake) => this.clock.defer(wake);
  }

  *join<T>(thread: Thread<T>): Body<T> {
    if (!thread.isDone) yield (wake) => void (thread as Running<T>).joiners.push(wake);
    return thread.result as T;
  }

  *joinAll<T>(threads: readonly Thread<T>[]): Body<readonly T[]> {
    const results: T[] = [];
    for (const thread of threads) results.push(yield* this.join(thread));
    return results;
  }

  /** Waits for something that answers by callback; only the first answer counts. */
  *answerOf<T>(ask: (answer: (value: T) => void) => void): Body<T> {
    const box: { value?: { readonly answer: T } } = {};
    yield (wake) =>
      ask((answer) => {
        box.value ??= { answer };
        wake();
      });
    const { value } = box;
    if (value === undefined) throw new Error('a thread was woken without an answer');
    return value.answer;
  }

  /** As `answerOf`, but `undefined` when there is no answer within so many milliseconds. */
  *answerWithin<T>(ms: number, ask: (answer: (value: T) => void) => void): Body<T | undefined> {
    return yield* this.answerOf<T | undefined>((answer) => {
      const cancel = this.clock.after(ms, () => answer(undefined));
      ask((value) => {
        cancel();
        answer(value);
      });
    });
  }

  #step<T>(thread: Running<T>, generator: Body<T>): void {
    if (this.#failure !== undefined) return;
    try {
      const step = generator.next();
      if (step.done !== true) {
        let isWoken = false;
        step.value(() => {
          if (isWoken) return;
          isWoken = true;
          this.clock.defer(() => this.#step(thread, generator));
        });
        return;
      }
      thread.isDone = true;
      thread.result = step.value;
      for (const wake of thread.joiners) wake();
    } catch (error: unknown) {
      this.fail(error);
    }
  }
}

/** Threads that wait until something has changed. As with any condition variable, whoever is woken looks again. */
export class Condition {
  readonly #threads: Threads;
  #waiting: (() => void)[] = [];

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  *wait(): Body {
    yield (wake) => void this.#waiting.push(wake);
  }

  /** Answers whether it was woken within so many milliseconds. */
  *waitFor(ms: number): Body<boolean> {
    const answer = yield* this.#threads.answerWithin<true>(ms, (wake) => void this.#waiting.push(() => wake(true)));
    return answer === true;
  }

  /** Wakes all that wait now. */
  wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Only needed around something that waits: between two waits a thread is alone anyway. First come, first served. */
export class Mutex {
  #isHeld = false;
  readonly #waiting: (() => void)[] = [];

  *lock(): Body {
    if (this.#isHeld) yield (wake) => void this.#waiting.push(wake);
    this.#isHeld = true;
  }

  unlock(): void {
    if (!this.#isHeld) throw new Error('a mutex that nobody holds is unlocked');
    const next = this.#waiting.shift();
    // It stays held: it is handed over, so that nobody overtakes.
    if (next === undefined) this.#isHeld = false;
    else next();
  }

  *hold<T>(body: () => Body<T>): Body<T> {
    yield* this.lock();
    try {
      return yield* body();
    } finally {
      this.unlock();
    }
  }
}

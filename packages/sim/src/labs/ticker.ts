// The clock of one life of a server: ticks of 10 ms that begin at a moment of its own, until the life is over. Then nothing that
// it had begun goes on.

import type { Cancel, Ticker } from '@kontiki/raft';
import type { LabClock } from './clock.ts';

export const tickMs = 10;

export class LabTicker implements Ticker {
  readonly #clock: LabClock;
  readonly #phaseMs: number;
  #isOver = false;

  constructor(clock: LabClock, phaseMs: number) {
    this.#clock = clock;
    this.#phaseMs = phaseMs;
  }

  start(tick: (elapsed: number) => void): Cancel {
    let isCancelled = false;
    const beat = (): void => {
      if (isCancelled || this.#isOver) return;
      this.#clock.later(tickMs, beat);
      tick(1);
    };
    this.#clock.later(tickMs + this.#phaseMs, beat);
    return () => {
      isCancelled = true;
    };
  }

  defer(task: () => void): void {
    this.#clock.defer(() => {
      if (!this.#isOver) task();
    });
  }

  after(ticks: number, task: () => void): Cancel {
    return this.#clock.after(Math.max(1, ticks) * tickMs, () => {
      if (!this.#isOver) task();
    });
  }

  end(): void {
    this.#isOver = true;
  }
}

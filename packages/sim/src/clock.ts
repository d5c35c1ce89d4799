// The clock of one process: virtual time, which may run a little too fast or too slow on its machine.

import type { Cancel, Ticker } from '@kontiki/raft';
import type { VirtualTicker } from '@kontiki/raft/memory';

export class DriftingTicker implements Ticker {
  readonly #true: VirtualTicker;
  /** Per mille by which the clock is ahead of true time after a while; negative: behind. */
  readonly #drift: () => number;

  constructor(ticker: VirtualTicker, drift: () => number) {
    this.#true = ticker;
    this.#drift = drift;
  }

  start(tick: (elapsed: number) => void): Cancel {
    let rest = 0;
    return this.#true.start((elapsed) => {
      const drift = this.#drift();
      if (drift === 0) {
        tick(elapsed);
        return;
      }
      rest += elapsed * (1000 + drift);
      const whole = Math.floor(rest / 1000);
      rest -= whole * 1000;
      if (whole > 0) tick(whole);
    });
  }

  defer(task: () => void): void {
    this.#true.defer(task);
  }

  after(ticks: number, task: () => void): Cancel {
    return this.#true.after(Math.max(1, Math.round((ticks * 1000) / (1000 + this.#drift()))), task);
  }
}

// So many at once, and so many per second after that. The clock is looked at only when the bucket is empty.

import type { Rate } from './limits.ts';
import type { Scheduler } from './scheduler.ts';

export class TokenBucket {
  readonly #rate: Rate;
  readonly #scheduler: Scheduler;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, scheduler: Scheduler) {
    this.#rate = rate;
    this.#scheduler = scheduler;
    this.#tokens = rate.burst;
    this.#filledAt = scheduler.now();
  }

  /** `false`: that was one too many. */
  take(): boolean {
    if (this.#tokens < 1) this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Gives back, up to the burst. */
  give(tokens: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + tokens);
  }

  #fill(): void {
    const now = this.#scheduler.now();
    this.give(((now - this.#filledAt) / 1000) * this.#rate.perSecond);
    this.#filledAt = now;
  }
}

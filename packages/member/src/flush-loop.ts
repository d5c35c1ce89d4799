// Rows go to disk behind the applied state: by time, by rows and by bytes, whole batches in one transaction. What the loop
// has made durable is what the log may be compacted to. Space of compacted history is given back in the same loop, in steps.

import type { FlushLimits, Store } from '@kontiki/kv';
import type { Cancel, Ticker } from '@kontiki/raft';

export interface FlushLoopOptions {
  readonly store: Store;
  readonly ticker: Ticker;
  readonly everyTicks: number;
  /** Past this much in memory a flush does not wait for its time. */
  readonly eagerBytes: number;
  readonly limits: FlushLimits;
  /** The backend's first error: the member stops. */
  readonly failed: (error: Error) => void;
}

const scrubBudget = 1000;

export class FlushLoop {
  readonly #options: FlushLoopOptions;
  #elapsed = 0;
  #flushing = false;
  #stopped = false;
  #cancelScrub: Cancel | undefined = undefined;
  #idle: (() => void) | undefined = undefined;

  constructor(options: FlushLoopOptions) {
    this.#options = options;
  }

  advance(ticks: number): void {
    this.#elapsed += ticks;
    if (this.#elapsed < this.#options.everyTicks) return;
    this.#elapsed = 0;
    this.#flush();
  }

  /** A batch was applied. */
  applied(): void {
    if (this.#options.store.overlayBytes >= this.#options.eagerBytes) this.#flush();
    this.#scrubSoon();
  }

  /** Makes everything applied so far durable, then answers; for an orderly stop. */
  drain(done: () => void): void {
    this.#idle = done;
    this.#flush();
    this.#tellIdle();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelScrub?.();
  }

  #flush(): void {
    const { store, limits, failed } = this.#options;
    if (this.#flushing || this.#stopped) return;
    this.#flushing = store.flush(limits, (error) => {
      this.#flushing = false;
      if (error !== undefined) {
        failed(error);
        return;
      }
      if (this.#idle !== undefined || store.overlayBytes >= this.#options.eagerBytes) this.#flush();
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#flushing || this.#idle === undefined) return;
    const done = this.#idle;
    this.#idle = undefined;
    done();
  }

  #scrubSoon(): void {
    const { store, ticker } = this.#options;
    if (this.#cancelScrub !== undefined || store.scrubbedRevision >= store.compactRevision) return;
    this.#cancelScrub = ticker.after(1, () => {
      this.#cancelScrub = undefined;
      if (!this.#stopped && store.scrub(scrubBudget) !== 'done') this.#scrubSoon();
    });
  }
}

// What is applied, as an async iterable with a bounded buffer between the driver and its reader.

import type { ApplyListener, ApplyMessage } from './applying.ts';
import type { Cancel } from './ports.ts';

/** The part of the driver that a feed needs. */
export interface AppliedFeedSource {
  listen(listener: ApplyListener): Cancel;
  goOn(): void;
  onStopped(listener: () => void): void;
}

export class AppliedFeed implements AsyncIterable<ApplyMessage> {
  readonly #source: AppliedFeedSource;
  readonly #messagesMax: number;

  constructor(source: AppliedFeedSource, messagesMax: number) {
    this.#source = source;
    this.#messagesMax = messagesMax;
  }

  /** Each iterator is a subscription of its own, from its making on. */
  [Symbol.asyncIterator](): AsyncIterator<ApplyMessage, undefined> {
    return new Subscription(this.#source, this.#messagesMax);
  }
}

type Step = IteratorResult<ApplyMessage, undefined>;

class Subscription implements AsyncIterator<ApplyMessage, undefined> {
  readonly #source: AppliedFeedSource;
  readonly #cancel: Cancel;
  #buffer: ApplyMessage[] = [];
  #waiting: ((step: Step) => void)[] = [];
  #isOver = false;

  constructor(source: AppliedFeedSource, messagesMax: number) {
    this.#source = source;
    this.#cancel = source.listen({
      hasRoom: () => this.#buffer.length < messagesMax,
      push: (messages) => {
        this.#buffer.push(...messages);
        this.#serve();
      },
    });
    source.onStopped(() => this.#end());
  }

  next(): Promise<Step> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#serve();
      if (!this.#isOver) this.#source.goOn();
    });
  }

  return(): Promise<Step> {
    this.#buffer = [];
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const message = this.#buffer.shift();
      if (message === undefined && !this.#isOver) return;
      const resolve = this.#waiting.shift();
      resolve?.(message === undefined ? { done: true, value: undefined } : { done: false, value: message });
    }
  }

  /** What is buffered is still given out. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel();
    this.#serve();
  }
}

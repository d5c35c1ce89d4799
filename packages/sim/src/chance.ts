// All chance of a run: streams of numbers keyed by their purpose, so that one kind of fault more or less leaves the draws
// of the others as they were.

import { type Draw, drawFrom } from '@kontiki/kv/testing';

export class Chance {
  readonly #draw: Draw;

  constructor(seed: number | string, purpose: string) {
    let hash = 0x811c9dc5;
    for (const char of `${seed}/${purpose}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    this.#draw = drawFrom(hash);
  }

  /** From 0 up to and without `limit`. */
  below(limit: number): number {
    return this.#draw.below(limit);
  }

  /** Both ends included. */
  between(least: number, most: number): number {
    return least + this.#draw.below(most - least + 1);
  }

  oneIn(times: number): boolean {
    return this.#draw.below(times) === 0;
  }

  percent(share: number): boolean {
    return this.#draw.below(100) < share;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.#draw.below(list.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }
}

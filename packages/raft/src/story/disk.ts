// A node's disk in a story: writes complete in order, at once, after some ticks, or when the story says so; power loss
// takes back everything that was not synced.

import type { NodeId, Persist, PersistId } from '../core/api.ts';
import { type LogImage, withWrite } from './log-image.ts';

type Pace = { readonly kind: 'fast' } | { readonly kind: 'held' } | { readonly kind: 'slow'; readonly ticks: number };
interface Pending {
  readonly write: Persist;
  readonly due: number;
}

export class StoryDisk {
  #durable: LogImage;
  /** With the writes that were completed but not synced: what a restart without power loss would find. */
  #cached: LogImage;
  #pending: Pending[] = [];
  #pace: Pace = { kind: 'fast' };
  #now = 0;

  constructor(image: LogImage) {
    this.#durable = image;
    this.#cached = image;
  }

  get durable(): LogImage {
    return this.#durable;
  }

  /** Writes complete by themselves, as soon as they are made. */
  get immediate(): boolean {
    return this.#pace.kind === 'fast';
  }

  setPace(pace: Pace): void {
    this.#pace = pace;
    if (pace.kind === 'fast') this.#pending = this.#pending.map(({ write }) => ({ write, due: this.#now }));
  }

  accept(write: Persist): void {
    const delay =
      this.#pace.kind === 'fast' ? 0 : this.#pace.kind === 'slow' ? this.#pace.ticks : Number.POSITIVE_INFINITY;
    this.#pending.push({ write, due: this.#now + delay });
  }

  advance(ticks: number): void {
    this.#now += ticks;
  }

  /** Completes the oldest write when its time has come, or in any case when `forced`. */
  complete(forced: boolean): PersistId | undefined {
    const oldest = this.#pending[0];
    if (oldest === undefined || !(forced || oldest.due <= this.#now)) return undefined;
    this.#pending.shift();
    this.#cached = withWrite(this.#cached, oldest.write);
    if (oldest.write.sync) this.#durable = this.#cached;
    return oldest.write.id;
  }

  losePower(): void {
    this.#pending = [];
    this.#cached = this.#durable;
    this.#pace = { kind: 'fast' };
  }

  /** Faults that no disk is allowed: for stories which show what then breaks. */
  replace(image: LogImage): void {
    this.#durable = image;
    this.#cached = image;
  }
}

/** Who a durable vote went to; the fault of a node that forgets it is to lose exactly this. */
export function withoutVote(image: LogImage): LogImage {
  return { ...image, hardState: { ...image.hardState, votedFor: undefined as NodeId | undefined } };
}

// Frames that cost their sender next to nothing, counted. Whoever sends too many of a kind is told to calm down, and goes
// (RFC 9113 §10.5: a server may treat such traffic as an error of the connection, ENHANCE_YOUR_CALM).

import { errorCode } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Scheduler } from './scheduler.ts';
import { TokenBucket } from './token-bucket.ts';

export class Floods {
  readonly #resets: TokenBucket;
  readonly #idleFrames: TokenBucket;
  readonly #windowUpdates: TokenBucket;
  readonly #tinyFrames: TokenBucket;

  constructor(limits: ConnectionLimits, scheduler: Scheduler) {
    this.#resets = new TokenBucket(limits.resets, scheduler);
    this.#idleFrames = new TokenBucket(limits.idleFrames, scheduler);
    this.#windowUpdates = new TokenBucket(limits.windowUpdates, scheduler);
    this.#tinyFrames = new TokenBucket(limits.tinyFrames, scheduler);
  }

  /** A stream ended by RST_STREAM: the client's (CVE-2023-44487), or ours to something the client did wrong. */
  reset(): void {
    if (!this.#resets.take()) calmDown('too many streams were reset');
  }

  idleFrame(): void {
    if (!this.#idleFrames.take()) calmDown('too many frames that lead nowhere');
  }

  windowUpdate(): void {
    if (!this.#windowUpdates.take()) calmDown('too many WINDOW_UPDATE frames');
  }

  /** `false` rather than thrown: this is noticed while writing. */
  tinyFrame(): boolean {
    return this.#tinyFrames.take();
  }

  /** A request came: its stream has a window of its own to update. */
  requested(): void {
    this.#windowUpdates.give(2);
  }

  /** DATA went out: both windows will be opened again, and clients measure the line by a PING. */
  answered(): void {
    this.#windowUpdates.give(2);
    this.#idleFrames.give(1);
  }
}

export function calmDown(message: string): never {
  throw new ConnectionError(errorCode.enhanceYourCalm, message);
}

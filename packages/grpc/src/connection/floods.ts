// Frames that cost their sender next to nothing, counted. Whoever sends too many of a kind is told to calm down, and goes
// (RFC 9113 §10.5: a server may treat such traffic as an error of the connection, ENHANCE_YOUR_CALM).

import { errorCode } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Scheduler } from './scheduler.ts';
import { TokenBucket } from './token-bucket.ts';

/** The head of a gRPC message: no client has a reason to send less than that again and again. */
const fragmentBytes = 5;
/** A message may end in a fragment behind frames of this length. */
const fairBytes = 1024;

export class Floods {
  readonly #resets: TokenBucket;
  readonly #idleFrames: TokenBucket;
  readonly #fragments: TokenBucket;
  readonly #windowUpdates: TokenBucket;
  readonly #tinyFrames: TokenBucket;

  constructor(limits: ConnectionLimits, scheduler: Scheduler) {
    this.#resets = new TokenBucket(limits.resets, scheduler);
    this.#idleFrames = new TokenBucket(limits.idleFrames, scheduler);
    this.#fragments = new TokenBucket(limits.fragments, scheduler);
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

  /** DATA of so many bytes, and its stream goes on. */
  data(length: number): void {
    if (length === 0) this.idleFrame();
    else if (length < fragmentBytes && !this.#fragments.take()) calmDown('too many DATA frames of next to nothing');
    else if (length >= fairBytes) this.#fragments.give(1);
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
    this.#fragments.give(1);
  }
}

export function calmDown(message: string): never {
  throw new ConnectionError(errorCode.enhanceYourCalm, message);
}

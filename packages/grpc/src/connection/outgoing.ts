// What goes out on one stream: bytes that wait for a window, and how the stream ends. Plain data; the sender moves it.

import type { HeaderField } from '../hpack/header-field.ts';

export interface Trailers {
  readonly fields: readonly HeaderField[];
  /** The same object is sent over and over. */
  readonly constant: boolean;
}

/** Shared, and always empty. */
const noQueue: Uint8Array[] = [];

export class Outgoing {
  readonly streamId: number;
  /** §6.9.1: may become negative by SETTINGS (§6.9.2). */
  window: number;
  /** In order; `offset` bytes of the first have gone out. Of its own once something waits: most streams never queue. */
  queue: Uint8Array[] = noQueue;
  offset = 0;
  queuedBytes = 0;
  /** Set once nothing may be written any more; they go out behind the queue. */
  trailers: Trailers | undefined;
  /** END_STREAM has gone out, or the stream was reset: whatever is written now is lost. */
  over = false;
  /** Its writer was told to wait. */
  waiting = false;

  constructor(streamId: number, window: number) {
    this.streamId = streamId;
    this.window = window;
  }

  push(bytes: Uint8Array): void {
    if (this.queue === noQueue) this.queue = [bytes];
    else this.queue.push(bytes);
  }
}

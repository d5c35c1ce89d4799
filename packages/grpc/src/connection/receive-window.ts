// RFC 9113 §5.2, for what comes in. A stream's window opens again as its messages are taken. A message larger than the
// window is let in by a grant for all of it at once; the grants of a connection share a budget, and wait for each other in
// line, so that what a client can make us hold is bounded however many large messages it begins.

import type { MemoryShare } from './memory.ts';

export type WindowUpdates = (streamId: number, increment: number) => void;

export class ReceiveWindow {
  readonly streamId: number;
  /** What the client may still send. */
  window: number;
  /** Arrived, but not taken yet. */
  unread = 0;
  granted = 0;
  wanted = 0;
  /** What came out of it by unzipping, and is held. */
  unzipped = 0;
  /** What of the server's memory it counts for. */
  countedBytes = 0;

  constructor(streamId: number, window: number) {
    this.streamId = streamId;
    this.window = window;
  }
}

export class Receiver {
  readonly #streamWindowBytes: number;
  readonly #connectionWindowBytes: number;
  readonly #largeMessageBytesMax: number;
  readonly #update: WindowUpdates;
  readonly #onDue: () => void;
  readonly #onStarved: (streamId: number) => void;
  readonly #memory: MemoryShare;
  #window: number;
  #granted = 0;
  #line: ReceiveWindow[] = [];

  constructor(
    limits: {
      readonly streamWindowBytes: number;
      readonly connectionWindowBytes: number;
      readonly largeMessageBytesMax: number;
    },
    update: WindowUpdates,
    onDue: () => void,
    memory: MemoryShare,
    onStarved: (streamId: number) => void,
  ) {
    this.#streamWindowBytes = limits.streamWindowBytes;
    this.#connectionWindowBytes = limits.connectionWindowBytes;
    this.#largeMessageBytesMax = limits.largeMessageBytesMax;
    this.#update = update;
    this.#onDue = onDue;
    this.#memory = memory;
    this.#onStarved = onStarved;
    this.#window = limits.connectionWindowBytes;
  }

  open(streamId: number): ReceiveWindow {
    return new ReceiveWindow(streamId, this.#streamWindowBytes);
  }

  /**
   * DATA of `length` bytes came, padding included (§6.9.1). `false`: more than the connection's window allows. That
   * window opens again with the turn; what a stream may hold is bounded by its own.
   */
  arrived(length: number): boolean {
    this.#window -= length;
    if (this.#window < 0) return false;
    if (this.#isDue()) this.#onDue();
    return true;
  }

  /** Once a turn: the client may send on only when it is told so. */
  flush(): void {
    if (!this.#isDue()) return;
    this.#update(0, this.#connectionWindowBytes - this.#window);
    this.#window = this.#connectionWindowBytes;
  }

  /** `false`: more than the stream's window allows. */
  arrivedOn(stream: ReceiveWindow, length: number): boolean {
    stream.window -= length;
    stream.unread += length;
    this.#count(stream);
    return stream.window >= 0;
  }

  /** So much was taken; `more`: the client may send on. */
  taken(stream: ReceiveWindow, bytes: number, more: boolean): void {
    stream.unread -= bytes;
    // A message in front of the one that was let in may be taken while that one still comes: its grant stands for whatever
    // is held, or may come, beyond a window.
    this.#release(stream, Math.max(0, stream.unread + stream.window - this.#streamWindowBytes));
    this.#count(stream);
    if (!more) return;
    const closed = this.#streamWindowBytes - stream.unread - stream.window;
    if (closed < this.#streamWindowBytes / 2) return;
    stream.window += closed;
    this.#update(stream.streamId, closed);
  }

  /** `missing` bytes of a message are still to come, and nothing of it will be taken before. */
  expect(stream: ReceiveWindow, missing: number): void {
    const wanted = missing - stream.window;
    if (wanted <= 0) return;
    stream.wanted = wanted;
    this.#line.push(stream);
    this.#grant();
  }

  /** By unzipping so much more is held, or less. */
  unzipped(stream: ReceiveWindow, bytes: number): void {
    stream.unzipped += bytes;
    this.#count(stream);
    if (bytes > 0 && !this.#memory.allows(0)) this.#onStarved(stream.streamId);
  }

  /** `held`: what was not taken stays, because its handler still works. */
  close(stream: ReceiveWindow, held: boolean): void {
    if (stream.wanted > 0) {
      stream.wanted = 0;
      this.#line = this.#line.filter((waiting) => waiting !== stream);
    }
    this.#release(stream, 0);
    if (!held) {
      stream.unread = 0;
      stream.unzipped = 0;
    }
    this.#count(stream);
  }

  #isDue(): boolean {
    return this.#window <= this.#connectionWindowBytes / 2;
  }

  #release(stream: ReceiveWindow, keep: number): void {
    if (stream.granted <= keep) return;
    this.#granted -= stream.granted - keep;
    stream.granted = keep;
    this.#grant();
  }

  #grant(): void {
    for (;;) {
      const stream = this.#line[0];
      if (stream === undefined) return;
      // One is granted whatever it wants: nothing else would ever end the wait.
      if (this.#granted > 0 && this.#granted + stream.wanted > this.#largeMessageBytesMax) return;
      this.#line.shift();
      if (!this.#memory.allows(stream.wanted)) {
        stream.wanted = 0;
        this.#onStarved(stream.streamId);
        continue;
      }
      this.#granted += stream.wanted;
      stream.granted += stream.wanted;
      stream.window += stream.wanted;
      this.#update(stream.streamId, stream.wanted);
      stream.wanted = 0;
      this.#count(stream);
    }
  }

  #count(stream: ReceiveWindow): void {
    // What was granted will come.
    const bytes = Math.max(stream.unread, stream.granted) + stream.unzipped;
    this.#memory.add(bytes - stream.countedBytes);
    stream.countedBytes = bytes;
  }
}

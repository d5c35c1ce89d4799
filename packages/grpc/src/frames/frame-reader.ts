// Frames out of chunks, wherever the chunks were cut. A frame that lies in one chunk is handed on where it lies; only one
// that does not is copied together, into a buffer of its length, which was checked first.

import { errorCode, frameHeadBytes } from './frame.ts';
import { ConnectionError } from './frame-errors.ts';

/** The payload is `bytes[start, end)`. It may be kept: nobody writes there again. */
export type OnFrame = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

const empty = Buffer.alloc(0);

export class FrameReader {
  readonly #frameBytesMax: number;
  readonly #onFrame: OnFrame;
  #stopped = false;
  #paused = false;
  // What has come of a frame that is not whole: its head, and when that is whole, head and payload together.
  #head: Buffer = Buffer.allocUnsafeSlow(frameHeadBytes);
  #pending: Buffer = empty;
  #have = 0;

  constructor(frameBytesMax: number, onFrame: OnFrame) {
    this.#frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** Of a frame that is not whole. */
  get heldBytes(): number {
    return this.#pending.length;
  }

  /** Nothing of what was read already is handed on after this. May be called from within `onFrame`. */
  stop(): void {
    this.#stopped = true;
    this.#pending = empty;
  }

  /** Called from within `onFrame`: `read` returns behind this frame. */
  pause(): void {
    this.#paused = true;
  }

  /**
   * Returns where it paused; what lies behind is to be read again. Throws `ConnectionError` when a frame is longer than
   * allowed, and whatever `onFrame` throws; then it is over.
   */
  read(chunk: Buffer): number {
    this.#paused = false;
    let at = this.#have > 0 ? this.#complete(chunk) : 0;
    while (!this.#stopped && !this.#paused && chunk.length - at >= frameHeadBytes) {
      const length = lengthOf(chunk, at);
      this.#check(length);
      const end = at + frameHeadBytes + length;
      if (end > chunk.length) break;
      this.#deliver(chunk, at, end);
      at = end;
    }
    if (this.#paused) return at;
    if (!this.#stopped && at < chunk.length) this.#keep(chunk, at);
    return chunk.length;
  }

  /** Fills up the frame that earlier chunks began; returns where the rest of this one begins. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#have < frameHeadBytes) {
      at = Math.min(frameHeadBytes - this.#have, chunk.length);
      chunk.copy(this.#head, this.#have, 0, at);
      this.#have += at;
      if (this.#have < frameHeadBytes) return at;
      this.#begin();
    }
    const taken = Math.min(this.#pending.length - this.#have, chunk.length - at);
    chunk.copy(this.#pending, this.#have, at, at + taken);
    this.#have += taken;
    if (this.#have === this.#pending.length) {
      const frame = this.#pending;
      this.#pending = empty;
      this.#have = 0;
      this.#deliver(frame, 0, frame.length);
    }
    return at + taken;
  }

  #keep(chunk: Buffer, at: number): void {
    const headTaken = Math.min(frameHeadBytes, chunk.length - at);
    chunk.copy(this.#head, 0, at, at + headTaken);
    this.#have = headTaken;
    if (headTaken < frameHeadBytes) return;
    this.#begin();
    this.#have += chunk.copy(this.#pending, frameHeadBytes, at + frameHeadBytes);
  }

  #begin(): void {
    const length = lengthOf(this.#head, 0);
    this.#check(length);
    this.#pending = Buffer.allocUnsafeSlow(frameHeadBytes + length);
    this.#head.copy(this.#pending);
  }

  #check(length: number): void {
    // §4.2: checked on the head, before a byte is allocated for the rest.
    if (length > this.#frameBytesMax) {
      throw new ConnectionError(
        errorCode.frameSizeError,
        `a frame of ${length} bytes; ${this.#frameBytesMax} are allowed`,
      );
    }
  }

  #deliver(bytes: Buffer, at: number, end: number): void {
    // §4.1: the reserved bit is ignored.
    const streamId =
      (((bytes[at + 5] ?? 0) & 0x7f) << 24) |
      ((bytes[at + 6] ?? 0) << 16) |
      ((bytes[at + 7] ?? 0) << 8) |
      (bytes[at + 8] ?? 0);
    this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, streamId, bytes, at + frameHeadBytes, end);
  }
}

function lengthOf(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

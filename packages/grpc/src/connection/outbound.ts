// What goes out on a connection: the frames of one turn in one write, no more of them than the socket takes, and an end for
// clients that have stopped reading. What is in the frames is the sender's business, and others'.

import { type ErrorCode, errorCode } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import { type ChunkPool, FrameWriter } from '../frames/frame-writer.ts';
import type { Encoder } from '../hpack/encoder.ts';
import { calmDown, type Floods } from './floods.ts';
import { InFlight } from './in-flight.ts';
import type { ConnectionLimits } from './limits.ts';
import { type MemoryShare, mostMemory } from './memory.ts';
import type { Scheduler } from './scheduler.ts';
import { Sender } from './sender.ts';
import type { Timers } from './timers.ts';
import type { Wire } from './wire.ts';

export interface OutboundOptions {
  readonly wire: Wire;
  readonly scheduler: Scheduler;
  readonly limits: ConnectionLimits;
  readonly pool: ChunkPool;
  readonly encoder: Encoder;
  readonly floods: Floods;
  readonly memory: MemoryShare;
  readonly timers: Timers;
  /** HEADERS or DATA were written. */
  readonly onAnswered: () => void;
  /** The answer on this stream has been written to its end. */
  readonly onEnded: (streamId: number) => void;
  readonly onRoom: (streamId: number) => void;
  readonly onOverrun: (streamId: number) => void;
  /** Before the frames of a turn go: the last chance to add some. */
  readonly onTurn: () => void;
  readonly onError: (error: unknown) => void;
  /** The socket takes nothing any more. */
  readonly onStuck: (message: string) => void;
}

export class Outbound {
  readonly #options: OutboundOptions;
  readonly #limits: ConnectionLimits;
  readonly #writer: FrameWriter;
  readonly #inFlight: InFlight;
  readonly sender: Sender;
  #flushing = false;
  #paused = false;
  #readerIsBusy = false;
  #stopped = false;
  #cancelStall: (() => void) | undefined;
  readonly #flushNow = (): void => this.#flush();

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#writer = new FrameWriter(options.pool);
    this.#inFlight = new InFlight(options.wire, options.pool, options.memory);
    this.sender = new Sender({
      writer: this.#writer,
      encoder: options.encoder,
      limits: options.limits,
      floods: options.floods,
      memory: options.memory,
      onAnswered: options.onAnswered,
      onWork: () => this.flushSoon(),
      onEnded: options.onEnded,
      onRoom: options.onRoom,
      onOverrun: options.onOverrun,
    });
  }

  settings(rows: readonly (readonly [id: number, value: number])[]): void {
    this.#writer.settings(rows);
    this.flushSoon();
  }

  settingsAck(): void {
    this.#writer.settingsAck();
    this.flushSoon();
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#writer.windowUpdate(streamId, increment);
    this.flushSoon();
  }

  rstStream(streamId: number, code: ErrorCode): void {
    this.#writer.rstStream(streamId, code);
    this.flushSoon();
  }

  ping(isAnswer: boolean, opaque: Buffer): void {
    this.#writer.ping(isAnswer, opaque);
    this.flushSoon();
  }

  goaway(lastStreamId: number, code: ErrorCode, message: string): void {
    this.#writer.goaway(lastStreamId, code, message);
    this.flushSoon();
  }

  /** The wire holds nothing back any more. */
  drained(): void {
    if (this.#paused) {
      this.#paused = false;
      if (!this.#readerIsBusy) this.#options.wire.resume();
    }
    this.sender.unblock();
    this.#watchStall();
  }

  /** Whoever looks at what comes in has enough to do, or no longer. */
  readerIsBusy(isBusy: boolean): void {
    if (this.#stopped) return;
    this.#readerIsBusy = isBusy;
    if (this.#paused) return;
    if (isBusy) this.#options.wire.pause();
    else this.#options.wire.resume();
  }

  /** With the end of this turn. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.scheduler.soon(this.#flushNow);
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#stopped) return;
    try {
      this.#options.onTurn();
      const more = this.sender.pump();
      this.writeOut();
      if (!this.sender.calm) calmDown('windows too small for what was asked');
      if (this.sender.isStarved) throw mostMemory();
      if (more && !this.#paused) this.flushSoon();
      this.#watchStall();
    } catch (error: unknown) {
      this.#options.onError(error);
    }
  }

  /** Without waiting for the end of the turn. */
  writeOut(): void {
    if (this.#writer.bytes === 0) return;
    const waiting = this.#inFlight.write(this.#writer.take());
    if (waiting >= this.#limits.backlogBytesMax) {
      // Who does not read answers is not read either: all that it sends would be answered.
      this.sender.block();
      this.#paused = true;
      this.#options.wire.pause();
    }
  }

  /** Too much is held back, and nothing of it leaves: the client has stopped reading. */
  #watchStall(): void {
    const over = this.#paused || this.sender.queuedBytes > this.#limits.queueBytesMax;
    if (!over) {
      this.#cancelStall?.();
      this.#cancelStall = undefined;
      return;
    }
    if (this.#cancelStall !== undefined) return;
    const before = this.sender.queuedBytes;
    this.#cancelStall = this.#options.timers.after(this.#limits.stallMs, () => {
      this.#cancelStall = undefined;
      if (this.#paused) this.#options.onStuck('the client does not read');
      // Its windows are closed, but it may read why it has to go.
      else if (this.sender.queuedBytes >= before) {
        this.#options.onError(
          new ConnectionError(errorCode.enhanceYourCalm, 'the client takes nothing of what it asked for'),
        );
      } else this.#watchStall();
    });
  }

  /** Nothing goes out any more. */
  stop(): void {
    this.#stopped = true;
  }
}

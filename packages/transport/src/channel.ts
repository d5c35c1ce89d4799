// One connection that speaks frames: preamble, pings, and the ways it may die. It knows nothing of who is at the other
// end or what the frames mean.
//
// Both sides ping. A side that has read nothing for three ping spans closes: that ends half-open connections, and a
// frame that was begun and never finished. The count is of timers that ran, not of time, so a process that was stopped
// for a minute reads what has waited for it before it may conclude anything.

import type { Cancel, Ticker } from '@kontiki/raft';
import { ByteReader, type ByteWriter, MalformedError } from './bytes.ts';
import type { Checksum } from './crc32.ts';
import {
  encodeFrame,
  type Frame,
  type FrameId,
  type FrameKind,
  FrameReader,
  preamble,
  protocolVersion,
} from './frames.ts';
import type { Connection } from './network.ts';
import type { TransportRules } from './rules.ts';

/** What all channels of one transport share. */
export interface ChannelContext {
  readonly ticker: Ticker;
  readonly checksum: Checksum;
  readonly rules: TransportRules;
  readonly pingTicks: number;
  readonly frameBytesMax: number;
  /** The id of the next frame this process sends. */
  nextId(): FrameId;
  /** The other side refuses since a member was removed from a cluster for good. It need not be this one. */
  toldOfRemoval?(removed: Removed): void;
}

/** Whom a refusal names as removed. */
export interface Removed {
  readonly cluster: string;
  readonly id: string;
}

export interface ChannelHandler {
  frame(kind: FrameKind, body: ByteReader, id: FrameId): void;
  drained(): void;
  /** Once, and nothing after it. `refusal` is the sentence with which the other side refused, if it did. */
  closed(reason: string, refusal: string | undefined): void;
}

/** Before a greeting was accepted, no frame needs to be larger. */
const strangerFrameBytesMax = 8 * 1024;
const silentSpansMax = 3;

export class Channel {
  readonly remote: string;
  readonly #context: ChannelContext;
  readonly #connection: Connection;
  #handler: ChannelHandler;
  readonly #reader: FrameReader;
  #cancelPing: Cancel = () => {};
  #isBlocked = false;
  #isPaused = false;
  #isClosed = false;
  #silentSpans = 0;

  constructor(context: ChannelContext, connection: Connection, handler: ChannelHandler) {
    this.remote = connection.remote;
    this.#context = context;
    this.#connection = connection;
    this.#handler = handler;
    this.#reader = new FrameReader(context.checksum, strangerFrameBytesMax, context.rules);
    connection.start({
      data: (chunk) => this.#onData(chunk),
      drained: () => {
        this.#isBlocked = false;
        if (!this.#isClosed) this.#handler.drained();
      },
      closed: (reason) => this.#finish(reason, undefined),
    });
    connection.write(preamble);
    this.#ping();
  }

  /** More should wait for `drained`. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The other side is known now: large frames are allowed, and `handler` hears of everything from here on. */
  trust(handler: ChannelHandler): void {
    this.#reader.frameBytesMax = this.#context.frameBytesMax;
    this.#handler = handler;
  }

  /** Takes the bytes in any case; `isBlocked` afterwards says whether more should wait. */
  write(frame: Uint8Array): void {
    if (this.#isClosed) return;
    if (!this.#connection.write(frame)) this.#isBlocked = true;
  }

  send(kind: FrameKind, writeBody: (out: ByteWriter) => void = nothing): void {
    if (!this.#isClosed) this.write(encodeWith(this.#context, kind, 64, writeBody));
  }

  pause(): void {
    this.#isPaused = true;
    this.#connection.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#silentSpans = 0;
    this.#connection.resume();
  }

  /** Tells the other side why, and whom it names as removed, then closes. */
  refuse(reason: string, removed?: Removed): void {
    this.send('refused', (out) => {
      out.text(reason.slice(0, 300));
      if (removed === undefined) return;
      out.u8(removedMark);
      out.text(removed.cluster);
      out.text(removed.id);
    });
    this.#connection.end();
    this.#finish(reason, undefined);
  }

  close(reason: string): void {
    this.#connection.destroy();
    this.#finish(reason, undefined);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    const wasInside = this.#reader.isInsideFrame;
    let isFrameDone = false;
    this.#reader.push(chunk, (event) => {
      if (event.kind === 'malformed') {
        this.refuse(event.reason);
        return false;
      }
      if (event.kind === 'version') {
        this.refuse(
          `protocol version ${protocolVersion} is spoken here, the other side speaks ${event.version}: ` +
            'run releases that share a version, the older member first',
        );
        return false;
      }
      isFrameDone = true;
      this.#onFrame(event.frame);
      return !this.#isClosed;
    });
    // A frame that grows by a byte now and then is not life, except while it really moves: a whole chunk.
    if (isFrameDone || !wasInside || chunk.length >= livelyChunkBytes) this.#silentSpans = 0;
  }

  #onFrame(frame: Frame): void {
    try {
      const body = new ByteReader(frame.body);
      if (frame.kind === 'ping') return;
      if (frame.kind === 'refused') {
        const refusal = body.text('reason');
        const removed = readRemoved(body);
        if (removed !== undefined) this.#context.toldOfRemoval?.(removed);
        this.#connection.destroy();
        this.#finish(`refused by the other side: ${refusal}`, refusal);
        return;
      }
      this.#handler.frame(frame.kind, body, frame.id);
    } catch (error: unknown) {
      if (!(error instanceof MalformedError)) throw error;
      this.refuse(`a frame of kind ${frame.kind} is malformed: ${error.message}`);
    }
  }

  #ping(): void {
    this.#cancelPing = this.#context.ticker.after(this.#context.pingTicks, () => {
      if (!this.#isPaused) this.#silentSpans += 1;
      if (this.#silentSpans > silentSpansMax) {
        this.close(this.#reader.isInsideFrame ? 'half a frame, then silence' : 'silence: the other side sends nothing');
        return;
      }
      if (!this.#isBlocked) this.send('ping');
      this.#ping();
    });
  }

  #finish(reason: string, refusal: string | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPing();
    this.#handler.closed(reason, refusal);
  }
}

const livelyChunkBytes = 1024;
/** Behind the sentence of a refusal; a reader that does not know it has the sentence. */
const removedMark = 1;

function readRemoved(body: ByteReader): Removed | undefined {
  if (body.left === 0 || body.u8('mark') !== removedMark) return undefined;
  return { cluster: body.text('cluster id'), id: body.text('member id') };
}

/** One frame with the next message id of this process. */
export function encodeWith(
  context: ChannelContext,
  kind: FrameKind,
  expectedBytes: number,
  writeBody: (out: ByteWriter) => void,
): Uint8Array {
  return encodeFrame(kind, context.nextId(), context.checksum, expectedBytes, writeBody);
}

function nothing(): void {}

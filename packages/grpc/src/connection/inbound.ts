// RFC 9113 §3.4, §4, §6: the bytes of a client, one frame after the other, and what may come when. Frames that concern a
// stream go to the streams, whole field blocks among them; what a frame means for the connection's life is decided elsewhere.

import { errorCode, flag, frameBytesMin, frameType } from '../frames/frame.ts';
import { ConnectionError, StreamError } from '../frames/frame-errors.ts';
import { FrameReader } from '../frames/frame-reader.ts';
import {
  checkContinuation,
  checkGoaway,
  checkPing,
  checkPriority,
  headersSpan,
  type PeerSettings,
  readSettings,
} from '../frames/payloads.ts';
import type { FieldBlocks } from './field-blocks.ts';
import type { Floods } from './floods.ts';
import type { ConnectionLimits } from './limits.ts';
import type { MemoryShare } from './memory.ts';
import { readPreface } from './preface.ts';
import type { Scheduler } from './scheduler.ts';
import type { Streams } from './streams.ts';
import type { Timers } from './timers.ts';

export interface InboundOptions {
  readonly limits: ConnectionLimits;
  readonly blocks: FieldBlocks;
  readonly streams: Streams;
  readonly floods: Floods;
  readonly memory: MemoryShare;
  readonly timers: Timers;
  readonly scheduler: Scheduler;
  readonly onSettings: (settings: PeerSettings) => void;
  /** `opaque` is good until the call returns. */
  readonly onPing: (isAnswer: boolean, opaque: Buffer) => void;
  readonly onGoaway: () => void;
  /** More has come than is looked at in one turn: nothing need be read from the wire, until it is `false`. */
  readonly onBusy: (isBusy: boolean) => void;
  /** An offence that is found out later than it came, or something that did not come in time. */
  readonly onError: (error: unknown) => void;
}

/** Field blocks, which are nearly all requests. The others have their turn before more of them. */
const blocksPerTurn = 128;

export class Inbound {
  readonly #options: InboundOptions;
  readonly #blocks: FieldBlocks;
  readonly #streams: Streams;
  readonly #floods: Floods;
  readonly #reader: FrameReader;
  #preface: Buffer | undefined = Buffer.alloc(0);
  #settingsSeen = false;
  #settingsAcked = false;
  #cancelBlockTimer: () => void = () => undefined;
  #blocksOfTurn = 0;
  #isBusy = false;
  /** Came behind the last of a turn, and was not looked at yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of that, and of frames and field blocks that are not whole, as it was counted. */
  #partialBytes = 0;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#blocks = options.blocks;
    this.#streams = options.streams;
    this.#floods = options.floods;
    this.#reader = new FrameReader(frameBytesMin, (type, flags, streamId, bytes, start, end) =>
      this.#onFrame(type, flags, streamId, bytes, start, end),
    );
  }

  /** The client has said what it must say before anything else. */
  get hasPreface(): boolean {
    return this.#preface === undefined;
  }

  get hasSettings(): boolean {
    return this.#settingsSeen;
  }

  /** §6.5.3: it has ours too. */
  get hasAcknowledged(): boolean {
    return this.#settingsAcked;
  }

  /** Throws the offence that the bytes are; then it is over. */
  read(chunk: Buffer): void {
    try {
      const frames = this.#preface === undefined ? chunk : this.#readPreface(this.#preface, chunk);
      if (frames.length > 0) this.#readFrames(frames);
    } finally {
      this.#count();
    }
  }

  /** Nothing of what was read already is looked at any more. */
  stop(): void {
    this.#reader.stop();
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #readFrames(frames: Buffer): void {
    const at = this.#isBusy ? 0 : this.#reader.read(frames);
    if (at === frames.length) return;
    this.#waiting.push(frames.subarray(at));
    this.#waitingBytes += frames.length - at;
  }

  #onBlock(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    this.#blocksOfTurn += 1;
    if (this.#blocksOfTurn === 1) this.#options.scheduler.soon(this.#endTurn);
    if (this.#blocksOfTurn === blocksPerTurn) {
      this.#isBusy = true;
      this.#reader.pause();
      this.#options.onBusy(true);
    }
    this.#streams.onBlock(streamId, endStream, bytes, start, end);
  }

  readonly #endTurn = (): void => {
    this.#blocksOfTurn = 0;
    if (!this.#isBusy) return;
    this.#isBusy = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      for (const frames of waiting) this.#readFrames(frames);
    } catch (error: unknown) {
      this.#options.onError(error);
    } finally {
      this.#count();
    }
    if (!this.#isBusy) this.#options.onBusy(false);
  };

  #count(): void {
    const partialBytes = this.#reader.heldBytes + this.#blocks.heldBytes + this.#waitingBytes;
    this.#options.memory.add(partialBytes - this.#partialBytes);
    this.#partialBytes = partialBytes;
  }

  #readPreface(before: Buffer, chunk: Buffer): Buffer {
    const read = readPreface(before, chunk);
    if (read === undefined) throw new ConnectionError(errorCode.protocolError, 'this is not the preface of HTTP/2');
    this.#preface = read.waiting;
    return read.rest;
  }

  #onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const { openStream } = this.#blocks;
    if (openStream !== undefined && (type !== frameType.continuation || streamId !== openStream)) {
      // §6.10: any other frame in between is an error of the connection.
      throw new ConnectionError(errorCode.protocolError, 'a frame within a field block');
    }
    // §3.4: the first frame is SETTINGS.
    if (!this.#settingsSeen && (type !== frameType.settings || (flags & flag.ack) !== 0)) {
      throw new ConnectionError(errorCode.protocolError, 'the first frame is not SETTINGS');
    }
    try {
      this.#dispatch(type, flags, streamId, bytes, start, end);
    } catch (error: unknown) {
      if (!(error instanceof StreamError)) throw error;
      this.#streams.onStreamError(error);
    }
  }

  #dispatch(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case frameType.data:
        this.#streams.onData(flags, streamId, bytes, start, end);
        break;
      case frameType.headers:
        this.#onHeaders(flags, streamId, bytes, start, end);
        break;
      case frameType.continuation:
        this.#onContinuation(flags, streamId, bytes, start, end);
        break;
      case frameType.windowUpdate:
        this.#streams.onWindowUpdate(streamId, bytes, start, end);
        break;
      case frameType.rstStream:
        this.#streams.onRstStream(streamId, bytes, start, end);
        break;
      case frameType.settings:
        this.#onSettings(flags, streamId, bytes, start, end);
        break;
      case frameType.ping:
        this.#onPing(flags, streamId, bytes, start, end);
        break;
      case frameType.goaway:
        checkGoaway(streamId, start, end);
        this.#options.onGoaway();
        break;
      case frameType.pushPromise:
        // §8.4: a client cannot push.
        throw new ConnectionError(errorCode.protocolError, 'PUSH_PROMISE from a client');
      case frameType.priority:
        this.#floods.idleFrame();
        checkPriority(streamId, start, end);
        break;
      default:
        // §5.5: unknown types are ignored.
        this.#floods.idleFrame();
    }
  }

  #onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const span = headersSpan(flags, streamId, bytes, start, end);
    const endStream = (flags & flag.endStream) !== 0;
    if ((flags & flag.endHeaders) !== 0) {
      this.#onBlock(streamId, endStream, bytes, span.start, span.end);
      return;
    }
    this.#blocks.begin(streamId, endStream, bytes, span.start, span.end);
    this.#cancelBlockTimer = this.#options.timers.after(this.#options.limits.blockMs, () => {
      this.#options.onError(new ConnectionError(errorCode.enhanceYourCalm, 'a field block took too long'));
    });
  }

  #onContinuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    checkContinuation(streamId);
    const block = this.#blocks.proceed((flags & flag.endHeaders) !== 0, bytes, start, end);
    if (block === undefined) return;
    this.#cancelBlockTimer();
    this.#onBlock(streamId, block.endStream, block.bytes, 0, block.bytes.length);
  }

  #onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#floods.idleFrame();
    const settings = readSettings(flags, streamId, bytes, start, end);
    if (settings === undefined) {
      this.#settingsAcked = true;
      return;
    }
    this.#settingsSeen = true;
    this.#options.onSettings(settings);
  }

  #onPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    checkPing(streamId, start, end);
    this.#floods.idleFrame();
    this.#options.onPing((flags & flag.ack) !== 0, bytes.subarray(start, end));
  }
}

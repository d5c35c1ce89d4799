// RFC 9113: one HTTP/2 connection of a server. Bytes come in, requests go up; responses come down, and the frames of one
// turn go out together. Knows neither sockets nor gRPC. After the first offence against the connection it is over.

import { type ErrorCode, errorCode, flag, frameBytesMin, frameType, setting, windowDefault } from '../frames/frame.ts';
import { ConnectionError, StreamError } from '../frames/frame-errors.ts';
import { FrameReader } from '../frames/frame-reader.ts';
import { type ChunkPool, FrameWriter } from '../frames/frame-writer.ts';
import {
  checkContinuation,
  checkGoaway,
  checkPing,
  checkPriority,
  headersSpan,
  type PeerSettings,
  readSettings,
} from '../frames/payloads.ts';
import { CompressionError } from '../hpack/compression-error.ts';
import { Decoder } from '../hpack/decoder.ts';
import { Encoder } from '../hpack/encoder.ts';
import type { ConnectionEvent } from './events.ts';
import { FieldBlocks } from './field-blocks.ts';
import { calmDown, Floods } from './floods.ts';
import { Keepalive, type KeepaliveOptions, PingPolicy } from './keepalive.ts';
import type { ConnectionLimits } from './limits.ts';
import type { MemoryBudget, MemoryShare } from './memory.ts';
import { readPreface } from './preface.ts';
import { Receiver } from './receive-window.ts';
import type { Scheduler } from './scheduler.ts';
import { Sender } from './sender.ts';
import type { RequestHandler } from './stream.ts';
import { Streams, streamIdMax } from './streams.ts';
import { Timers } from './timers.ts';
import type { Wire } from './wire.ts';

export interface ConnectionOptions {
  readonly wire: Wire;
  readonly scheduler: Scheduler;
  readonly limits: ConnectionLimits;
  readonly keepalive: KeepaliveOptions;
  readonly handler: RequestHandler;
  readonly pool: ChunkPool;
  /** Of all connections together. */
  readonly memory: MemoryBudget;
  readonly onEvent: (event: ConnectionEvent) => void;
  /** No streams any more, and nothing more is read. */
  readonly onClosed: () => void;
}

/** RFC 7541 §4: the size of the table until SETTINGS change it, and all that the repeated fields of gRPC need. */
const tableBytes = 4096;
/** What is written last may take so long to be read. */
const lingerMs = 1000;
/** A client answers the PING of a drain within this, or is taken to know. */
const drainPingMs = 1000;
const keepalivePing = Buffer.from('keepaliv', 'latin1');
const drainPing = Buffer.from('draining', 'latin1');

/** `draining`: GOAWAY was sent, streams may end. `over`: nothing more is read. */
type Phase = 'open' | 'draining' | 'over';

export class Connection {
  readonly #wire: Wire;
  readonly #scheduler: Scheduler;
  readonly #limits: ConnectionLimits;
  readonly #pool: ChunkPool;
  readonly #onEvent: (event: ConnectionEvent) => void;
  readonly #onClosed: () => void;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #blocks: FieldBlocks;
  readonly #encoder: Encoder;
  readonly #floods: Floods;
  readonly #pings: PingPolicy;
  readonly #keepalive: Keepalive;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #streams: Streams;
  readonly #timers: Timers;
  readonly #memory: MemoryShare;
  /** Of frames and field blocks that are not whole, as it was counted. */
  #partialBytes = 0;
  #phase: Phase = 'open';
  #preface: Buffer | undefined = Buffer.alloc(0);
  #settingsSeen = false;
  #settingsAcked = false;
  #flushing = false;
  #paused = false;
  #clientGone = false;
  #cancelBlockTimer: () => void = () => undefined;
  #cancelStall: (() => void) | undefined;
  #cancelLinger: () => void = () => undefined;

  constructor({ wire, scheduler, limits, keepalive, handler, pool, memory, onEvent, onClosed }: ConnectionOptions) {
    this.#wire = wire;
    this.#scheduler = scheduler;
    this.#limits = limits;
    this.#pool = pool;
    this.#onEvent = onEvent;
    this.#onClosed = onClosed;
    this.#timers = new Timers(scheduler);
    this.#memory = memory.share(() => this.#onError(mostMemory()));
    this.#writer = new FrameWriter(pool);
    this.#encoder = new Encoder({ tableSizeMax: tableBytes });
    this.#floods = new Floods(limits, scheduler);
    this.#pings = new PingPolicy(keepalive, scheduler);
    const decoder = new Decoder({ tableSizeMax: tableBytes, listSizeMax: limits.headerListBytesMax });
    this.#blocks = new FieldBlocks(decoder, limits);
    this.#reader = new FrameReader(frameBytesMin, (type, flags, streamId, bytes, start, end) =>
      this.#onFrame(type, flags, streamId, bytes, start, end),
    );
    this.#sender = new Sender({
      writer: this.#writer,
      encoder: this.#encoder,
      limits,
      floods: this.#floods,
      memory: this.#memory,
      onAnswered: () => {
        this.#floods.answered();
        this.#pings.answered();
      },
      onWork: () => this.#flushSoon(),
      onEnded: (streamId) => this.#streams.onResponseEnded(streamId),
      onOverrun: (streamId) => this.#streams.onOverrun(streamId),
    });
    this.#receiver = new Receiver(
      limits,
      (streamId, increment) => {
        this.#writer.windowUpdate(streamId, increment);
        this.#flushSoon();
      },
      () => this.#flushSoon(),
      this.#memory,
      (streamId) => this.#streams.onStarved(streamId),
    );
    this.#streams = new Streams({
      limits,
      floods: this.#floods,
      blocks: this.#blocks,
      sender: this.#sender,
      receiver: this.#receiver,
      memory: this.#memory,
      handler,
      writeReset: (streamId, code) => {
        this.#writer.rstStream(streamId, code);
        this.#flushSoon();
      },
      onEvent,
      onFewer: () => this.#endIfDrained(),
    });
    this.#keepalive = new Keepalive(
      keepalive,
      scheduler,
      () => this.#sendPing(keepalivePing),
      () => this.#cut('no answer to a keep-alive PING'),
    );
    this.#timers.after(limits.openingMs, () => this.#checkOpened());
    this.#greet();
  }

  /** Requests that are served, those included whose clients no longer want an answer. */
  get calls(): number {
    return this.#streams.calls;
  }

  /** Bytes of responses that wait for the client. */
  get queuedBytes(): number {
    return this.#sender.queuedBytes;
  }

  /** Streams that have something to send, and a window for it. */
  get line(): number {
    return this.#sender.line;
  }

  /** Bytes came. They may be kept, so nobody may write there again. */
  receive(chunk: Buffer): void {
    if (this.#phase === 'over') return;
    this.#keepalive.heard();
    try {
      const frames = this.#preface === undefined ? chunk : this.#readPreface(this.#preface, chunk);
      if (frames.length > 0) this.#reader.read(frames);
    } catch (error: unknown) {
      this.#onError(error);
    }
    const partialBytes = this.#reader.heldBytes + this.#blocks.heldBytes;
    this.#memory.add(partialBytes - this.#partialBytes);
    this.#partialBytes = partialBytes;
  }

  /** The wire holds nothing back any more. */
  drained(): void {
    if (this.#phase === 'over') return;
    if (this.#paused) {
      this.#paused = false;
      this.#wire.resume();
    }
    this.#sender.unblock();
    this.#watchStall();
  }

  /** The wire is gone. */
  lost(): void {
    this.#cancelLinger();
    this.#leave();
  }

  /**
   * §6.8: takes no more requests, and closes when those there are have ended; after `graceMs` anyway. The first GOAWAY
   * names no stream, so that what the client has sent by then is served; the second one, a round trip later, does.
   */
  drain(graceMs: number): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'draining';
    this.#goaway(streamIdMax, errorCode.noError, '');
    this.#sendPing(drainPing);
    this.#timers.after(drainPingMs, () => this.#drainFurther());
    this.#timers.after(graceMs, () => this.#end());
  }

  /** Closes at once, with GOAWAY. */
  close(code: ErrorCode, message: string): void {
    if (this.#phase === 'over') return;
    this.#goaway(this.#streams.last, code, message);
    this.#end();
  }

  /** §3.4: the server's preface is its SETTINGS. */
  #greet(): void {
    const { concurrentStreamsMax, streamWindowBytes, headerListBytesMax, connectionWindowBytes } = this.#limits;
    this.#writer.settings([
      [setting.maxConcurrentStreams, concurrentStreamsMax],
      [setting.initialWindowSize, streamWindowBytes],
      [setting.maxHeaderListSize, headerListBytesMax],
    ]);
    // §6.9.2: SETTINGS cannot change the connection's window.
    if (connectionWindowBytes > windowDefault) this.#writer.windowUpdate(0, connectionWindowBytes - windowDefault);
    this.#flushSoon();
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
        this.#clientGone = true;
        this.#endIfDrained();
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
      this.#streams.onBlock(streamId, endStream, bytes, span.start, span.end);
      return;
    }
    this.#blocks.begin(streamId, endStream, bytes, span.start, span.end);
    this.#cancelBlockTimer = this.#timers.after(this.#limits.blockMs, () => {
      this.#onError(new ConnectionError(errorCode.enhanceYourCalm, 'a field block took too long'));
    });
  }

  #onContinuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    checkContinuation(streamId);
    const block = this.#blocks.proceed((flags & flag.endHeaders) !== 0, bytes, start, end);
    if (block === undefined) return;
    this.#cancelBlockTimer();
    this.#streams.onBlock(streamId, block.endStream, block.bytes, 0, block.bytes.length);
  }

  #onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#floods.idleFrame();
    const settings = readSettings(flags, streamId, bytes, start, end);
    if (settings === undefined) {
      this.#settingsAcked = true;
      return;
    }
    this.#settingsSeen = true;
    this.#apply(settings);
    // §6.5.3: acknowledged once they are applied.
    this.#writer.settingsAck();
    this.#flushSoon();
  }

  #apply({ headerTableSize, initialWindowSize, maxFrameSize }: PeerSettings): void {
    if (headerTableSize !== undefined) this.#encoder.limitTable(headerTableSize);
    if (maxFrameSize !== undefined) this.#sender.setFrameBytesMax(maxFrameSize);
    if (initialWindowSize !== undefined) this.#sender.setInitialWindow(initialWindowSize, this.#streams.outgoing());
  }

  #onPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    checkPing(streamId, start, end);
    const opaque = bytes.subarray(start, end);
    this.#floods.idleFrame();
    if ((flags & flag.ack) !== 0) {
      if (drainPing.equals(opaque)) this.#drainFurther();
      return;
    }
    if (!this.#pings.pinged(this.#streams.open)) calmDown('too_many_pings');
    this.#writer.ping(true, opaque);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#scheduler.soon(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#phase === 'over') return;
    try {
      this.#receiver.flush();
      const more = this.#sender.pump();
      this.#writeOut();
      if (!this.#sender.calm) calmDown('windows too small for what was asked');
      if (this.#sender.isStarved) throw mostMemory();
      if (more && !this.#paused) this.#flushSoon();
      this.#watchStall();
    } catch (error: unknown) {
      this.#onError(error);
    }
  }

  #writeOut(): void {
    if (this.#writer.bytes === 0) return;
    const { bytes } = this.#writer;
    const { buffers, chunks } = this.#writer.take();
    this.#memory.add(bytes);
    const waiting = this.#wire.write(buffers, () => {
      this.#memory.add(-bytes);
      for (const chunk of chunks) this.#pool.give(chunk);
    });
    if (waiting >= this.#limits.backlogBytesMax) {
      // Who does not read answers is not read either: all that it sends would be answered.
      this.#sender.block();
      this.#paused = true;
      this.#wire.pause();
    }
  }

  /** Too much is held back, and nothing of it leaves: the client has stopped reading. */
  #watchStall(): void {
    const over = this.#paused || this.#sender.queuedBytes > this.#limits.queueBytesMax;
    if (!over) {
      this.#cancelStall?.();
      this.#cancelStall = undefined;
      return;
    }
    if (this.#cancelStall !== undefined) return;
    const before = this.#sender.queuedBytes;
    this.#cancelStall = this.#timers.after(this.#limits.stallMs, () => {
      this.#cancelStall = undefined;
      if (this.#paused) this.#cut('the client does not read');
      // Its windows are closed, but it may read why it has to go.
      else if (this.#sender.queuedBytes >= before) {
        this.#onError(new ConnectionError(errorCode.enhanceYourCalm, 'the client takes nothing of what it asked for'));
      } else this.#watchStall();
    });
  }

  #sendPing(opaque: Buffer): void {
    this.#writer.ping(false, opaque);
    this.#flushSoon();
  }

  #goaway(lastStreamId: number, code: ErrorCode, message: string): void {
    this.#writer.goaway(lastStreamId, code, message);
    this.#flushSoon();
  }

  #drainFurther(): void {
    if (this.#phase !== 'draining' || this.#streams.limit !== streamIdMax) return;
    this.#streams.limitToLast();
    this.#goaway(this.#streams.last, errorCode.noError, '');
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#isDrained()) return;
    // What is said in this turn still goes out.
    this.#scheduler.soon(() => {
      if (this.#isDrained()) this.#end();
    });
  }

  #isDrained(): boolean {
    if (this.#phase === 'over' || this.#streams.open > 0) return false;
    return this.#clientGone || (this.#phase === 'draining' && this.#streams.limit !== streamIdMax);
  }

  #checkOpened(): void {
    if (this.#preface !== undefined) this.#cut('no preface in time');
    // §6.5.3.
    else if (!this.#settingsSeen) {
      this.#onError(new ConnectionError(errorCode.settingsTimeout, 'no SETTINGS in time'));
    } else if (!this.#settingsAcked) {
      this.#onError(new ConnectionError(errorCode.settingsTimeout, 'SETTINGS were not acknowledged'));
    }
  }

  #onError(error: unknown): void {
    if (this.#phase === 'over') return;
    if (error instanceof ConnectionError) {
      this.#onEvent({ kind: 'offence', code: error.code, message: error.message });
      this.close(error.code, error.message);
    } else if (error instanceof CompressionError) {
      this.#onEvent({ kind: 'offence', code: errorCode.compressionError, message: error.message });
      this.close(errorCode.compressionError, error.message);
    } else {
      this.#onEvent({ kind: 'fault', error });
      this.close(errorCode.internalError, '');
    }
  }

  #cut(message: string): void {
    if (this.#phase === 'over') return;
    this.#onEvent({ kind: 'timeout', message });
    this.#wire.destroy();
    this.#leave();
  }

  /** Writes what is written, reads no more, and waits a little for the client to close. */
  #end(): void {
    if (this.#phase === 'over') return;
    this.#writeOut();
    this.#wire.end();
    this.#cancelLinger = this.#scheduler.after(lingerMs, () => this.#wire.destroy());
    this.#leave();
  }

  #leave(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#reader.stop();
    this.#keepalive.stop();
    this.#timers.stop();
    this.#streams.forgetAll();
    this.#memory.close();
    this.#onClosed();
  }
}

function mostMemory(): ConnectionError {
  return new ConnectionError(
    errorCode.enhanceYourCalm,
    'the server has no memory left, and this client holds the most',
  );
}

// RFC 9113: one HTTP/2 connection of a server, and its life: opening, draining, and the end, whoever brings it about. Knows
// neither sockets nor gRPC. After the first offence against the connection it is over.

import { type ErrorCode, errorCode, setting, windowDefault } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import type { ChunkPool } from '../frames/frame-writer.ts';
import type { PeerSettings } from '../frames/payloads.ts';
import { CompressionError } from '../hpack/compression-error.ts';
import { Decoder } from '../hpack/decoder.ts';
import { Encoder } from '../hpack/encoder.ts';
import type { ConnectionEvent } from './events.ts';
import { FieldBlocks } from './field-blocks.ts';
import { calmDown, Floods } from './floods.ts';
import { Inbound } from './inbound.ts';
import { Keepalive, type KeepaliveOptions, PingPolicy } from './keepalive.ts';
import type { ConnectionLimits } from './limits.ts';
import { type MemoryBudget, type MemoryShare, mostMemory } from './memory.ts';
import { Outbound } from './outbound.ts';
import { Receiver } from './receive-window.ts';
import type { Scheduler } from './scheduler.ts';
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
  readonly #onEvent: (event: ConnectionEvent) => void;
  readonly #onClosed: () => void;
  readonly #encoder: Encoder;
  readonly #pings: PingPolicy;
  readonly #keepalive: Keepalive;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #receiver: Receiver;
  readonly #streams: Streams;
  readonly #timers: Timers;
  readonly #memory: MemoryShare;
  #phase: Phase = 'open';
  #clientGone = false;
  #cancelLinger: () => void = () => undefined;
  readonly #endStillDrained = (): void => {
    if (this.#isDrained()) this.#end();
  };

  constructor({ wire, scheduler, limits, keepalive, handler, pool, memory, onEvent, onClosed }: ConnectionOptions) {
    this.#wire = wire;
    this.#scheduler = scheduler;
    this.#limits = limits;
    this.#onEvent = onEvent;
    this.#onClosed = onClosed;
    this.#timers = new Timers(scheduler);
    this.#memory = memory.share({
      scheduler,
      yieldMs: limits.yieldMs,
      giveUp: () => this.#onError(mostMemory()),
    });
    this.#encoder = new Encoder({ tableSizeMax: tableBytes });
    this.#pings = new PingPolicy(keepalive, scheduler);
    const floods = new Floods(limits, scheduler);
    const decoder = new Decoder({ tableSizeMax: tableBytes, listSizeMax: limits.headerListBytesMax });
    const blocks = new FieldBlocks(decoder, limits);
    const shared = { limits, floods, memory: this.#memory, timers: this.#timers };
    this.#outbound = new Outbound({
      ...shared,
      wire,
      scheduler,
      pool,
      encoder: this.#encoder,
      onAnswered: () => {
        floods.answered();
        this.#pings.answered();
      },
      onEnded: (streamId) => this.#streams.onResponseEnded(streamId),
      onRoom: (streamId) => this.#streams.onRoom(streamId),
      onOverrun: (streamId) => this.#streams.onOverrun(streamId),
      onTurn: () => this.#receiver.flush(),
      onError: (error) => this.#onError(error),
      onStuck: (message) => this.#cut(message),
    });
    this.#receiver = new Receiver(
      limits,
      (streamId, increment) => this.#outbound.windowUpdate(streamId, increment),
      () => this.#outbound.flushSoon(),
      this.#memory,
      (streamId) => this.#streams.onStarved(streamId),
    );
    this.#streams = new Streams({
      ...shared,
      blocks,
      sender: this.#outbound.sender,
      receiver: this.#receiver,
      handler,
      writeReset: (streamId, code) => this.#outbound.rstStream(streamId, code),
      onEvent,
      onFewer: () => this.#endIfDrained(),
    });
    this.#inbound = new Inbound({
      ...shared,
      blocks,
      scheduler,
      streams: this.#streams,
      onSettings: (settings) => this.#apply(settings),
      onPing: (isAnswer, opaque) => this.#onPing(isAnswer, opaque),
      onGoaway: () => {
        this.#clientGone = true;
        this.#endIfDrained();
      },
      onBusy: (isBusy) => this.#outbound.readerIsBusy(isBusy),
      onError: (error) => this.#onError(error),
    });
    this.#keepalive = new Keepalive(
      keepalive,
      scheduler,
      () => this.#outbound.ping(false, keepalivePing),
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
    return this.#outbound.sender.queuedBytes;
  }

  /** Streams that have something to send, and a window for it. */
  get line(): number {
    return this.#outbound.sender.line;
  }

  /** Bytes came. They may be kept, so nobody may write there again. */
  receive(chunk: Buffer): void {
    if (this.#phase === 'over') return;
    this.#keepalive.heard();
    try {
      this.#inbound.read(chunk);
    } catch (error: unknown) {
      this.#onError(error);
    }
  }

  /** The wire holds nothing back any more. */
  drained(): void {
    if (this.#phase !== 'over') this.#outbound.drained();
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
    this.#outbound.goaway(streamIdMax, errorCode.noError, '');
    this.#outbound.ping(false, drainPing);
    this.#timers.after(drainPingMs, () => this.#drainFurther());
    this.#timers.after(graceMs, () => this.#end());
  }

  /** Closes at once, with GOAWAY. */
  close(code: ErrorCode, message: string): void {
    if (this.#phase === 'over') return;
    this.#outbound.goaway(this.#streams.last, code, message);
    this.#end();
  }

  /** §3.4: the server's preface is its SETTINGS. */
  #greet(): void {
    const { concurrentStreamsMax, streamWindowBytes, headerListBytesMax, connectionWindowBytes } = this.#limits;
    this.#outbound.settings([
      [setting.maxConcurrentStreams, concurrentStreamsMax],
      [setting.initialWindowSize, streamWindowBytes],
      [setting.maxHeaderListSize, headerListBytesMax],
    ]);
    // §6.9.2: SETTINGS cannot change the connection's window.
    if (connectionWindowBytes > windowDefault) this.#outbound.windowUpdate(0, connectionWindowBytes - windowDefault);
  }

  #apply({ headerTableSize, initialWindowSize, maxFrameSize }: PeerSettings): void {
    const { sender } = this.#outbound;
    if (headerTableSize !== undefined) this.#encoder.limitTable(headerTableSize);
    if (maxFrameSize !== undefined) sender.setFrameBytesMax(maxFrameSize);
    if (initialWindowSize !== undefined) sender.setInitialWindow(initialWindowSize, this.#streams.outgoing());
    // §6.5.3: acknowledged once they are applied.
    this.#outbound.settingsAck();
  }

  #onPing(isAnswer: boolean, opaque: Buffer): void {
    if (!isAnswer) {
      if (!this.#pings.pinged(this.#streams.open)) calmDown('too_many_pings');
      this.#outbound.ping(true, opaque);
    } else if (drainPing.equals(opaque)) this.#drainFurther();
  }

  #drainFurther(): void {
    if (this.#phase !== 'draining' || this.#streams.limit !== streamIdMax) return;
    this.#streams.limitToLast();
    this.#outbound.goaway(this.#streams.last, errorCode.noError, '');
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#isDrained()) return;
    // What is said in this turn still goes out.
    this.#scheduler.soon(this.#endStillDrained);
  }

  #isDrained(): boolean {
    if (this.#phase === 'over' || this.#streams.open > 0) return false;
    return this.#clientGone || (this.#phase === 'draining' && this.#streams.limit !== streamIdMax);
  }

  #checkOpened(): void {
    if (!this.#inbound.hasPreface) this.#cut('no preface in time');
    // §6.5.3.
    else if (!this.#inbound.hasSettings) {
      this.#onError(new ConnectionError(errorCode.settingsTimeout, 'no SETTINGS in time'));
    } else if (!this.#inbound.hasAcknowledged) {
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
    this.#outbound.writeOut();
    this.#wire.end();
    this.#cancelLinger = this.#scheduler.after(lingerMs, () => this.#wire.destroy());
    this.#leave();
  }

  #leave(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#inbound.stop();
    this.#outbound.stop();
    this.#keepalive.stop();
    this.#timers.stop();
    this.#streams.forgetAll();
    this.#memory.close();
    this.#onClosed();
  }
}

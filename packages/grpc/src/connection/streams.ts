// RFC 9113 §5.1, §8.1: the streams of a connection, and every frame that concerns one. Decides what a frame means in the
// state that its stream is in; how streams come to an end is here too, from whichever side.

import { type ErrorCode, errorCode, flag } from '../frames/frame.ts';
import { ConnectionError, StreamError } from '../frames/frame-errors.ts';
import { dataSpan, rstStreamCode, windowIncrement } from '../frames/payloads.ts';
import type { Answers } from './answers.ts';
import { ClosedStreams } from './closed-streams.ts';
import type { ConnectionEvent } from './events.ts';
import type { FieldBlocks } from './field-blocks.ts';
import type { Floods } from './floods.ts';
import type { ConnectionLimits } from './limits.ts';
import type { MemoryShare } from './memory.ts';
import type { Outgoing } from './outgoing.ts';
import type { Receiver } from './receive-window.ts';
import { areTrailers } from './request-head.ts';
import type { Sender } from './sender.ts';
import { type RequestHandler, Stream, type StreamHost } from './stream.ts';

export interface StreamsOptions {
  readonly limits: ConnectionLimits;
  readonly floods: Floods;
  readonly blocks: FieldBlocks;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly memory: MemoryShare;
  readonly handler: RequestHandler;
  readonly writeReset: (streamId: number, code: ErrorCode) => void;
  readonly onEvent: (event: ConnectionEvent) => void;
  /** A stream ended, or the work for it did. */
  readonly onFewer: () => void;
}

/** Of a stream that holds nothing yet, … */
const streamBytes = 1024;
/** … and of its head, which is there as long as the call is: fields are objects, and take more than they count. */
const headFactor = 2;

export const streamIdMax: number = 2 ** 31 - 1;

export class Streams implements StreamHost {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly answers: Answers;
  readonly #options: StreamsOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #closed = new ClosedStreams();
  #last = 0;
  #limit = streamIdMax;
  /** Taken back by the client, but their handlers still work. */
  #lingering = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.sender = options.sender;
    this.receiver = options.receiver;
    this.answers = options.memory.answers;
  }

  /** Streams that the client can still hear of. */
  get open(): number {
    return this.#streams.size;
  }

  /** Open ones, and those whose handlers still work for a client that no longer wants to know. */
  get calls(): number {
    return this.#streams.size + this.#lingering;
  }

  /** The highest stream that a client has opened. */
  get last(): number {
    return this.#last;
  }

  /** Streams beyond this are not looked at: a GOAWAY has said so (§6.8). */
  get limit(): number {
    return this.#limit;
  }

  /** No stream after the last one is looked at. */
  limitToLast(): void {
    this.#limit = this.#last;
  }

  *outgoing(): Generator<Outgoing> {
    for (const stream of this.#streams.values()) yield stream.outgoing;
  }

  reset(stream: Stream, code: ErrorCode): void {
    if (stream.gone) return;
    this.#sendReset(stream.id, code);
    this.#forget(stream);
  }

  released(stream: Stream): void {
    if (!stream.gone) return;
    this.#options.memory.finish(stream.bytes + stream.incoming.countedBytes);
    this.#lingering -= 1;
    this.#options.onFewer();
  }

  /** The connection is over: every handler hears of it. */
  forgetAll(): void {
    for (const stream of [...this.#streams.values()]) this.#forget(stream);
  }

  onData(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const span = dataSpan(flags, streamId, bytes, start, end);
    const endStream = (flags & flag.endStream) !== 0;
    if (!endStream) this.#options.floods.data(span.end - span.start);
    // §6.9: counted whatever becomes of it, padding included.
    if (!this.receiver.arrived(end - start)) {
      throw new ConnectionError(errorCode.flowControlError, 'more DATA than the window of the connection');
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#onLate(streamId, 'DATA');
      return;
    }
    // §5.1: half-closed (remote).
    if (stream.remoteEnded) throw new StreamError(streamId, errorCode.streamClosed, 'DATA behind END_STREAM');
    if (!this.receiver.arrivedOn(stream.incoming, end - start)) {
      throw new StreamError(streamId, errorCode.flowControlError, 'more DATA than the window of the stream');
    }
    const length = span.end - span.start;
    this.#keepPromise(stream, length, endStream);
    if (end - start > length) stream.taken(end - start - length);
    if (length > 0) {
      if (stream.listener === undefined) this.#dropData(stream, length);
      else stream.listener.data(bytes, span.start, span.end);
    }
    if (stream.incoming.unread > 0 && !stream.gone && !this.#options.memory.allows(0)) this.onStarved(streamId);
    if (endStream && !stream.gone) this.#onRequestEnded(stream);
  }

  /** Nothing more of this request can be held. */
  onStarved(streamId: number): void {
    this.#options.onEvent({ kind: 'refused', streamId });
    this.#streams.get(streamId)?.listener?.starved();
  }

  /** A whole field block. */
  onBlock(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    // §5.1.1: clients open odd streams.
    if (streamId % 2 === 0) throw new ConnectionError(errorCode.protocolError, `a client opens stream ${streamId}`);
    if (streamId > this.#last) {
      this.#onRequest(streamId, endStream, bytes, start, end);
      return;
    }
    // Decoded whatever becomes of it, so that the tables stay in step (§4.3).
    const { fields, tooLarge } = this.#options.blocks.decode(bytes, start, end);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#onLate(streamId, 'HEADERS');
      return;
    }
    if (stream.remoteEnded) throw new StreamError(streamId, errorCode.streamClosed, 'HEADERS behind END_STREAM');
    // §8.1: trailers end their stream, and are ordinary fields.
    if (!endStream || tooLarge || !areTrailers(fields)) {
      throw new StreamError(streamId, errorCode.protocolError, 'malformed trailers');
    }
    this.#keepPromise(stream, 0, true);
    this.#onRequestEnded(stream);
  }

  onRstStream(streamId: number, bytes: Buffer, start: number, end: number): void {
    const code = rstStreamCode(streamId, bytes, start, end);
    this.#options.floods.reset();
    this.#checkNotIdle(streamId, 'RST_STREAM');
    const stream = this.#streams.get(streamId);
    // §5.1: on a closed stream it may have crossed our END_STREAM.
    if (stream === undefined) return;
    const { listener } = stream;
    this.sender.abandon(stream.outgoing);
    this.#drop(stream);
    listener?.cancelled(code);
  }

  onWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#options.floods.windowUpdate();
    const increment = windowIncrement(streamId, bytes, start, end);
    if (streamId === 0) {
      this.sender.widenConnection(increment);
      return;
    }
    this.#checkNotIdle(streamId, 'WINDOW_UPDATE');
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.sender.widen(stream.outgoing, increment);
  }

  onStreamError({ streamId, code, message }: StreamError): void {
    // Whoever makes us reset streams is no better than one who resets them (CVE-2025-8671).
    this.#options.floods.reset();
    // §5.4.2: a RST_STREAM on an idle stream would be an error of ours (§5.1).
    if (this.#isIdle(streamId)) throw new ConnectionError(code, `${message}, on a stream that is idle`);
    this.#options.onEvent({ kind: 'streamOffence', streamId, code, message });
    this.#sendReset(streamId, code);
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#forget(stream);
  }

  /** END_STREAM went out. §8.1: a request that is not all there is given up without blame, at once or a little later. */
  onResponseEnded(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    const { listener } = stream;
    stream.listener = undefined;
    if (stream.remoteEnded) this.#drop(stream);
    else if (stream.droppable === 0) this.#giveUp(stream);
    listener?.finished();
  }

  /** Whoever writes the answer was told to wait, and may go on. */
  onRoom(streamId: number): void {
    this.#streams.get(streamId)?.listener?.room();
  }

  /** Its answer has come to more than may be held back, and its client does not take it. */
  onOverrun(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    const code = errorCode.enhanceYourCalm;
    this.#options.onEvent({ kind: 'streamOffence', streamId, code, message: 'the answer is not taken' });
    this.reset(stream, code);
  }

  #onRequest(streamId: number, ended: boolean, bytes: Buffer, start: number, end: number): void {
    const { blocks, floods, handler, limits, memory, onEvent } = this.#options;
    if (streamId > this.#last + 2) this.#closed.skipped(this.#last + 1, streamId - 1);
    this.#last = streamId;
    floods.requested();
    const head = blocks.decodeRequest(bytes, start, end);
    const full = this.calls >= limits.concurrentStreamsMax || this.sender.queuedBytes > limits.queueBytesMax;
    if (full || streamId > this.#limit) {
      // §5.1.2, §8.7: it may be tried again.
      floods.reset();
      onEvent({ kind: 'refused', streamId });
      this.#sendReset(streamId, errorCode.refusedStream);
      return;
    }
    if (head === 'malformed') throw new StreamError(streamId, errorCode.protocolError, 'a malformed request');
    const own = head === 'tooLarge' ? streamBytes : streamBytes + headFactor * head.size;
    const stream = new Stream(this, streamId, ended, head === 'tooLarge' ? undefined : head.contentLength, own);
    this.#keepPromise(stream, 0, ended);
    const starved = !memory.allows(own);
    memory.add(own);
    this.#streams.set(streamId, stream);
    if (starved) {
      onEvent({ kind: 'refused', streamId });
      handler.starved(stream);
      stream.release();
    } else if (head === 'tooLarge') {
      floods.reset();
      handler.oversized(stream);
      stream.release();
    } else {
      const listener = handler.open(head, stream, ended);
      stream.listener = listener;
      // Answered within the call; nobody could be told then.
      if (stream.gone) listener.finished();
    }
  }

  #onRequestEnded(stream: Stream): void {
    stream.remoteEnded = true;
    if (stream.outgoing.over) this.#drop(stream);
    else stream.listener?.requestEnded();
  }

  /** DATA behind the end of the answer. */
  #dropData(stream: Stream, length: number): void {
    stream.droppable -= length;
    if (stream.droppable <= 0) this.#giveUp(stream);
    else stream.taken(length);
  }

  #giveUp(stream: Stream): void {
    this.#sendReset(stream.id, errorCode.noError);
    this.#drop(stream);
  }

  /** §8.1.1: a request whose DATA is not as long as its content-length is malformed. */
  #keepPromise(stream: Stream, bytes: number, ends: boolean): void {
    if (stream.promised === undefined) return;
    stream.promised -= bytes;
    if (stream.promised < 0 || (ends && stream.promised > 0)) {
      throw new StreamError(stream.id, errorCode.protocolError, 'DATA is not as long as content-length');
    }
  }

  /** A frame on a stream that is not there. Throws unless it may have been sent before the client knew (§5.1, closed). */
  #onLate(streamId: number, name: string): void {
    this.#checkNotIdle(streamId, name);
    if (this.#closed.mayNotKnow(streamId)) {
      this.#options.floods.idleFrame();
      return;
    }
    // §5.1.1: numbers only grow.
    const code = this.#closed.wasSkipped(streamId) ? errorCode.protocolError : errorCode.streamClosed;
    throw new ConnectionError(code, `${name} on stream ${streamId}, which is closed`);
  }

  #checkNotIdle(streamId: number, name: string): void {
    // §5.1: on an idle stream nothing but HEADERS and PRIORITY.
    if (this.#isIdle(streamId)) {
      throw new ConnectionError(errorCode.protocolError, `${name} on stream ${streamId}, which is idle`);
    }
  }

  #isIdle(streamId: number): boolean {
    return streamId > this.#last || streamId % 2 === 0;
  }

  #sendReset(streamId: number, code: ErrorCode): void {
    this.#closed.reset(streamId);
    this.#options.writeReset(streamId, code);
  }

  /** The stream was reset from here, or its connection is over. */
  #forget(stream: Stream): void {
    const { listener } = stream;
    this.sender.abandon(stream.outgoing);
    this.#drop(stream);
    listener?.cancelled(undefined);
  }

  #drop(stream: Stream): void {
    stream.gone = true;
    stream.listener = undefined;
    this.receiver.close(stream.incoming, !stream.released);
    this.#streams.delete(stream.id);
    if (stream.released) {
      this.#options.memory.add(-stream.bytes);
    } else {
      this.#options.memory.linger(stream.bytes + stream.incoming.countedBytes);
      this.#lingering += 1;
    }
    this.#options.onFewer();
  }
}

// RFC 9113 §5.2, §6.9: who may send how much, and who is next. Streams with something to send take turns, a frame each,
// as far as their windows, the window of the connection and the socket allow.

import { errorCode, frameBytesMin, windowDefault, windowMax } from '../frames/frame.ts';
import { ConnectionError, StreamError } from '../frames/frame-errors.ts';
import { type FrameWriter, noLead } from '../frames/frame-writer.ts';
import type { Encoder } from '../hpack/encoder.ts';
import type { HeaderField } from '../hpack/header-field.ts';
import type { Floods } from './floods.ts';
import type { ConnectionLimits } from './limits.ts';
import type { MemoryShare } from './memory.ts';
import { Outgoing, type Trailers } from './outgoing.ts';

export interface SenderOptions {
  readonly writer: FrameWriter;
  readonly encoder: Encoder;
  readonly limits: ConnectionLimits;
  readonly floods: Floods;
  readonly memory: MemoryShare;
  /** HEADERS or DATA were written. */
  readonly onAnswered: () => void;
  /** Something was written, or could be: `pump` is to be called soon. */
  readonly onWork: () => void;
  /** END_STREAM of this stream has just been written. */
  readonly onEnded: (streamId: number) => void;
  /** Its writer was told to wait, and may go on. */
  readonly onRoom: (streamId: number) => void;
  /** Its writer was told to wait, writes on, and more is held back than may be. */
  readonly onOverrun: (streamId: number) => void;
}

/** Below this a frame counts as tiny when there was more to send. */
const tinyBytes = 64;
/** Of a stream, while the server's memory is short. */
const shortStreamBytes = 262_144;

export class Sender {
  readonly #writer: FrameWriter;
  readonly #encoder: Encoder;
  readonly #limits: ConnectionLimits;
  readonly #floods: Floods;
  readonly #memory: MemoryShare;
  readonly #onAnswered: () => void;
  readonly #onWork: () => void;
  readonly #onEnded: (streamId: number) => void;
  readonly #onRoom: (streamId: number) => void;
  readonly #onOverrun: (streamId: number) => void;
  #window = windowDefault;
  #initialWindow = windowDefault;
  #frameBytesMax = frameBytesMin;
  #queuedBytes = 0;
  #blocked = false;
  #calm = true;
  #starved = false;
  /** Streams with bytes and a window, in the order of their turns. */
  readonly #ready = new Set<Outgoing>();

  constructor({
    writer,
    encoder,
    limits,
    floods,
    memory,
    onAnswered,
    onWork,
    onEnded,
    onRoom,
    onOverrun,
  }: SenderOptions) {
    this.#writer = writer;
    this.#encoder = encoder;
    this.#limits = limits;
    this.#floods = floods;
    this.#memory = memory;
    this.#onAnswered = onAnswered;
    this.#onWork = onWork;
    this.#onEnded = onEnded;
    this.#onRoom = onRoom;
    this.#onOverrun = onOverrun;
  }

  /** What all streams hold back. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Streams that wait for their turn. */
  get line(): number {
    return this.#ready.size;
  }

  /** `false`: the client's tiny windows have made too many tiny frames. */
  get calm(): boolean {
    return this.#calm;
  }

  /** The server's memory is used up, and this connection holds the most of it. */
  get isStarved(): boolean {
    return this.#starved;
  }

  open(streamId: number): Outgoing {
    return new Outgoing(streamId, this.#initialWindow);
  }

  headers(out: Outgoing, fields: readonly HeaderField[], constant: boolean, endStream: boolean): void {
    if (out.over) return;
    const block = constant ? this.#encoder.encodeConstant(fields) : this.#encoder.encode(fields);
    this.#writer.headers(out.streamId, block, endStream, this.#frameBytesMax);
    this.#onAnswered();
    this.#onWork();
    if (endStream) this.#ended(out);
  }

  /** `false`: taken, but the stream holds back more than it should; `onRoom` tells when to go on. */
  write(out: Outgoing, lead: Uint8Array, bytes: Uint8Array): boolean {
    if (out.over || out.trailers !== undefined) return true;
    const length = lead.length + bytes.length;
    const fits = length <= this.#frameBytesMax && length <= out.window && length <= this.#window;
    // However wide the windows are, one turn writes no more than the socket may hold back.
    const leaves = !this.#blocked && this.#writer.bytes < this.#limits.backlogBytesMax;
    if (fits && leaves && out.queuedBytes === 0) {
      out.window -= length;
      this.#window -= length;
      this.#writer.data(out.streamId, lead, bytes, 0, bytes.length, false);
      this.#onAnswered();
      this.#onWork();
      return true;
    }
    return this.#queue(out, lead, [bytes], length);
  }

  /** As `write`, of bytes that lie in several places. Each is let go when it has been sent. */
  writeAll(out: Outgoing, lead: Uint8Array, pieces: readonly Uint8Array[]): boolean {
    if (out.over || out.trailers !== undefined) return true;
    const length = pieces.reduce((sum, piece) => sum + piece.length, lead.length);
    return this.#queue(out, lead, pieces, length);
  }

  #queue(out: Outgoing, lead: Uint8Array, pieces: readonly Uint8Array[], length: number): boolean {
    if (out.waiting && this.#queuedBytes > this.#limits.queueBytesMax) {
      this.#onOverrun(out.streamId);
      return false;
    }
    // A copy, where `slice` of a Buffer would be a view: whoever writes uses the same lead for the next message.
    if (lead.length > 0) out.push(new Uint8Array(lead));
    for (const piece of pieces) if (piece.length > 0) out.push(piece);
    out.queuedBytes += length;
    this.#hold(length);
    // An answer may be as long as it is; but then it is all that is held back.
    if (this.#queuedBytes > length && !this.#memory.allows(0)) {
      this.#starved = true;
      this.#onWork();
    }
    this.#list(out);
    out.waiting ||= out.queuedBytes > this.#streamBytes;
    return !out.waiting;
  }

  /** Ends the stream behind whatever it still holds back. */
  end(out: Outgoing, trailers: Trailers): void {
    if (out.over || out.trailers !== undefined) return;
    if (out.queuedBytes === 0) this.#finish(out, trailers);
    else out.trailers = trailers;
  }

  /** The stream was reset; what it holds back is dropped. */
  abandon(out: Outgoing): void {
    out.over = true;
    // With the connection's window closed nobody's turn would come to drop it.
    this.#ready.delete(out);
    this.#hold(-out.queuedBytes);
    out.queuedBytes = 0;
    out.queue.length = 0;
  }

  /** The socket holds back as much as it may: only what is short and must go is written until `unblock`. */
  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    this.#onWork();
  }

  /** §6.9: of the connection. */
  widenConnection(increment: number): void {
    // §6.9.1: no window may exceed 2^31-1.
    if (this.#window + increment > windowMax) {
      throw new ConnectionError(errorCode.flowControlError, 'the window of the connection is too large');
    }
    this.#window += increment;
    if (this.#ready.size > 0) this.#onWork();
  }

  widen(out: Outgoing, increment: number): void {
    if (out.window + increment > windowMax) {
      throw new StreamError(out.streamId, errorCode.flowControlError, 'the window of the stream is too large');
    }
    out.window += increment;
    this.#list(out);
  }

  /** §6.9.2: the windows of all streams change by the difference, and may become negative. */
  setInitialWindow(size: number, streams: Iterable<Outgoing>): void {
    const difference = size - this.#initialWindow;
    this.#initialWindow = size;
    for (const out of streams) {
      if (out.window + difference > windowMax) {
        throw new ConnectionError(errorCode.flowControlError, 'a window is too large by SETTINGS');
      }
      out.window += difference;
      this.#list(out);
    }
  }

  setFrameBytesMax(bytes: number): void {
    // Ours stay moderate whatever is allowed, so that streams take turns.
    this.#frameBytesMax = Math.min(bytes, 65_536);
  }

  /** Sends what may be sent now, up to what the socket may hold back. Returns whether there is more. */
  pump(): boolean {
    for (const out of this.#ready) {
      if (this.#blocked || this.#window <= 0 || this.#writer.bytes >= this.#limits.backlogBytesMax) break;
      // Whoever has more to send is added again, behind the others.
      this.#ready.delete(out);
      this.#turn(out);
    }
    return this.#ready.size > 0 && this.#window > 0 && !this.#blocked;
  }

  #turn(out: Outgoing): void {
    let allowed = Math.min(this.#frameBytesMax, out.window, this.#window, out.queuedBytes);
    // §6.9.2: SETTINGS may have taken the window away again; WINDOW_UPDATE will list the stream anew.
    if (allowed <= 0) return;
    if (allowed < tinyBytes && allowed < out.queuedBytes) this.#calm &&= this.#floods.tinyFrame();
    out.window -= allowed;
    this.#window -= allowed;
    out.queuedBytes -= allowed;
    this.#hold(-allowed);
    // One frame per buffer of the queue; only the five bytes before a message lead the bytes behind them.
    while (allowed > 0) allowed -= this.#frame(out, allowed);
    this.#onAnswered();
    if (out.queuedBytes > 0) this.#list(out);
    else if (out.trailers !== undefined) this.#finish(out, out.trailers);
    if (out.waiting && out.queuedBytes <= this.#streamBytes / 2) {
      out.waiting = false;
      this.#onRoom(out.streamId);
    }
  }

  /** Writes one frame of at most `allowed` bytes; returns how many it took. */
  #frame(out: Outgoing, allowed: number): number {
    const [first = noLead, second] = out.queue;
    if (out.offset === 0 && first.length < 16 && first.length < allowed && second !== undefined) {
      const taken = Math.min(allowed - first.length, second.length);
      this.#writer.data(out.streamId, first, second, 0, taken, false);
      out.queue.shift();
      this.#take(out, second, taken);
      return first.length + taken;
    }
    const taken = Math.min(allowed, first.length - out.offset);
    this.#writer.data(out.streamId, noLead, first, out.offset, out.offset + taken, false);
    this.#take(out, first, taken);
    return taken;
  }

  #take(out: Outgoing, first: Uint8Array, taken: number): void {
    out.offset += taken;
    if (out.offset < first.length) return;
    out.queue.shift();
    out.offset = 0;
  }

  #list(out: Outgoing): void {
    if (out.queuedBytes === 0 || out.window <= 0) return;
    this.#ready.add(out);
    this.#onWork();
  }

  /** What a stream holds back before its writer waits: while memory is short, all wait sooner, so that nobody has to go. */
  get #streamBytes(): number {
    const { streamQueueBytes } = this.#limits;
    return this.#memory.isShort ? Math.min(streamQueueBytes, shortStreamBytes) : streamQueueBytes;
  }

  #hold(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#memory.answered(bytes);
  }

  #finish(out: Outgoing, { fields, constant }: Trailers): void {
    this.headers(out, fields, constant, true);
  }

  #ended(out: Outgoing): void {
    this.abandon(out);
    this.#onEnded(out.streamId);
  }
}

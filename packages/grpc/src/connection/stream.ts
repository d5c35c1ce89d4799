// One request and its response, as the layer above sees it (RFC 9113 §5.1, §8.1). The connection keeps its state.

import type { ErrorCode } from '../frames/frame.ts';
import type { HeaderField } from '../hpack/header-field.ts';
import type { Answers } from './answers.ts';
import type { Outgoing } from './outgoing.ts';
import type { Receiver, ReceiveWindow } from './receive-window.ts';
import type { RequestHead } from './request-head.ts';
import type { Sender } from './sender.ts';

/** What the layer above hears of a stream. */
export interface StreamListener {
  /** The bytes may be kept. Each must be reported to `Stream.taken` one day, or the client will stall. */
  data(bytes: Buffer, start: number, end: number): void;
  /** The client has sent all of its request. */
  requestEnded(): void;
  /** A write that was told to wait may go on. */
  room(): void;
  /** The server's memory is used up, and this request must go: it is to be answered at once. */
  starved(): void;
  /** The whole answer has gone out. Nothing follows. */
  finished(): void;
  /** Nothing is read or written any more; `code` is the client's RST_STREAM, if that was it. Nothing follows. */
  cancelled(code: number | undefined): void;
}

/** The layer above. */
export interface RequestHandler {
  /** `ended`: there will be no data; `requestEnded` is not called then. */
  open(head: RequestHead, stream: Stream, ended: boolean): StreamListener;
  /** §10.5.1: more header fields than allowed. Something should be answered; what comes on the stream is dropped. */
  oversized(stream: Stream): void;
  /** The server's memory is used up. Something should be answered; what comes on the stream is dropped. */
  starved(stream: Stream): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly answers: Answers;
  reset(stream: Stream, code: ErrorCode): void;
  released(stream: Stream): void;
}

export class Stream {
  readonly id: number;
  readonly #host: StreamHost;
  readonly #outgoing: Outgoing;
  readonly #incoming: ReceiveWindow;
  /** The connection's own notes. */
  listener: StreamListener | undefined;
  remoteEnded: boolean;
  /** §8.1.1: bytes that content-length still promises. */
  promised: number | undefined;
  /** So much of the request may come behind the answer and is dropped; more is reset. */
  droppable = 0;
  /** What it counts for besides what is sent on it: itself, and its head. */
  readonly bytes: number;
  released = false;
  /** Not known to the connection any more. */
  gone = false;

  constructor(host: StreamHost, id: number, remoteEnded: boolean, promised: number | undefined, bytes: number) {
    this.#host = host;
    this.id = id;
    this.remoteEnded = remoteEnded;
    this.promised = promised;
    this.bytes = bytes;
    this.#outgoing = host.sender.open(id);
    this.#incoming = host.receiver.open(id);
  }

  get outgoing(): Outgoing {
    return this.#outgoing;
  }

  get incoming(): ReceiveWindow {
    return this.#incoming;
  }

  /** HEADERS. `constant`: a list that is passed as the same object again and again. */
  respond(fields: readonly HeaderField[], constant: boolean): void {
    this.#host.sender.headers(this.#outgoing, fields, constant, false);
  }

  /** HEADERS and the end at once. */
  respondAndEnd(fields: readonly HeaderField[], constant: boolean): void {
    this.#host.sender.headers(this.#outgoing, fields, constant, true);
  }

  /** `false`: taken, but the client reads slower than this is written; go on when `room` was called. */
  write(lead: Uint8Array, bytes: Uint8Array): boolean {
    return this.#host.sender.write(this.#outgoing, lead, bytes);
  }

  /** As `write`, of bytes that lie in several places; each is let go when it has been sent. */
  writeAll(lead: Uint8Array, pieces: readonly Uint8Array[]): boolean {
    return this.#host.sender.writeAll(this.#outgoing, lead, pieces);
  }

  /** Before an answer is made that may be large: see `Answers`. */
  get answers(): Answers {
    return this.#host.answers;
  }

  /** Trailers, behind everything that was written. */
  end(fields: readonly HeaderField[], constant: boolean): void {
    this.#host.sender.end(this.#outgoing, { fields, constant });
  }

  /** Lets so much of the request come behind the end of the answer, before the client is told to stop. */
  hearOut(bytes: number): void {
    this.droppable = bytes;
  }

  reset(code: ErrorCode): void {
    this.#host.reset(this, code);
  }

  /** So many bytes of what arrived are held no more. */
  taken(bytes: number): void {
    if (!this.gone) this.#host.receiver.taken(this.#incoming, bytes, !this.remoteEnded);
  }

  /** So many bytes that came out of what arrived, by unzipping, are held; `bytes` is negative when they are let go. */
  unzipped(bytes: number): void {
    if (!this.gone) this.#host.receiver.unzipped(this.#incoming, bytes);
  }

  /** So many bytes more are held for this call by whoever serves it, or less. */
  hold(bytes: number): void {
    if (!this.gone) this.#host.receiver.unzipped(this.#incoming, bytes);
  }

  /** A message has begun of which `missing` bytes are still to come; nothing of it will be taken before. */
  expect(missing: number): void {
    if (!this.gone) this.#host.receiver.expect(this.#incoming, missing);
  }

  /**
   * The work for this request is done, or was never begun. Until then it counts among the concurrent streams, even if
   * the client has taken it back.
   */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.#host.released(this);
  }
}

// One call, as its handler sees it, and how it is answered: head, messages, trailers; deadline and cancellation. What the
// messages of the request are is not known here.

import type { RequestHead } from '../connection/request-head.ts';
import type { Scheduler } from '../connection/scheduler.ts';
import type { Stream } from '../connection/stream.ts';
import { errorCode } from '../frames/frame.ts';
import type { HeaderField } from '../hpack/header-field.ts';
import type { CallHead } from './call-head.ts';
import { zip } from './compression.ts';
import type { Answer, Call } from './handler.ts';
import type { IncomingOptions } from './incoming.ts';
import { Metadata, metadataField } from './metadata.ts';
import { gzipHead, okTrailers, plainHead, statusFields } from './response-fields.ts';
import { grpcCode, type Status } from './status.ts';
import type { UnzipLine } from './unzipping.ts';

/** A scheduler that knows the date, for deadlines. */
export interface Clock extends Scheduler {
  /** Unix milliseconds. */
  date(): number;
}

export interface CallLimits {
  /** A longer message is refused with RESOURCE_EXHAUSTED by its head. */
  readonly receiveBytesMax: number;
  readonly sendBytesMax: number;
  /** Answers of this length and more are gzipped when the request was, and the client takes it. */
  readonly gzipBytesMin: number;
}

/** What all calls of a connection share. */
export interface CallContext {
  readonly peer: string;
  readonly clock: Clock;
  readonly limits: CallLimits;
  readonly unzipLine: UnzipLine;
  /** What a handler threw, as a status. */
  readonly toStatus: (path: string, error: unknown) => Status;
  /** Told once per call to a known method, with how it ended. */
  readonly onFinished: ((path: string, code: number) => void) | undefined;
}

/** The head of a message that is being written; it is copied at once. */
const prefix = Buffer.alloc(5);

export class ServerCall implements Call {
  readonly #context: CallContext;
  readonly #head: RequestHead;
  readonly #callHead: CallHead;
  readonly #stream: Stream;
  readonly #cancelDeadline: (() => void) | undefined;
  readonly deadline: number;
  #headSent = false;
  #over = false;
  #cancelled = false;
  #headers: HeaderField[] | undefined;
  #trailers: HeaderField[] | undefined;
  #listeners: (() => void)[] | undefined;
  /** Each ends a wait for room. */
  #waits: Set<() => void> | undefined;
  #abort: AbortController | undefined;

  constructor(context: CallContext, head: RequestHead, callHead: CallHead, stream: Stream) {
    this.#context = context;
    this.#head = head;
    this.#callHead = callHead;
    this.#stream = stream;
    const { timeoutMs } = callHead;
    this.deadline = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : context.clock.date() + timeoutMs;
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#cancelDeadline = context.clock.after(timeoutMs, () => this.#onDeadline());
    }
  }

  get path(): string {
    return this.#head.path;
  }

  get peer(): string {
    return this.#context.peer;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#cancelled) this.#abort.abort();
    return this.#abort.signal;
  }

  get metadata(): Metadata {
    return new Metadata(this.#head.fields);
  }

  get incomingOptions(): IncomingOptions {
    const { limits, unzipLine } = this.#context;
    return { encoding: this.#callHead.encoding, bytesMax: limits.receiveBytesMax, unzipLine };
  }

  /** The call has its status, whoever gave it: nothing is written any more. */
  get isOver(): boolean {
    return this.#over;
  }

  header(name: string): string | undefined {
    for (const field of this.#head.fields) if (field.name === name) return field.value;
    return undefined;
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) {
      listener();
    } else if (!this.#over) {
      this.#listeners ??= [];
      this.#listeners.push(listener);
    }
  }

  sendHeader(name: string, value: string | Uint8Array): void {
    this.#headers ??= [];
    this.#headers.push(metadataField(name, value));
  }

  sendTrailer(name: string, value: string | Uint8Array): void {
    this.#trailers ??= [];
    this.#trailers.push(metadataField(name, value));
  }

  room(bytes: number): Promise<void> | undefined {
    if (this.#over) return undefined;
    let go: () => void = () => undefined;
    const leave = this.#stream.answers.room(bytes, () => go());
    if (leave === undefined) return undefined;
    this.#waits ??= new Set();
    const waits = this.#waits;
    return new Promise((resolve) => {
      const giveUp = (): void => {
        leave();
        resolve();
      };
      go = () => {
        waits.delete(giveUp);
        resolve();
      };
      waits.add(giveUp);
    });
  }

  made(bytes: number): boolean {
    return this.#over || this.#stream.answers.made(bytes);
  }

  hold(bytes: number): void {
    this.#stream.hold(bytes);
  }

  /** A whole answer. */
  answer(message: Answer): void {
    if (message instanceof Uint8Array) this.write(message);
    else if (this.#zips) this.write(Buffer.concat(message));
    else this.#writePieces(message);
  }

  #writePieces(pieces: readonly Uint8Array[]): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#over || this.#isRefused(length)) return;
    if (!this.#headSent) this.#sendHead();
    prefix[0] = 0;
    prefix.writeUInt32BE(length, 1);
    this.#stream.writeAll(prefix, pieces);
  }

  /** `false`: taken, but the client reads slower than this writes. */
  write(message: Uint8Array): boolean {
    if (this.#over) return true;
    const { limits } = this.#context;
    if (this.#isRefused(message.length)) return true;
    if (!this.#headSent) this.#sendHead();
    const zips = this.#zips && message.length >= limits.gzipBytesMin;
    const bytes = zips ? zip(message) : message;
    prefix[0] = zips ? 1 : 0;
    prefix.writeUInt32BE(bytes.length, 1);
    return this.#stream.write(prefix, bytes);
  }

  #isRefused(length: number): boolean {
    const { sendBytesMax } = this.#context.limits;
    if (length <= sendBytesMax) return false;
    const text = `trying to send message larger than max (${length} vs. ${sendBytesMax})`;
    this.fail({ code: grpcCode.resourceExhausted, message: text });
    return true;
  }

  end(): void {
    if (this.#over) return;
    if (!this.#headSent) this.#sendHead();
    this.#close(grpcCode.ok);
    if (this.#trailers === undefined) this.#stream.end(okTrailers, true);
    else this.#stream.end([...okTrailers, ...this.#trailers], false);
  }

  fail(status: Status): void {
    if (this.#over) return;
    this.#close(status.code);
    const fields = [...statusFields(status), ...(this.#trailers ?? [])];
    if (this.#headSent) this.#stream.end(fields, false);
    // Trailers-only: one HEADERS frame is the whole answer.
    else this.#stream.respondAndEnd([...plainHead, ...(this.#headers ?? []), ...fields], false);
  }

  /** What a handler threw. */
  failWith(error: unknown): void {
    if (!this.#over) this.fail(this.#context.toStatus(this.path, error));
  }

  /** Nobody reads any more. */
  cancel(): void {
    if (this.#over) return;
    this.#close(grpcCode.cancelled);
    this.#tellCancelled();
  }

  #onDeadline(): void {
    if (this.#over) return;
    this.fail({ code: grpcCode.deadlineExceeded, message: 'Deadline exceeded' });
    // The handler need not work on for an answer that nobody gets; neither is the client's window waited for.
    if (!this.#stream.gone) this.#stream.reset(errorCode.cancel);
    this.#tellCancelled();
  }

  #tellCancelled(): void {
    this.#cancelled = true;
    this.#abort?.abort();
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
    for (const giveUp of this.#waits ?? []) giveUp();
  }

  #close(code: number): void {
    this.#over = true;
    this.#cancelDeadline?.();
    this.#context.onFinished?.(this.path, code);
  }

  get #zips(): boolean {
    return this.#callHead.acceptsGzip && this.#callHead.encoding === 'gzip';
  }

  #sendHead(): void {
    this.#headSent = true;
    const fields = this.#zips ? gzipHead : plainHead;
    if (this.#headers === undefined) this.#stream.respond(fields, true);
    else this.#stream.respond([...fields, ...this.#headers], false);
  }
}

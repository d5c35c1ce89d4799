// The messages of one request, in order and one at a time: unzipped where they were zipped, and refused where they break the
// rules. While the service has not taken one, the bytes behind it are held as they came: a stream's window bounds them as
// bytes, not as objects, nor by the chunks that they came in.

import type { Stream } from '../connection/stream.ts';
import type { Unzipped } from './compression.ts';
import { MessageReader, type MessageSink, messageHeadBytes } from './message-reader.ts';
import { grpcCode, type Status } from './status.ts';
import type { UnzipLine, UnzipWork } from './unzipping.ts';

export interface MessageTaker {
  /** Messages stay until the call is over: windows do not open again. */
  readonly keeps: boolean;
  /** The next one comes when the promise has settled. */
  message(bytes: Buffer): void | Promise<void>;
  /** All messages were taken, and no more will come. */
  ended(): void;
  /** The request breaks the rules. Nothing follows. */
  refused(status: Status): void;
  /** `message` has thrown, or rejected. */
  threw(error: unknown): void;
}

export interface IncomingOptions {
  readonly encoding: string;
  readonly bytesMax: number;
  /** Of the connection. */
  readonly unzipLine: UnzipLine;
}

const nothing = Buffer.alloc(0);
/** nghttp2 holds END_STREAM back while a window is 0, so that no message may use one up. */
const endOctets = 1;

export class Incoming implements MessageSink {
  readonly #stream: Stream;
  readonly #encoding: string;
  readonly #bytesMax: number;
  readonly #unzipLine: UnzipLine;
  readonly #taker: MessageTaker;
  readonly #reader: MessageReader;
  // Bytes behind a message that is not taken yet: [from, to). What was handed over is never written again.
  #held: Buffer = nothing;
  #from = 0;
  #to = 0;
  /** Of messages that are not taken yet. */
  #unzippedBytes = 0;
  #unzipping: UnzipWork | undefined;
  #busy = false;
  #ended = false;
  #over = false;

  constructor(stream: Stream, { encoding, bytesMax, unzipLine }: IncomingOptions, taker: MessageTaker) {
    this.#stream = stream;
    this.#encoding = encoding;
    this.#bytesMax = bytesMax;
    this.#unzipLine = unzipLine;
    this.#taker = taker;
    this.#reader = new MessageReader(bytesMax, this);
  }

  get isFree(): boolean {
    return !this.#busy;
  }

  push(bytes: Buffer, start: number, end: number): void {
    const at = this.#busy ? start : this.#reader.push(bytes, start, end);
    if (at < end && !this.#over) this.#hold(bytes, at, end);
  }

  end(): void {
    this.#ended = true;
    if (!this.#busy && !this.#over) this.#finish();
  }

  stop(): void {
    this.#over = true;
    this.#held = nothing;
    this.#reader.stop();
    if (this.#unzipping !== undefined) this.#unzipLine.drop(this.#unzipping);
    this.#unzipping = undefined;
  }

  /** The work is done: nothing of the request is held any more. */
  release(): void {
    this.#free();
    this.#stream.release();
  }

  message(compressed: boolean, bytes: Buffer): void {
    if (compressed) this.#unzip(bytes);
    else this.#hand(bytes, bytes.length);
  }

  begun(missing: number): void {
    this.#stream.expect(missing + endOctets);
  }

  tooLarge(length: number): void {
    const text = `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`;
    this.#refuse(grpcCode.resourceExhausted, text);
  }

  malformed(): void {
    this.#refuse(grpcCode.internal, 'grpc: received unexpected payload format');
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const length = this.#to - this.#from;
    const wanted = length + end - start;
    if (this.#to + end - start > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(length === 0 ? wanted : wanted * 2);
      this.#held.copy(larger, 0, this.#from, this.#to);
      this.#held = larger;
      this.#from = 0;
      this.#to = length;
    }
    this.#to += bytes.copy(this.#held, this.#to, start, end);
  }

  #unzip(bytes: Buffer): void {
    if (this.#encoding === 'identity') {
      this.#refuse(grpcCode.internal, 'grpc: compressed flag set with identity or empty encoding');
    } else if (this.#encoding !== 'gzip') {
      const text = `grpc: Decompressor is not installed for grpc-encoding "${this.#encoding}"`;
      this.#refuse(grpcCode.unimplemented, text);
    } else {
      this.#busy = true;
      this.#unzipping = {
        bytes,
        bytesMax: this.#bytesMax,
        done: (unzipped) => this.#onUnzipped(unzipped, bytes.length),
      };
      this.#unzipLine.add(this.#unzipping);
    }
  }

  #onUnzipped(unzipped: Unzipped, wireBytes: number): void {
    if (this.#over) return;
    this.#unzipping = undefined;
    this.#busy = false;
    if ('bytes' in unzipped) {
      this.#unzippedBytes += unzipped.bytes.length;
      this.#unzipLine.hold(unzipped.bytes.length);
      this.#stream.unzipped(unzipped.bytes.length);
      if (!this.#over) this.#hand(unzipped.bytes, wireBytes);
    } else if ('tooLarge' in unzipped) {
      const text = `grpc: received message after decompression larger than max ${this.#bytesMax}`;
      this.#refuse(grpcCode.resourceExhausted, text);
    } else {
      this.#refuse(grpcCode.internal, `grpc: failed to decompress the received message: ${unzipped.error.message}`);
    }
    this.#next();
  }

  #hand(bytes: Buffer, wireBytes: number): void {
    let taken: void | Promise<void>;
    try {
      taken = this.#taker.message(bytes);
    } catch (error: unknown) {
      this.#fail(error);
      return;
    }
    if (taken === undefined) {
      if (this.#taker.keeps) this.#stream.expect(endOctets);
      else this.#taken(wireBytes);
      return;
    }
    this.#busy = true;
    taken.then(
      () => {
        this.#busy = false;
        this.#taken(wireBytes);
        this.#next();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #taken(wireBytes: number): void {
    this.#free();
    this.#stream.taken(messageHeadBytes + wireBytes);
  }

  #free(): void {
    const bytes = this.#unzippedBytes;
    if (bytes === 0) return;
    this.#unzippedBytes = 0;
    this.#unzipLine.free(bytes);
    this.#stream.unzipped(-bytes);
  }

  #next(): void {
    while (!this.#busy && !this.#over && this.#from < this.#to) {
      this.#from = this.#reader.push(this.#held, this.#from, this.#to);
    }
    if (this.#busy || this.#over) return;
    this.#held = nothing;
    this.#from = 0;
    this.#to = 0;
    if (this.#ended) this.#finish();
  }

  #finish(): void {
    if (this.#reader.isBetween) this.#taker.ended();
    else this.#refuse(grpcCode.internal, 'the request ends within a message');
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.stop();
    this.#taker.threw(error);
  }

  #refuse(code: number, message: string): void {
    if (this.#over) return;
    this.stop();
    this.#taker.refused({ code, message });
  }
}

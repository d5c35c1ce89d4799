// The messages of one request, in order and one at a time: unzipped where they were zipped, held back while the service
// has not taken the one before, and refused where they break the rules.

import type { Stream } from '../connection/stream.ts';
import { unzip } from './compression.ts';
import { MessageReader, type MessageSink, messageHeadBytes } from './message-reader.ts';
import { grpcCode, type Status } from './status.ts';

export interface MessageTaker {
  /** The next one comes when the promise has settled. */
  message(bytes: Buffer): void | Promise<void>;
  /** All messages were taken, and no more will come. */
  ended(): void;
  /** The request breaks the rules. Nothing follows. */
  refused(status: Status): void;
  /** `message` has thrown, or rejected. */
  threw(error: unknown): void;
}

interface Waiting {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

export class Incoming implements MessageSink {
  readonly #stream: Stream;
  readonly #encoding: string;
  readonly #bytesMax: number;
  readonly #taker: MessageTaker;
  readonly #reader: MessageReader;
  #waiting: Waiting[] = [];
  #busy = false;
  #ended = false;
  #over = false;

  constructor(stream: Stream, encoding: string, bytesMax: number, taker: MessageTaker) {
    this.#stream = stream;
    this.#encoding = encoding;
    this.#bytesMax = bytesMax;
    this.#taker = taker;
    this.#reader = new MessageReader(bytesMax, this);
  }

  push(bytes: Buffer, start: number, end: number): void {
    this.#reader.push(bytes, start, end);
  }

  end(): void {
    this.#ended = true;
    if (this.#over) return;
    if (!this.#reader.isBetween) this.#refuse(grpcCode.internal, 'the request ends within a message');
    else if (!this.#busy) this.#taker.ended();
  }

  stop(): void {
    this.#over = true;
    this.#waiting = [];
    this.#reader.stop();
  }

  message(compressed: boolean, bytes: Buffer): void {
    if (this.#over) return;
    if (this.#busy) this.#waiting.push({ compressed, bytes });
    else this.#take(compressed, bytes);
  }

  begun(missing: number): void {
    this.#stream.expect(missing);
  }

  tooLarge(length: number): void {
    const text = `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`;
    this.#refuse(grpcCode.resourceExhausted, text);
  }

  malformed(): void {
    this.#refuse(grpcCode.internal, 'grpc: received unexpected payload format');
  }

  #take(compressed: boolean, bytes: Buffer): void {
    if (compressed) this.#unzip(bytes);
    else this.#hand(bytes, bytes.length);
  }

  #unzip(bytes: Buffer): void {
    if (this.#encoding === 'identity') {
      this.#refuse(grpcCode.internal, 'grpc: compressed flag set with identity or empty encoding');
    } else if (this.#encoding !== 'gzip') {
      const text = `grpc: Decompressor is not installed for grpc-encoding "${this.#encoding}"`;
      this.#refuse(grpcCode.unimplemented, text);
    } else {
      this.#busy = true;
      unzip(bytes, this.#bytesMax, (unzipped) => {
        if (this.#over) return;
        this.#busy = false;
        if ('bytes' in unzipped) this.#hand(unzipped.bytes, bytes.length);
        else if ('tooLarge' in unzipped) {
          const text = `grpc: received message after decompression larger than max ${this.#bytesMax}`;
          this.#refuse(grpcCode.resourceExhausted, text);
        } else {
          this.#refuse(grpcCode.internal, `grpc: failed to decompress the received message: ${unzipped.error.message}`);
        }
        this.#next();
      });
    }
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
      this.#stream.taken(messageHeadBytes + wireBytes);
      return;
    }
    this.#busy = true;
    taken.then(
      () => {
        this.#busy = false;
        this.#stream.taken(messageHeadBytes + wireBytes);
        this.#next();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #next(): void {
    while (!this.#busy && !this.#over) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        if (this.#ended) this.#taker.ended();
        return;
      }
      this.#take(next.compressed, next.bytes);
    }
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

// What a server holds for all its clients together, against one number: requests that are not whole or not taken, answers
// that wait, frames and field blocks that are not whole, header tables. When that is used up, whoever asks for more gets it
// at the cost of the connection that holds the most; if that is the asker, it is refused. So a client that holds little is
// never starved by those that hold much.

import { errorCode } from '../frames/frame.ts';
import { ConnectionError } from '../frames/frame-errors.ts';
import { AnswerLine, type Answers, type ClientOptions } from './answers.ts';

/** Of a connection that does nothing: both header tables, and what belongs to them. */
const connectionBytes = 8192;

export class MemoryBudget {
  readonly #bytesMax: number;
  readonly #shares = new Set<MemoryShare>();
  readonly #answers: AnswerLine;
  #bytes = 0;
  #making = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#answers = new AnswerLine(
      bytesMax,
      () => this.#bytes,
      () => this.#heaviest()?.giveUp(),
    );
  }

  /** What is held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** For one connection. */
  share(options: ClientOptions): MemoryShare {
    const share = new MemoryShare(this, this.#answers, options);
    this.#shares.add(share);
    share.add(connectionBytes);
    return share;
  }

  /** Only for shares. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Only for shares. */
  forget(share: MemoryShare): void {
    this.#shares.delete(share);
  }

  /** Only for shares: whether `share` may hold so much more, once others have given way to it. */
  allows(share: MemoryShare, more: number): boolean {
    // A call that ends may ask for another one; it gets what there is.
    while (this.#counted + more > this.#bytesMax && !this.#making) {
      const largest = this.#largest();
      if (largest === undefined || largest === share || largest.counted <= share.counted + more) break;
      const [before, held] = [this.#bytes, largest.counted];
      this.#making = true;
      largest.giveUp();
      this.#making = false;
      // What handlers still work on stays: to end more connections would free no more.
      if (this.#bytes > before - held / 2) break;
    }
    return this.#counted + more <= this.#bytesMax;
  }

  /** Only for shares. */
  get isShort(): boolean {
    return this.#counted > this.#bytesMax / 2;
  }

  get #counted(): number {
    return this.#bytes - this.#answers.uncounted;
  }

  /** With the answer that is not counted: it has had its time. */
  #heaviest(): MemoryShare | undefined {
    let heaviest: MemoryShare | undefined;
    for (const share of this.#shares) if (share.bytes > (heaviest?.bytes ?? 0)) heaviest = share;
    return heaviest;
  }

  #largest(): MemoryShare | undefined {
    let largest: MemoryShare | undefined;
    for (const share of this.#shares) if (share.counted > (largest?.counted ?? 0)) largest = share;
    return largest;
  }
}

/** What one connection holds. */
export class MemoryShare {
  readonly #budget: MemoryBudget;
  readonly #line: AnswerLine;
  readonly giveUp: () => void;
  readonly answers: Answers;
  #bytes = 0;
  #closed = false;

  constructor(budget: MemoryBudget, line: AnswerLine, options: ClientOptions) {
    this.#budget = budget;
    this.#line = line;
    this.giveUp = options.giveUp;
    this.answers = line.client(options);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** But for a huge answer that is not counted. */
  get counted(): number {
    return this.#bytes - this.#line.uncountedOf(this.answers);
  }

  /** More than half of the server's memory is used up. */
  get isShort(): boolean {
    return this.#budget.isShort;
  }

  /** Bytes of answers wait for the client, or no longer. */
  answered(bytes: number): void {
    this.add(bytes);
    if (!this.#closed) this.answers.add(bytes);
  }

  /** So much more is held, or less, whether it is allowed or not. */
  add(bytes: number): void {
    if (this.#closed) return;
    this.#bytes += bytes;
    this.#budget.count(bytes);
  }

  /** Whether so much more may be held; others may have to go for it. Nothing is counted. */
  allows(more: number): boolean {
    return this.#closed || this.#budget.allows(this, more);
  }

  /** So much stays although the connection may go: a handler works on it. Until `finish`. */
  linger(bytes: number): void {
    this.add(-bytes);
    this.#budget.count(bytes);
  }

  finish(bytes: number): void {
    this.#budget.count(-bytes);
  }

  /** The connection is over. */
  close(): void {
    if (this.#closed) return;
    this.add(-this.#bytes);
    this.#closed = true;
    this.answers.close();
    this.#budget.forget(this);
  }
}

/** What a connection that must go is told. */
export function mostMemory(): ConnectionError {
  return new ConnectionError(
    errorCode.enhanceYourCalm,
    'the server has no memory left, and this client holds the most',
  );
}

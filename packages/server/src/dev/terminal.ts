// What a person sees of `kontiki dev`: lines that stay, and one status line. On a terminal the status is redrawn in place;
// in a file or a pipe it is written when there is news, and now and then.

import type { StatusLine } from './status-line.ts';

export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const quietMs = 30_000;
const clearLine = '\r\x1b[K';

export class Terminal {
  readonly #stream: TerminalStream;
  #drawn = '';
  #written: { readonly status: StatusLine; readonly atMs: number } | undefined;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  say(line: string): void {
    const clear = this.#drawn === '' ? '' : clearLine;
    this.#stream.write(`${clear}${line}\n${this.#drawn}`);
  }

  /** `nowMs` is monotonic. */
  status(status: StatusLine, nowMs: number): void {
    if (this.#stream.isTTY === true) {
      // A line that wraps could not be redrawn. (A terminal that does not know its width says 0.)
      const drawn = status.text.slice(0, (this.#stream.columns || 80) - 1);
      if (drawn !== this.#drawn) this.#stream.write(`${clearLine}${drawn}`);
      this.#drawn = drawn;
      return;
    }
    const before = this.#written;
    const isNews = before?.status.news !== status.news;
    const isDue = before?.status.text !== status.text && nowMs - (before?.atMs ?? 0) >= quietMs;
    if (!isNews && !isDue) return;
    this.say(status.text);
    this.#written = { status, atMs: nowMs };
  }

  /** What was drawn last stays; what is said from now on comes below it. */
  leaveStatus(): void {
    if (this.#drawn !== '') this.#stream.write('\n');
    this.#drawn = '';
  }
}

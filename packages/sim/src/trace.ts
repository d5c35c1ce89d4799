// What happened in a run, line by line: hashed, so that two runs of one seed can be compared, and the end of it kept for
// whoever has to understand a failure. Messages between members count in the hash and make no line.

import type { Message } from '@kontiki/raft';

const keptLines = 4000;

export class Trace {
  #hash = 0x811c9dc5;
  #lines: string[] = [];
  readonly #now: () => number;
  readonly #print: ((line: string) => void) | undefined;

  constructor(now: () => number, print?: (line: string) => void) {
    this.#now = now;
    this.#print = print;
  }

  say(text: string): void {
    const line = `${this.#now()} ${text}`;
    this.#text(line);
    this.#print?.(line);
    this.#lines.push(line);
    if (this.#lines.length > 2 * keptLines) this.#lines = this.#lines.slice(-keptLines);
  }

  message(message: Message): void {
    this.#number(this.#now());
    this.#text(message.from);
    this.#text(message.to);
    this.#text(message.kind);
    this.#number(message.term);
    if (message.kind === 'appendEntries') {
      this.#number(message.prev.index);
      this.#number(message.entries.length);
      this.#number(message.commit);
    }
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  last(lines: number): readonly string[] {
    return this.#lines.slice(-lines);
  }

  #text(text: string): void {
    for (let at = 0; at < text.length; at++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(at), 0x01000193);
  }

  #number(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}

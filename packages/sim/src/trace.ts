// What happened in a run, line by line: hashed, so that two runs of one seed can be compared, and the end of it kept for
// whoever has to understand a failure.

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
    for (let at = 0; at < line.length; at++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(at), 0x01000193);
    this.#print?.(line);
    this.#lines.push(line);
    if (this.#lines.length > 2 * keptLines) this.#lines = this.#lines.slice(-keptLines);
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  last(lines: number): readonly string[] {
    return this.#lines.slice(-lines);
  }
}

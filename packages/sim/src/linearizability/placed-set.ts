// Which calls are placed, and a short key for it. Calls with an answer are placed almost in the order in which they began,
// so the key says up to where all are, and which of the few behind are, too.

const bitsPerDigit = 5;

export class PlacedSet {
  readonly #answered: number;
  readonly #flags: Uint8Array;
  /** All calls with an answer before it are placed, it is not. */
  #low = 0;
  /** No call with an answer from here on is placed. */
  #high = 0;

  /** Calls with an answer have the first numbers, those without the ones behind. */
  constructor(answered: number, unanswered: number) {
    this.#answered = answered;
    this.#flags = new Uint8Array(answered + unanswered);
  }

  has(call: number): boolean {
    return this.#flags[call] === 1;
  }

  add(call: number): void {
    this.#flags[call] = 1;
    if (call >= this.#answered) return;
    this.#high = Math.max(this.#high, call + 1);
    while (this.#low < this.#answered && this.#flags[this.#low] === 1) this.#low += 1;
  }

  delete(call: number): void {
    this.#flags[call] = 0;
    if (call >= this.#answered) return;
    this.#low = Math.min(this.#low, call);
    while (this.#high > 0 && this.#flags[this.#high - 1] === 0) this.#high -= 1;
  }

  /** Equal for equal sets, and only for them. */
  key(): string {
    return `${this.#low} ${this.#digits(this.#low, this.#high)} ${this.#digits(this.#answered, this.#flags.length)}`;
  }

  #digits(from: number, end: number): string {
    let text = '';
    for (let at = from; at < end; at += bitsPerDigit) {
      let digit = 0;
      for (let bit = at; bit < at + bitsPerDigit; bit += 1) {
        digit = digit * 2 + (bit < end ? (this.#flags[bit] ?? 0) : 0);
      }
      text += digit.toString(32);
    }
    return text;
  }
}

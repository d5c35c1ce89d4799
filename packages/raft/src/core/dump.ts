// The whole state of a node as plain data, and a hash over it that is the same on every engine. Keyframes, replays and the
// proof of determinism rest on it. Knows nothing of Raft.

/** A deep copy of plain data: arrays, objects, numbers, texts, booleans, undefined. Byte arrays are shared: nobody writes them. */
export function copyPlain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyPlain) as T;
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) copy[key] = copyPlain(field);
  return copy as T;
}

/**
 * A 64-bit hash of plain data as 16 hex digits. Fields count in the order of their names, a field that is undefined
 * counts like one that is absent. For comparing runs, not for security.
 */
export function canonicalHash(value: unknown): string {
  const hash = new Hash();
  hash.add(value);
  return hash.digest();
}

/** Two independent 32-bit lanes (FNV-1a and a multiply-rotate), because plain numbers hold no 64-bit products. */
class Hash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add(value: unknown): void {
    if (value === undefined || value === null) this.#word(0);
    else if (typeof value === 'boolean') this.#word(value ? 2 : 1);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === 'object') this.#object(value);
    else throw new TypeError(`not plain data: ${typeof value}`);
  }

  digest(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #word(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    const mixed = Math.imul(this.#b ^ word, 0x85ebca6b);
    this.#b = (mixed << 13) | (mixed >>> 19);
  }

  #number(value: number): void {
    this.#word(3);
    if (Number.isInteger(value)) {
      this.#word(value | 0);
      this.#word(Math.floor(value / 2 ** 32) | 0);
    } else {
      this.#text(String(value));
    }
  }

  #text(value: string): void {
    this.#word(4);
    this.#word(value.length);
    for (let at = 0; at < value.length; at += 1) this.#word(value.charCodeAt(at));
  }

  #bytes(value: Uint8Array): void {
    this.#word(5);
    this.#word(value.byteLength);
    for (const byte of value) this.#word(byte);
  }

  #array(value: readonly unknown[]): void {
    this.#word(6);
    this.#word(value.length);
    for (const item of value) this.add(item);
  }

  #object(value: object): void {
    this.#word(7);
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [key, field] of fields) {
      this.#text(key);
      this.add(field);
    }
  }
}

// A consistent picture of the environment: one LMDB read transaction, kept until the view is closed.
//
// LMDB lends memory: its values live in its map or in a buffer that the next read overwrites. What leaves this file is
// copied. A cursor that outlives its transaction crashes the process, so scans finish their iterator, whatever happens.

import type { Database, Transaction } from 'lmdb';
import type { BackendView, Space } from '../backend.ts';

export type Databases = Readonly<Record<Space, Database<Uint8Array, Uint8Array>>>;

export class LmdbView implements BackendView {
  #transaction: Transaction | undefined;
  readonly #spaces: Databases;
  readonly #closed: () => void;
  #scans = 0;

  constructor(transaction: Transaction, spaces: Databases, closed: () => void) {
    this.#transaction = transaction;
    this.#spaces = spaces;
    this.#closed = closed;
  }

  get(space: Space, key: Uint8Array): Uint8Array | undefined {
    const transaction = this.#open();
    const value = this.#spaces[space].get(key, { transaction });
    return value === undefined ? undefined : plain(value);
  }

  scan(
    space: Space,
    from: Uint8Array,
    to: Uint8Array | undefined,
    visit: (key: Uint8Array, value: Uint8Array) => boolean,
  ): void {
    const transaction = this.#open();
    // An empty key sorts before all others, but LMDB has no such key to start from.
    const start = from.length === 0 ? undefined : from;
    if (to !== undefined && Buffer.compare(from, to) >= 0) return;
    this.#scans += 1;
    try {
      const range = { transaction, ...(start && { start }), ...(to && { end: to }) };
      // Leaving the loop early, also by an exception, runs the iterator's `return`, which closes its cursor.
      for (const { key, value } of this.#spaces[space].getRange(range)) {
        if (!visit(plain(key), plain(value))) break;
      }
    } finally {
      this.#scans -= 1;
    }
  }

  close(): void {
    if (this.#transaction === undefined) return;
    if (this.#scans > 0) throw new Error('a view cannot be closed while it is being scanned');
    this.#transaction.done();
    this.#transaction = undefined;
    this.#closed();
  }

  #open(): Transaction {
    if (this.#transaction === undefined) throw new Error('the view is closed');
    return this.#transaction;
  }
}

/** The same bytes without `Buffer`'s other meaning of `slice`. With `get` and `getRange` in binary they are already a copy. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

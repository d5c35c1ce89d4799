// One operation's writes: all share the next revision, each takes the next place in it, and later reads of the same
// operation see them. Index, leases and rows change together here and nowhere else.

import type { EncodedKeyValue, Key } from './api.ts';
import type { KeyHistory } from './key-history.ts';
import type { KeyIndex } from './key-index.ts';
import { encodeKeyValue, encodeTombstone } from './key-value.ts';
import type { Lease } from './leases.ts';
import type { Picture } from './range.ts';
import type { Row } from './row.ts';
import type { KvRules } from './rules.ts';

export class Writer implements Picture {
  readonly index: KeyIndex;
  readonly rows: { value(main: number, sub: number): EncodedKeyValue };
  readonly compactRevision: number;
  readonly #rules: KvRules;
  readonly #before: number;
  readonly #add: (row: Row) => void;
  #changes = 0;

  /** `add` takes the rows in the order of history. */
  constructor(before: Picture, rules: KvRules, add: (row: Row) => void) {
    this.#rules = rules;
    this.index = before.index;
    this.rows = before.rows;
    this.compactRevision = before.compactRevision;
    this.#before = before.revision;
    this.#add = add;
  }

  /** One more than before as soon as anything was written. */
  get revision(): number {
    if (this.#changes === 0) return this.#rules.revisionOfNothing(this.#before);
    return this.#rules.revisionOf(this.#before, this.#changes - 1);
  }

  put(key: Key, value: Uint8Array, lease: Lease | undefined): void {
    const sub = this.#changes++;
    const main = this.#rules.revisionOf(this.#before, sub);
    const history = this.index.put(key, main, sub);
    if (history.lease !== lease) {
      if (this.#rules.leavesLease()) history.lease?.keys.delete(key);
      lease?.keys.add(key);
      history.lease = lease;
    }
    const bytes = encodeKeyValue(key, history.createRevision, main, history.version, value, lease?.varint);
    this.#add({ main, sub, tombstone: false, key, bytes });
  }

  delete(history: KeyHistory): void {
    const sub = this.#changes++;
    const main = this.#rules.revisionOf(this.#before, sub);
    this.index.delete(history, main, sub);
    history.lease?.keys.delete(history.key);
    history.lease = undefined;
    this.#add({ main, sub, tombstone: true, key: history.key, bytes: encodeTombstone(history.key) });
  }
}

// Rows seen as watch events. Encodings are made on first use and shared by all who watch.

import type { EncodedKeyValue, Key, WatchEvent } from './api.ts';
import type { RevisionEvents } from './history.ts';
import { decodeKeyValue, encodeDeletedKey, encodeEvent } from './key-value.ts';
import type { Row } from './row.ts';

/** Looks up what a key was at a revision. */
export type ValueAt = (key: Key, revision: number) => EncodedKeyValue | undefined;

class RowEvent implements WatchEvent {
  readonly type: 'put' | 'delete';
  readonly key: Key;
  readonly modRevision: number;
  readonly #kv: EncodedKeyValue;
  readonly #valueAt: ValueAt;
  #encoded: Uint8Array | undefined = undefined;
  #encodedWithPrevKv: Uint8Array | undefined = undefined;

  constructor(row: Row, valueAt: ValueAt) {
    this.type = row.tombstone ? 'delete' : 'put';
    this.key = row.key;
    this.modRevision = row.main;
    this.#kv = row.tombstone ? encodeDeletedKey(row.key, row.main) : row.bytes;
    this.#valueAt = valueAt;
  }

  get encoded(): Uint8Array {
    this.#encoded ??= encodeEvent(this.type, this.#kv, undefined);
    return this.#encoded;
  }

  encodedWithPrevKv(): Uint8Array {
    if (this.#encodedWithPrevKv === undefined) {
      // A creation has nothing before it, even if its own transaction has just deleted the key's last life.
      const before = this.#isCreation() ? undefined : this.#valueAt(this.key, this.modRevision - 1);
      this.#encodedWithPrevKv = before === undefined ? this.encoded : encodeEvent(this.type, this.#kv, before);
    }
    return this.#encodedWithPrevKv;
  }

  #isCreation(): boolean {
    return this.type === 'put' && decodeKeyValue(this.#kv).createRevision === this.modRevision;
  }
}

/** Gathers rows, which come in the order of history, by revision. */
export class EventGatherer {
  readonly revisions: RevisionEvents[] = [];
  readonly #valueAt: ValueAt;
  #events: WatchEvent[] = [];

  constructor(valueAt: ValueAt) {
    this.#valueAt = valueAt;
  }

  add(row: Row): void {
    if (this.revisions[this.revisions.length - 1]?.revision !== row.main) {
      this.#events = [];
      this.revisions.push({ revision: row.main, events: this.#events });
    }
    this.#events.push(new RowEvent(row, this.#valueAt));
  }
}

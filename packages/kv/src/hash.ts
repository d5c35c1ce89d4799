// HashKV: a checksum over all rows that a revision still rests on, the same on members whose compaction has come further or
// less far. The rule which rows count is etcd's, and so are the bytes: equal stores give equal sums even beside an etcd.

import type { Key } from './api.ts';
import type { BackendView } from './backend.ts';
import { bytesOfKey } from './bytes.ts';
import type { Contents } from './contents.ts';
import { crc32c } from './crc32c.ts';
import { keyOfEncoded } from './key-value.ts';
import { parseRowName, type Row, rowName } from './row.ts';

export interface HashResult {
  readonly kind: 'hash';
  readonly hash: number;
  /** The store's revision when the job began. */
  readonly revision: number;
  readonly compactRevision: number;
  readonly hashRevision: number;
}

/** etcd's sum begins with the name of its table. */
const prefix = bytesOfKey('key');

export class HashJob {
  readonly #contents: Contents;
  readonly #view: BackendView;
  readonly #young: readonly Row[];
  readonly #end: Uint8Array;
  readonly #revision: number;
  readonly #hashRevision: number;
  readonly #compactRevision: number;
  /** At which revision a row must be the newest of its key to count, if it is compacted. */
  #keepAt: number | undefined = undefined;
  #nextKey: Key = '';
  #nextName: Uint8Array | undefined = rowName(0, 0, false);
  #nextYoung = 0;
  #crc: number = crc32c(0, prefix);
  #closed = false;

  /** The view becomes the job's own. */
  constructor(contents: Contents, view: BackendView, hashRevision: number) {
    this.#contents = contents;
    this.#view = view;
    this.#young = contents.overlay.rows();
    this.#revision = contents.revision;
    this.#hashRevision = hashRevision;
    this.#compactRevision = contents.compactRevision;
    const first = this.#young[0];
    this.#end =
      first !== undefined && first.main <= hashRevision
        ? rowName(first.main, first.sub, false)
        : rowName(Math.max(0, hashRevision + 1), 0, false);
    // Its rows are told from superfluous ones by the index, which must not forget them meanwhile.
    contents.pins++;
  }

  /** Looks at about `budget` rows; the result once all are through. */
  step(budget: number): HashResult | undefined {
    let left = Math.max(1, budget);
    if (this.#keepAt === undefined) left -= this.#findKeepAt(left);
    if (this.#keepAt !== undefined && left > 0) left -= this.#hashStored(left);
    if (this.#keepAt === undefined || this.#nextName !== undefined) return undefined;
    for (; left > 0 && this.#nextYoung < this.#young.length; left--) {
      const row = this.#young[this.#nextYoung++];
      if (row !== undefined) this.#count(row.main, row.sub, rowName(row.main, row.sub, row.tombstone), row.bytes);
    }
    if (this.#nextYoung < this.#young.length) return undefined;
    this.close();
    return {
      kind: 'hash',
      hash: this.#crc,
      revision: this.#revision,
      compactRevision: this.#compactRevision,
      hashRevision: this.#hashRevision,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#contents.pins--;
    this.#view.close();
  }

  /**
   * Compacted rows count only where the hash revision itself rests on them. If it rests on none at all, etcd leaves out none,
   * which means all that the compaction kept.
   */
  #findKeepAt(budget: number): number {
    let left = budget;
    let found = false;
    let through = true;
    this.#contents.index.visit({ from: this.#nextKey, to: undefined }, (history) => {
      this.#nextKey = history.key;
      through = left-- > 0;
      found = through && history.at(this.#hashRevision) !== undefined;
      return through && !found;
    });
    if (found) this.#keepAt = this.#hashRevision;
    else if (through) this.#keepAt = this.#compactRevision;
    return budget - Math.max(0, left);
  }

  #hashStored(budget: number): number {
    const from = this.#nextName;
    if (from === undefined) return 0;
    let left = budget;
    this.#nextName = undefined;
    this.#view.scan('rows', from, this.#end, (name, bytes) => {
      if (left === 0) {
        this.#nextName = name;
        return false;
      }
      left--;
      const { main, sub } = parseRowName(name);
      this.#count(main, sub, name, bytes);
      return true;
    });
    return budget - left;
  }

  #count(main: number, sub: number, name: Uint8Array, bytes: Uint8Array): void {
    if (main > this.#hashRevision) return;
    if (main <= this.#compactRevision) {
      const kept = this.#contents.index.get(keyOfEncoded(bytes))?.at(this.#keepAt ?? 0);
      if (kept === undefined || kept.main !== main || kept.sub !== sub) return;
    }
    this.#crc = crc32c(crc32c(this.#crc, name), bytes);
  }
}

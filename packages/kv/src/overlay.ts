// What has been applied and is not yet known to be durable: rows in the order of history, and beside them a list of batches,
// each cut where a log entry ends. A batch is what the backend gets whole or not at all; rows leave only when their batch
// has survived a power failure and views of the backend show it.

import type { BackendWrite } from './backend.ts';
import { encodeLease, leaseName, recordName, type StoreState, stateWrite } from './meta.ts';
import { type Row, rowName } from './row.ts';
import type { KvRules } from './rules.ts';

/** Beside key and value: the objects around a row. */
const rowOverheadBytes = 200;

export interface Batch {
  /** As it was at the last entry of the batch. */
  readonly state: StoreState;
  readonly rows: readonly Row[];
  /** Names of rows that a compaction made superfluous, oldest first within a key. */
  readonly deletedRows: readonly Uint8Array[];
  /** TTL by lease id; undefined = removed. */
  readonly leases: ReadonlyMap<bigint, number | undefined>;
  /** Small records by name; undefined = removed. */
  readonly records: ReadonlyMap<string, Uint8Array | undefined>;
  readonly bytes: number;
}

export class Overlay {
  /** Rows from `#head` on are here; those before it have left and wait to be cut off. */
  #rows: Row[] = [];
  #head = 0;
  #closed: Batch[] = [];
  #open = new OpenBatch();
  #bytes = 0;

  /** Of rows and names of deleted rows that are not yet durable, with an allowance for the objects around them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Since the last `close`, as `openBytes`. */
  get openRows(): number {
    return this.#open.rows.length;
  }

  get openBytes(): number {
    return this.#open.bytes;
  }

  /** Whether there is anything to take. */
  get waiting(): boolean {
    return this.#closed.length > 0 || !this.#open.empty;
  }

  get firstRow(): Row | undefined {
    return this.#rows[this.#head];
  }

  /** The rows as they are now; a job keeps the array as long as it likes. */
  rows(): readonly Row[] {
    return this.#rows.slice(this.#head);
  }

  add(row: Row): void {
    this.#rows.push(row);
    this.#open.rows.push(row);
    this.#count(rowOverheadBytes + row.key.length + row.bytes.length);
  }

  deleteRow(name: Uint8Array): void {
    this.#open.deletedRows.push(name);
    this.#count(rowOverheadBytes);
  }

  /** `ttl` undefined removes. */
  setLease(id: bigint, ttl: number | undefined): void {
    this.#open.leases.set(id, ttl);
    this.#count(rowOverheadBytes);
  }

  /** `value` undefined removes. */
  setRecord(name: string, value: Uint8Array | undefined): void {
    this.#open.records.set(name, value);
    this.#count(rowOverheadBytes + (value?.length ?? 0));
  }

  /** Something in the state moved, if only the position. */
  touch(): void {
    this.#open.touched = true;
  }

  /** Ends the open batch; nothing happens when nothing was added. */
  close(state: StoreState): void {
    if (this.#open.empty) return;
    const { rows, deletedRows, leases, records, bytes } = this.#open;
    this.#closed.push({ state, rows, deletedRows, leases, records, bytes });
    this.#open = new OpenBatch();
  }

  /** Takes the oldest closed batches within the limits, at least one if there is one. They stay readable until `drop`. */
  take(limits: { readonly rows: number; readonly bytes: number }): readonly Batch[] {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const batch of this.#closed) {
      rows += batch.rows.length + batch.deletedRows.length;
      bytes += batch.bytes;
      if (count > 0 && (rows > limits.rows || bytes > limits.bytes)) break;
      count++;
    }
    return this.#closed.splice(0, count);
  }

  /** The batches that were taken first have become durable. */
  drop(batches: readonly Batch[]): void {
    for (const batch of batches) {
      this.#head += batch.rows.length;
      this.#bytes -= batch.bytes;
    }
    if (this.#head * 2 < this.#rows.length) return;
    this.#rows = this.#rows.slice(this.#head);
    this.#head = 0;
  }

  find(main: number, sub: number): Row | undefined {
    const row = this.#rows[this.#lowerBound(main, sub)];
    return row !== undefined && row.main === main && row.sub === sub ? row : undefined;
  }

  /** Visits rows from a place in history on until `visit` answers false. */
  visit(main: number, visit: (row: Row) => boolean): void {
    for (let at = this.#lowerBound(main, 0); at < this.#rows.length; at++) {
      const row = this.#rows[at];
      if (row === undefined || !visit(row)) return;
    }
  }

  #lowerBound(main: number, sub: number): number {
    let low = this.#head;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row !== undefined && (row.main < main || (row.main === main && row.sub < sub))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#open.bytes += bytes;
  }
}

class OpenBatch {
  readonly rows: Row[] = [];
  readonly deletedRows: Uint8Array[] = [];
  readonly leases = new Map<bigint, number | undefined>();
  readonly records = new Map<string, Uint8Array | undefined>();
  bytes = 0;
  touched = false;

  get empty(): boolean {
    return !this.touched && this.bytes === 0;
  }
}

/** One backend commit of whole batches: each row before its deletion, and the state as of the last one. */
export function writesOf(batches: readonly Batch[], rules: KvRules): BackendWrite[] {
  const writes: BackendWrite[] = [];
  for (const batch of batches) {
    for (const row of batch.rows) {
      writes.push({ kind: 'put', space: 'rows', key: rowName(row.main, row.sub, row.tombstone), value: row.bytes });
    }
    for (const name of batch.deletedRows) writes.push({ kind: 'delete', space: 'rows', key: name });
    for (const [id, ttl] of batch.leases) {
      const key = leaseName(id);
      if (ttl === undefined) writes.push({ kind: 'delete', space: 'leases', key });
      else writes.push({ kind: 'put', space: 'leases', key, value: encodeLease(ttl) });
    }
    for (const [name, value] of batch.records) {
      const key = recordName(name);
      if (value === undefined) writes.push({ kind: 'delete', space: 'meta', key });
      else writes.push({ kind: 'put', space: 'meta', key, value });
    }
  }
  const last = batches[batches.length - 1]?.state;
  if (last !== undefined) writes.push(stateWrite({ ...last, position: rules.positionWith(last.position) }));
  return writes;
}

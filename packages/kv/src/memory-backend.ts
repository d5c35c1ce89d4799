// A backend in memory for the simulator, the browser and tests. Tables are never changed in place: a view is a reference, a
// power failure goes back to an older one. Completions come through the injected `defer`, in order; no clock, no chance.

import type { Backend, BackendView, BackendWrite, Space } from './backend.ts';
import { bytesOfKey, compareKeys, keyOfBytes } from './bytes.ts';

export interface MemoryBackendOptions {
  /** Runs a task later, in the order of the calls. Decides when a commit shows. */
  readonly defer: (task: () => void) => void;
  /** Decides when what shows becomes durable; `defer` when absent. */
  readonly deferDurable?: (task: () => void) => void;
}

interface Chunk {
  readonly names: readonly string[];
  readonly values: readonly Uint8Array[];
  readonly bytes: number;
}
type Table = readonly Chunk[];
interface Tables {
  readonly rows: Table;
  readonly meta: Table;
  readonly leases: Table;
}

const empty: Tables = { rows: [], meta: [], leases: [] };
const chunkLengthMax = 256;

export class MemoryBackend implements Backend {
  readonly #defer: (task: () => void) => void;
  readonly #deferDurable: (task: () => void) => void;
  #shown: Tables = empty;
  #durable: Tables = empty;
  /** Commits that show and are not durable, oldest first. */
  #unflushed: Tables[] = [];
  #committing = false;
  /** Completions of an earlier life never come. */
  #life = 0;
  #failure: Error | undefined = undefined;
  #closing: ((error: Error | undefined) => void) | undefined = undefined;

  constructor(options: MemoryBackendOptions) {
    this.#defer = options.defer;
    this.#deferDurable = options.deferDurable ?? options.defer;
  }

  view(): BackendView {
    if (this.#failure !== undefined) throw this.#failure;
    return new MemoryView(this.#shown);
  }

  commit(
    writes: readonly BackendWrite[],
    committed: (error: Error | undefined) => void,
    durable: (error: Error | undefined) => void,
  ): void {
    if (this.#committing) throw new Error('a commit is under way: one at a time');
    this.#committing = true;
    const life = this.#life;
    this.#defer(() => {
      if (life !== this.#life) return;
      this.#committing = false;
      if (this.#failure !== undefined) {
        committed(this.#failure);
        durable(this.#failure);
        this.#endWhenIdle();
        return;
      }
      const tables = applyWrites(this.#shown, writes);
      this.#shown = tables;
      this.#unflushed.push(tables);
      this.#deferDurable(() => {
        if (life !== this.#life) return;
        if (this.#failure === undefined) {
          this.#durable = tables;
          this.#unflushed = this.#unflushed.slice(this.#unflushed.indexOf(tables) + 1);
        }
        durable(this.#failure);
        this.#endWhenIdle();
      });
      committed(undefined);
    });
  }

  size(): { readonly bytes: number; readonly bytesInUse: number } {
    let bytes = 0;
    for (const table of [this.#shown.rows, this.#shown.meta, this.#shown.leases]) {
      for (const chunk of table) bytes += chunk.bytes;
    }
    return { bytes, bytesInUse: bytes };
  }

  close(done: (error: Error | undefined) => void): void {
    this.#defer(() => {
      this.#closing = done;
      this.#endWhenIdle();
    });
  }

  /**
   * A power failure: what was not durable is gone, but for the `survivors` oldest commits that happened to reach the disk.
   * Callbacks under way never come; views of the earlier life must not be used. Afterwards the backend is open and sound.
   */
  crash(survivors: number = 0): void {
    this.#life++;
    this.#committing = false;
    this.#closing = undefined;
    this.#failure = undefined;
    this.#durable = this.#unflushed[survivors - 1] ?? this.#durable;
    this.#shown = this.#durable;
    this.#unflushed = [];
  }

  /** From now on every answer is this error, as of a disk that broke. */
  fail(error: Error): void {
    this.#failure = error;
  }

  #endWhenIdle(): void {
    const done = this.#closing;
    if (done === undefined || this.#committing || (this.#unflushed.length > 0 && this.#failure === undefined)) return;
    this.#closing = undefined;
    const failure = this.#failure;
    this.#failure ??= new Error('the backend is closed');
    done(failure);
  }
}

class MemoryView implements BackendView {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get(space: Space, key: Uint8Array): Uint8Array | undefined {
    const name = keyOfBytes(key);
    const table = this.#tables[space];
    const chunk = table[chunkOf(table, name)];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.names, name);
    return chunk.names[at] === name ? chunk.values[at] : undefined;
  }

  scan(
    space: Space,
    from: Uint8Array,
    to: Uint8Array | undefined,
    visit: (key: Uint8Array, value: Uint8Array) => boolean,
  ): void {
    const table = this.#tables[space];
    const first = keyOfBytes(from);
    const end = to === undefined ? undefined : keyOfBytes(to);
    for (let c = chunkOf(table, first); c < table.length; c++) {
      const chunk = table[c];
      if (chunk === undefined) return;
      for (let i = lowerBound(chunk.names, first); i < chunk.names.length; i++) {
        const name = chunk.names[i];
        const value = chunk.values[i];
        if (name === undefined || value === undefined || (end !== undefined && name >= end)) return;
        if (!visit(bytesOfKey(name), value)) return;
      }
    }
  }

  close(): void {}
}

function applyWrites(before: Tables, writes: readonly BackendWrite[]): Tables {
  let base = before;
  let changes = noChanges();
  for (const write of writes) {
    switch (write.kind) {
      case 'clear':
        base = empty;
        changes = noChanges();
        break;
      case 'put':
        changes[write.space].set(keyOfBytes(write.key), write.value.slice());
        break;
      case 'delete':
        changes[write.space].set(keyOfBytes(write.key), undefined);
        break;
    }
  }
  return {
    rows: changeTable(base.rows, changes.rows),
    meta: changeTable(base.meta, changes.meta),
    leases: changeTable(base.leases, changes.leases),
  };
}

type Changes = Record<Space, Map<string, Uint8Array | undefined>>;

function noChanges(): Changes {
  return { rows: new Map(), meta: new Map(), leases: new Map() };
}

/** Copies the chunks that change and shares the others. */
function changeTable(table: Table, changes: ReadonlyMap<string, Uint8Array | undefined>): Table {
  if (changes.size === 0) return table;
  const sorted = [...changes].sort(([left], [right]) => compareKeys(left, right));
  const result: Chunk[] = [];
  let next = 0;
  for (let c = 0; c < Math.max(1, table.length); c++) {
    const chunk = table[c] ?? { names: [], values: [], bytes: 0 };
    const limit = table[c + 1]?.names[0];
    const start = next;
    while (next < sorted.length && (limit === undefined || (sorted[next]?.[0] ?? '') < limit)) next++;
    if (next === start) result.push(chunk);
    else result.push(...changeChunk(chunk, sorted.slice(start, next)));
  }
  return result;
}

function changeChunk(chunk: Chunk, changes: readonly (readonly [string, Uint8Array | undefined])[]): Chunk[] {
  const names: string[] = [];
  const values: Uint8Array[] = [];
  const add = (name: string | undefined, value: Uint8Array | undefined): void => {
    if (name === undefined || value === undefined) return;
    names.push(name);
    values.push(value);
  };
  let at = 0;
  for (const [name, value] of changes) {
    for (; at < chunk.names.length && (chunk.names[at] ?? '') < name; at++) add(chunk.names[at], chunk.values[at]);
    if (chunk.names[at] === name) at++;
    add(name, value);
  }
  for (; at < chunk.names.length; at++) add(chunk.names[at], chunk.values[at]);
  const chunks: Chunk[] = [];
  for (let from = 0; from < names.length; from += chunkLengthMax) {
    chunks.push(chunkFrom(names.slice(from, from + chunkLengthMax), values.slice(from, from + chunkLengthMax)));
  }
  return chunks;
}

function chunkFrom(names: readonly string[], values: readonly Uint8Array[]): Chunk {
  let bytes = 0;
  for (const name of names) bytes += name.length;
  for (const value of values) bytes += value.length;
  return { names, values, bytes };
}

function chunkOf(table: Table, name: string): number {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table[middle]?.names[0] ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : low - 1;
}

function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The log in memory: everything since the last snapshot (§5.3, §7). The base is the entry that the snapshot ends with, a
// virtual entry before the first.
//
//      base          first                      last
//       |              |                          |
//   ....B   [ B+1 ] [ B+2 ] ......... [  ] [  ] [ L ]
//
// Also knows which configuration is active at an index, because that is a question about the log. Knows nothing of disks,
// commit or roles: what may be cut off is the caller's to say.

import type { Configuration, Entry, Index, LogId, SnapshotMeta, Term } from './api.ts';
import { assert } from './assert.ts';
import { plus } from './numbers.ts';

/** What an entry costs in memory and on the wire besides its payload, roughly. */
const entryOverheadBytes = 48;

export function commandBytes(data: Uint8Array): number {
  return entryOverheadBytes + data.byteLength;
}

/** An entry's share of every byte limit. */
export function entryBytes(entry: Entry): number {
  if (entry.kind === 'command') return commandBytes(entry.data);
  if (entry.kind === 'noop') return entryOverheadBytes;
  let bytes = entryOverheadBytes;
  for (const [id, address] of entry.configuration.addresses) bytes += id.length + address.byteLength;
  return bytes;
}

/** Where a follower's log parts from what the leader sent, told so that the leader can skip a whole term (§5.3). */
export interface Conflict {
  readonly conflictTerm: Term | undefined;
  readonly tryIndex: Index;
}

export interface LogDump {
  readonly base: SnapshotMeta;
  readonly entries: readonly Entry[];
}

export class Log {
  #base: SnapshotMeta;
  #entries: Entry[];
  #bytes = 0;
  /** The configuration entries of the log, oldest first: rarely more than one or two. */
  #configurations: (LogId & { readonly configuration: Configuration })[] = [];

  constructor(dump: LogDump) {
    this.#base = dump.base;
    this.#entries = [];
    for (const entry of dump.entries) this.append(entry);
  }

  /** What a snapshot that ends where the log begins must carry. */
  get base(): SnapshotMeta {
    return this.#base;
  }

  get first(): Index {
    return plus(this.#base.last.index, 1);
  }

  get lastIndex(): Index {
    return plus(this.#base.last.index, this.#entries.length);
  }

  get last(): LogId {
    const entry = this.#entries.at(-1);
    return entry === undefined ? this.#base.last : { term: entry.term, index: entry.index };
  }

  /** Bytes of all entries, by `entryBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The newest configuration in the log: active whether or not it is committed (thesis §4.1). */
  get configuration(): Configuration {
    return this.#configurations.at(-1)?.configuration ?? this.#base.configuration;
  }

  /** The newest configuration, and the entry it came with; one that came with the base stands at the base. */
  get newestConfiguration(): { readonly index: Index; readonly configuration: Configuration } {
    return this.#configurations.at(-1) ?? { index: this.#base.last.index, configuration: this.#base.configuration };
  }

  /** The configuration as of an entry, base included. */
  configurationAt(index: Index): Configuration {
    const newest = this.#configurations.findLast((entry) => entry.index <= index);
    return newest?.configuration ?? this.#base.configuration;
  }

  /** Every configuration that may be in force anywhere when everything through `commit` is committed. */
  configurationsFrom(commit: Index): readonly Configuration[] {
    const open = this.#configurations.filter((entry) => entry.index > commit);
    return [this.configurationAt(commit), ...open.map((entry) => entry.configuration)];
  }

  /** Undefined below the base and past the end. */
  termAt(index: Index): Term | undefined {
    const slot = index - this.#base.last.index - 1;
    return slot === -1 ? this.#base.last.term : this.#entries[slot]?.term;
  }

  /** Undefined at and below the base, and past the end. */
  at(index: Index): Entry | undefined {
    return this.#entries[index - this.#base.last.index - 1];
  }

  idAt(index: Index): LogId | undefined {
    const term = this.termAt(index);
    return term === undefined ? undefined : { term, index };
  }

  /** Log Matching (§5.3): whoever holds this entry holds the same log up to it. */
  contains(id: LogId): boolean {
    return this.termAt(id.index) === id.term;
  }

  append(entry: Entry): void {
    const { index, term } = this.last;
    assert(entry.index === index + 1, () => `entry ${entry.index} does not follow ${index}`);
    assert(entry.term >= term, () => `entry ${entry.index} has term ${entry.term}, older than ${term} before it`);
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
    if (entry.kind === 'configuration') this.#configurations.push(entry);
  }

  /** Entries from `from` through `through`, as many as fit into `bytes`, but at least one. Payloads are not copied. */
  slice(from: Index, bytes: number, through: Index = this.lastIndex): readonly Entry[] {
    const start = from - this.#base.last.index - 1;
    assert(start >= 0, () => `entry ${from} is not after the base ${this.#base.last.index}`);
    const stop = through - this.#base.last.index;
    let end = start;
    let sum = 0;
    for (; end < stop; end += 1) {
      const entry = this.#entries[end];
      if (entry === undefined) break;
      sum += entryBytes(entry);
      if (sum > bytes && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  /** The entries from `from` through `through`, which both are in the log. */
  between(from: Index, through: Index): readonly Entry[] {
    const offset = this.#base.last.index + 1;
    return this.#entries.slice(from - offset, through - offset + 1);
  }

  /** Drops the suffix from `from` on, and its configurations with it. */
  truncate(from: Index, keepConfigurations = false): void {
    const keep = from - this.#base.last.index - 1;
    assert(keep >= 0, () => `cannot truncate from ${from}, at or below the base ${this.#base.last.index}`);
    for (const entry of this.#entries.splice(keep)) this.#bytes -= entryBytes(entry);
    if (keepConfigurations) return;
    while ((this.#configurations.at(-1)?.index ?? -1) >= from) this.#configurations.pop();
  }

  /** Drops the prefix through `through`, which becomes the base (§7). */
  compact(through: Index): void {
    const base = this.metaAt(through);
    for (const entry of this.#entries.splice(0, through - this.#base.last.index)) this.#bytes -= entryBytes(entry);
    this.#configurations = this.#configurations.filter((entry) => entry.index > through);
    this.#base = base;
  }

  /** Drops everything: the log now begins after a snapshot that it does not contain (§7, figure 13 step 7). */
  reset(base: SnapshotMeta): void {
    this.#base = base;
    this.#entries = [];
    this.#bytes = 0;
    this.#configurations = [];
  }

  /** What a snapshot that ends at `index` must carry: the configuration is the one as of that entry. */
  metaAt(index: Index): SnapshotMeta {
    const last = this.idAt(index);
    assert(last !== undefined, () => `no entry ${index} between base ${this.#base.last.index} and ${this.lastIndex}`);
    return { last, configuration: this.configurationAt(index) };
  }

  /** Where the first of these entries stands that the log has with another term (§5.3); undefined without a conflict. */
  conflictAt(entries: readonly Entry[]): Index | undefined {
    for (const entry of entries) {
      const term = this.termAt(entry.index);
      if (term !== undefined && term !== entry.term) return entry.index;
    }
    return undefined;
  }

  /**
   * What a follower tells a leader whose `prev` it does not have (§5.3, fast back-up): the term that stands there instead
   * and the first index of that term, but nothing below `floor`, where both logs are known to agree.
   */
  conflictBelow(prev: Index, floor: Index): Conflict {
    if (prev > this.lastIndex) return { conflictTerm: undefined, tryIndex: plus(this.lastIndex, 1) };
    const conflictTerm = this.termAt(prev);
    let first = prev;
    while (first > floor && first > this.first && this.termAt(plus(first, -1)) === conflictTerm)
      first = plus(first, -1);
    return { conflictTerm, tryIndex: first };
  }

  /** The last entry of a term at or before `through`, base included. Terms never fall along a log, so the search may stop. */
  lastOfTerm(term: Term, through: Index): Index | undefined {
    let index = through < this.lastIndex ? through : this.lastIndex;
    for (; index >= this.#base.last.index; index = plus(index, -1)) {
      const found = this.termAt(index);
      if (found === undefined || found < term) return undefined;
      if (found === term) return index;
    }
    return undefined;
  }

  dump(): LogDump {
    return { base: this.#base, entries: this.#entries.slice() };
  }
}

// RFC 7541 §6: fields into header blocks. Which fields are worth an entry of the peer's table is a policy; the usual one
// indexes what comes a second time, so that values which never repeat do not push out those which do.

import { DynamicTable } from './dynamic-table.ts';
import type { HeaderField } from './header-field.ts';
import { encodeHuffman, huffmanOctets } from './huffman.ts';
import { writeInteger } from './integers.ts';
import { staticEntries, staticTable } from './static-table.ts';

/** `insert`: §6.2.1. `plain`: §6.2.2. `never`: §6.2.3, for what an observer of lengths must not be able to guess. */
export type Indexing = 'insert' | 'plain' | 'never';

export type IndexingPolicy = (field: HeaderField, seenBefore: boolean) => Indexing;

export interface EncoderOptions {
  /** What we use at most, whatever the peer would allow. */
  readonly tableSizeMax: number;
  readonly policy?: IndexingPolicy;
  /** Off only to compare with examples. */
  readonly huffman?: boolean;
}

/** RFC 7541 §7.1.3: these are guessed octet by octet if they share a table with what an attacker can send. */
const sensitive: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

export function indexRepeated(field: HeaderField, seenBefore: boolean): Indexing {
  if (field.neverIndexed || sensitive.has(field.name)) return 'never';
  return seenBefore ? 'insert' : 'plain';
}

/** Recently sent fields that are remembered to see which of them repeat. */
const seenMax = 128;
const constantsMax = 64;

interface EncodedConstant {
  readonly bytes: Buffer;
  readonly generation: number;
}

export class Encoder {
  readonly #table: DynamicTable;
  readonly #tableSizeMax: number;
  readonly #policy: IndexingPolicy;
  readonly #huffman: boolean;
  /** Number of insertion by `name\0value`, and the last one by name. Numbers of evicted entries are stale, not wrong. */
  readonly #fields = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #constants = new Map<readonly HeaderField[], EncodedConstant>();
  /** The least and the last of the sizes set since the last block, when the peer must still be told. */
  #smallest: number | undefined;
  #generation = 0;
  #out: Buffer = Buffer.allocUnsafeSlow(512);

  constructor({ tableSizeMax, policy = indexRepeated, huffman = true }: EncoderOptions) {
    this.#tableSizeMax = tableSizeMax;
    this.#policy = policy;
    this.#huffman = huffman;
    // RFC 9113 §6.5.2: 4,096 until the peer's SETTINGS say otherwise.
    this.#table = new DynamicTable(Math.min(4096, tableSizeMax));
    if (tableSizeMax < 4096) this.#smallest = tableSizeMax;
  }

  get tableSize(): number {
    return this.#table.size;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. RFC 7541 §4.2: the next block begins with what we make of it. */
  limitTable(peerMax: number): void {
    const capacity = Math.min(peerMax, this.#tableSizeMax);
    if (capacity === this.#table.capacity && this.#smallest === undefined) return;
    this.#smallest = Math.min(this.#smallest ?? this.#table.capacity, capacity);
    this.#generation += 1;
    this.#table.resize(capacity);
  }

  /** The block is good until the next call. */
  encode(fields: readonly HeaderField[]): Buffer {
    let at = this.#updates();
    for (const field of fields) at = this.#field(field, at);
    return this.#out.subarray(0, at);
  }

  /** As `encode`, for lists that are sent over and over as the same object; these are few. */
  encodeConstant(fields: readonly HeaderField[]): Buffer {
    const known = this.#constants.get(fields);
    if (known !== undefined && known.generation === this.#generation) return known.bytes;
    const before = this.#generation;
    const bytes = Buffer.from(this.encode(fields));
    // A block that changed the table, or looked at what repeats, reads otherwise the next time.
    if (before === this.#generation) {
      if (this.#constants.size >= constantsMax) this.#constants.clear();
      this.#constants.set(fields, { bytes, generation: this.#generation });
    }
    return bytes;
  }

  #updates(): number {
    if (this.#smallest === undefined) return 0;
    const { capacity } = this.#table;
    let at = 0;
    // RFC 7541 §4.2: the smallest in between is signalled too, as it may have emptied the table.
    if (this.#smallest < capacity) at = writeInteger(this.#out, at, 0x20, 5, this.#smallest);
    this.#smallest = undefined;
    this.#generation += 1;
    return writeInteger(this.#out, at, 0x20, 5, capacity);
  }

  #field(field: HeaderField, at: number): number {
    this.#makeRoom(at, field.size + 16);
    const { name, value } = field;
    const key = `${name}\0${value}`;
    const known = staticFields.get(key) ?? this.#indexOf(this.#fields.get(key));
    const indexing = this.#policy(field, this.#seen.has(key));
    if (known !== undefined && indexing !== 'never') return writeInteger(this.#out, at, 0x80, 7, known);
    const nameIndex = staticNames.get(name) ?? this.#indexOf(this.#names.get(name)) ?? 0;
    const end = this.#literal(field, nameIndex, indexing, at);
    if (indexing === 'insert') this.#insert(field, key);
    else if (indexing === 'plain') this.#notice(key);
    return end;
  }

  #literal({ name, value }: HeaderField, nameIndex: number, indexing: Indexing, at: number): number {
    let end = at;
    if (indexing === 'insert') end = writeInteger(this.#out, end, 0x40, 6, nameIndex);
    else end = writeInteger(this.#out, end, indexing === 'never' ? 0x10 : 0, 4, nameIndex);
    if (nameIndex === 0) end = this.#string(name, end);
    return this.#string(value, end);
  }

  #string(text: string, at: number): number {
    const short = this.#huffman ? huffmanOctets(text) : 0;
    if (short > 0 && short <= text.length)
      return encodeHuffman(text, this.#out, writeInteger(this.#out, at, 0x80, 7, short));
    const start = writeInteger(this.#out, at, 0, 7, text.length);
    return start + this.#out.write(text, start, 'latin1');
  }

  #insert(field: HeaderField, key: string): void {
    this.#generation += 1;
    this.#table.insert(field);
    // The stale numbers go when they are more than the entries there are.
    if (this.#fields.size > 2 * this.#table.entries + 16) this.#dropStale();
    this.#fields.set(key, this.#table.inserted);
    this.#names.set(field.name, this.#table.inserted);
  }

  #notice(key: string): void {
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= seenMax) this.#seen.clear();
    this.#seen.add(key);
    this.#generation += 1;
  }

  #dropStale(): void {
    for (const map of [this.#fields, this.#names]) {
      for (const [key, number] of map) if (this.#indexOf(number) === undefined) map.delete(key);
    }
  }

  #indexOf(number: number | undefined): number | undefined {
    if (number === undefined) return undefined;
    const age = this.#table.inserted - number;
    return age < this.#table.entries ? staticEntries + 1 + age : undefined;
  }

  #makeRoom(at: number, bytes: number): void {
    if (at + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, at + bytes));
    this.#out.copy(larger, 0, 0, at);
    this.#out = larger;
  }
}

const staticFields: ReadonlyMap<string, number> = new Map(
  staticTable.map(({ name, value }, index) => [`${name}\0${value}`, index] as const).filter(([, index]) => index > 0),
);
/** RFC 7541 Appendix A has some names several times; the first is as good as any. */
const staticNames: ReadonlyMap<string, number> = new Map(
  staticTable
    .map(({ name }, index) => [name, index] as const)
    .filter(([, index]) => index > 0)
    .reverse(),
);

// `mvccpb.KeyValue` and `mvccpb.Event` by hand: rows are stored as the very bytes that go out on the wire, so the hot path
// writes them once and splices them ever after. Fields stand in the order of their numbers and zeros are left out, as in
// etcd, whose HashKV runs over the same bytes.

import type { EncodedKeyValue, Key } from './api.ts';
import { keyOfBytes, varintLength, writeKey, writeVarint } from './bytes.ts';
import { StoreFormatError } from './invariant.ts';

const keyTag = 0x0a;
const createTag = 0x10;
const modTag = 0x18;
const versionTag = 0x20;
const valueTag = 0x2a;
const leaseTag = 0x30;

const eventTypeTag = 0x08;
const eventDelete = 1;
const eventKvTag = 0x12;
const eventPrevKvTag = 0x1a;

export interface KeyValue {
  readonly key: Key;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** A view into the encoded bytes. */
  readonly value: Uint8Array;
  /** 0n = none. */
  readonly lease: bigint;
}

const noBytes = new Uint8Array(0);

/** `lease` is the id as a varint, encoded once per lease; undefined = none. */
export function encodeKeyValue(
  key: Key,
  createRevision: number,
  modRevision: number,
  version: number,
  value: Uint8Array,
  lease: Uint8Array | undefined,
): EncodedKeyValue {
  const length =
    (key.length === 0 ? 0 : 1 + varintLength(key.length) + key.length) +
    (createRevision === 0 ? 0 : 1 + varintLength(createRevision)) +
    (modRevision === 0 ? 0 : 1 + varintLength(modRevision)) +
    (version === 0 ? 0 : 1 + varintLength(version)) +
    (value.length === 0 ? 0 : 1 + varintLength(value.length) + value.length) +
    (lease === undefined ? 0 : 1 + lease.length);
  const bytes = allocate(length);
  let at = 0;
  if (key.length !== 0) {
    bytes[at++] = keyTag;
    at = writeVarint(bytes, at, key.length);
    writeKey(bytes, at, key);
    at += key.length;
  }
  if (createRevision !== 0) at = writeField(bytes, at, createTag, createRevision);
  if (modRevision !== 0) at = writeField(bytes, at, modTag, modRevision);
  if (version !== 0) at = writeField(bytes, at, versionTag, version);
  if (value.length !== 0) {
    at = writeField(bytes, at, valueTag, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  if (lease !== undefined) {
    bytes[at++] = leaseTag;
    bytes.set(lease, at);
  }
  return bytes;
}

/**
 * An array of its own costs a row more than all other work on it, so small ones share slabs. Rows of a slab are of one age:
 * they leave the overlay together.
 */
const slabBytes = 64 * 1024;
const sharedBytesMax = 4096;
let slab = new Uint8Array(0);
let slabUsed = 0;

function allocate(length: number): Uint8Array {
  if (length > sharedBytesMax) return new Uint8Array(length);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

/** What is stored for a deletion, and without the revision is what etcd stores. */
export function encodeTombstone(key: Key): EncodedKeyValue {
  return encodeKeyValue(key, 0, 0, 0, noBytes, undefined);
}

function writeField(into: Uint8Array, at: number, tag: number, value: number): number {
  into[at] = tag;
  return writeVarint(into, at + 1, value);
}

/** Reads what `encodeKeyValue` wrote, and refuses anything else. */
export function decodeKeyValue(bytes: EncodedKeyValue): KeyValue {
  const reader = new FieldReader(bytes);
  const keyLength = reader.number(keyTag);
  const keyStart = reader.skip(keyLength);
  const createRevision = reader.number(createTag);
  const modRevision = reader.number(modTag);
  const version = reader.number(versionTag);
  const valueLength = reader.number(valueTag);
  const valueStart = reader.skip(valueLength);
  const lease = reader.int64(leaseTag);
  reader.end();
  return {
    key: keyOfBytes(bytes, keyStart, keyStart + keyLength),
    createRevision,
    modRevision,
    version,
    value: bytes.subarray(valueStart, valueStart + valueLength),
    lease,
  };
}

/** Only the key, for whoever reads many rows and wants few. */
export function keyOfEncoded(bytes: EncodedKeyValue): Key {
  const reader = new FieldReader(bytes);
  const length = reader.number(keyTag);
  const start = reader.skip(length);
  return keyOfBytes(bytes, start, start + length);
}

/** The same pair with an empty value (`keys_only`). */
export function withoutValue(bytes: EncodedKeyValue): EncodedKeyValue {
  const reader = new FieldReader(bytes);
  reader.skip(reader.number(keyTag));
  reader.number(createTag);
  reader.number(modTag);
  reader.number(versionTag);
  const fieldStart = reader.at;
  const valueLength = reader.number(valueTag);
  reader.skip(valueLength);
  if (reader.at === fieldStart) return bytes;
  const shorter = new Uint8Array(bytes.length - (reader.at - fieldStart));
  shorter.set(bytes.subarray(0, fieldStart), 0);
  shorter.set(bytes.subarray(reader.at), fieldStart);
  return shorter;
}

/** Walks the fields in the order of their numbers; an absent one reads as zero. */
class FieldReader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(tag: number): number {
    if (this.#bytes[this.at] !== tag) return 0;
    this.at++;
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#next();
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    if (!Number.isSafeInteger(value)) throw new StoreFormatError('a stored row holds a number above 2^53');
    return value;
  }

  int64(tag: number): bigint {
    if (this.#bytes[this.at] !== tag) return 0n;
    this.at++;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#next();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
  }

  /** Answers where the skipped bytes begin. */
  skip(length: number): number {
    const start = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) throw new StoreFormatError('a stored row is cut short');
    return start;
  }

  end(): void {
    if (this.at !== this.#bytes.length) throw new StoreFormatError('a stored row has fields that no row has');
  }

  #next(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new StoreFormatError('a stored row is cut short');
    return byte;
  }
}

/** `kv` of a delete is key and mod revision only. */
export function encodeEvent(
  type: 'put' | 'delete',
  kv: EncodedKeyValue,
  prevKv: EncodedKeyValue | undefined,
): Uint8Array {
  const typeLength = type === 'delete' ? 2 : 0;
  const kvLength = 1 + varintLength(kv.length) + kv.length;
  const prevLength = prevKv === undefined ? 0 : 1 + varintLength(prevKv.length) + prevKv.length;
  const bytes = new Uint8Array(typeLength + kvLength + prevLength);
  if (type === 'delete') writeField(bytes, 0, eventTypeTag, eventDelete);
  let at = writeField(bytes, typeLength, eventKvTag, kv.length);
  bytes.set(kv, at);
  at += kv.length;
  if (prevKv !== undefined) bytes.set(prevKv, writeField(bytes, at, eventPrevKvTag, prevKv.length));
  return bytes;
}

export function encodeDeletedKey(key: Key, modRevision: number): EncodedKeyValue {
  return encodeKeyValue(key, 0, modRevision, 0, noBytes, undefined);
}

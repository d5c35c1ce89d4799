// Looks over the bytes of a request before they are read: the reader takes every known field for what it should be, whatever
// its wire type says, and would see a key where etcd sees an error. Texts are those of etcd's generated code.

import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { refusal } from '../errors.ts';

const varint = 0;
const bit64 = 1;
const lengthDelimited = 2;
const startGroup = 3;
const endGroup = 4;
const bit32 = 5;

/** A nested txn costs an operation of its parent's, so that no deeper one than this can be within etcd's 128. */
const nestedTxnsMax = 128;
/** Each nested txn is two messages, for it lies in an operation; and the last may hold one. */
export const messageDepthMax: number = 2 * nestedTxnsMax + 2;
const groupDepthMax = 100;

interface Known {
  readonly name: string;
  readonly wireType: number;
  /** Many numbers may also come in one piece. */
  readonly packable: boolean;
  readonly message: DescMessage | undefined;
}

const layouts = new WeakMap<DescMessage, ReadonlyMap<number, Known>>();

/** @throws an error that says what is wrong, or `RpcError` when txns are nested deeper than any that etcd would take */
export function checkWireTypes(schema: DescMessage, bytes: Uint8Array): void {
  new Look(bytes).message(schema, bytes.length, 1);
}

class Look {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(schema: DescMessage, end: number, depth: number): void {
    if (depth > messageDepthMax) throw refusal('tooManyOps');
    const layout = layoutOf(schema);
    while (this.#at < end) {
      const tag = this.#varint(end);
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (wireType === endGroup) throw new Error(`proto: ${schema.name}: wiretype end group for non-group`);
      if (number === 0) throw new Error(`proto: ${schema.name}: illegal tag 0 (wire type ${wireType})`);
      const known = layout.get(number);
      if (known === undefined) {
        this.#skip(wireType, end, groupDepthMax);
        continue;
      }
      if (wireType !== known.wireType && !(known.packable && wireType === lengthDelimited)) {
        throw new Error(`proto: wrong wireType = ${wireType} for field ${known.name}`);
      }
      if (known.message === undefined) this.#skip(wireType, end, groupDepthMax);
      else this.message(known.message, this.#endOfPiece(end), depth + 1);
    }
  }

  #skip(wireType: number, end: number, groupsMax: number): void {
    switch (wireType) {
      case varint:
        this.#varint(end);
        return;
      case bit64:
        this.#pass(8, end);
        return;
      case lengthDelimited:
        this.#at = this.#endOfPiece(end);
        return;
      case startGroup:
        this.#skipGroup(end, groupsMax);
        return;
      case bit32:
        this.#pass(4, end);
        return;
      default:
        throw new Error(`proto: illegal wireType ${wireType}`);
    }
  }

  #skipGroup(end: number, groupsMax: number): void {
    if (groupsMax === 0) throw new Error('proto: groups are nested too deeply');
    for (;;) {
      const wireType = this.#varint(end) % 8;
      if (wireType === endGroup) return;
      this.#skip(wireType, end, groupsMax - 1);
    }
  }

  #endOfPiece(end: number): number {
    const length = this.#varint(end);
    const endOfPiece = this.#at + length;
    if (endOfPiece > end) throw new Error('unexpected EOF');
    return endOfPiece;
  }

  #pass(count: number, end: number): void {
    this.#at += count;
    if (this.#at > end) throw new Error('unexpected EOF');
  }

  /** Exact where exactness matters: tags and lengths are small, and of a value only the length is looked at. */
  #varint(end: number): number {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < 10; count++) {
      if (this.#at >= end) throw new Error('unexpected EOF');
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw new Error('proto: integer overflow');
  }
}

function layoutOf(schema: DescMessage): ReadonlyMap<number, Known> {
  const made = layouts.get(schema);
  if (made !== undefined) return made;
  const layout = new Map(schema.fields.map((field) => [field.number, known(field)]));
  layouts.set(schema, layout);
  return layout;
}

function known(field: DescField): Known {
  const wireType = wireTypeOf(field);
  return {
    name: goName(field.name),
    wireType,
    packable: field.fieldKind === 'list' && wireType !== lengthDelimited,
    message: field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined,
  };
}

function wireTypeOf(field: DescField): number {
  const kind = field.fieldKind === 'list' ? field.listKind : field.fieldKind;
  if (kind === 'enum') return varint;
  if (kind !== 'scalar') return lengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return lengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return bit32;
    default:
      return varint;
  }
}

/** `range_end` is RangeEnd in etcd's code. */
function goName(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

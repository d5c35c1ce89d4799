/**
 * Every way to change one field of a message, by its descriptor: what the tests of the comparison flip, so that a field
 * that nobody thought of cannot be one that nobody compares.
 */

import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

export interface Mutation<Desc extends DescMessage> {
  /** `mvccpb.KeyValue.lease`: the field that differs. */
  readonly field: string;
  readonly how: string;
  readonly message: MessageShape<Desc>;
}

/** How deep messages that contain themselves are filled. */
const depthMax = 6;
const big = 5000n;

/** All fields set; of a oneof the member numbered `choice`, as far as there is one. */
export function filled<Desc extends DescMessage>(schema: Desc, choice: number): MessageShape<Desc> {
  const message = create(schema);
  fill(reflect(schema, message), choice, 0);
  return message;
}

/** One changed copy for each change of each field, at any depth. */
export function* mutations<Desc extends DescMessage>(
  schema: Desc,
  original: MessageShape<Desc>,
): Iterable<Mutation<Desc>> {
  const bytes = toBinary(schema, original);
  for (let index = 0; ; index += 1) {
    const message = fromBinary(schema, bytes);
    const change = changesOf(reflect(schema, message))[index];
    if (change === undefined) return;
    change.apply();
    yield { field: change.field, how: change.how, message };
  }
}

interface Change {
  readonly field: string;
  readonly how: string;
  readonly apply: () => void;
}

function changesOf(message: ReflectMessage): readonly Change[] {
  return [
    ...message.fields.flatMap((field) => fieldChanges(message, field)),
    {
      field: `${message.desc.typeName}.(unknown)`,
      how: 'added',
      apply: () => message.setUnknown([{ no: 1000, wireType: 0, data: Uint8Array.of(1) }]),
    },
  ];
}

function fieldChanges(message: ReflectMessage, field: DescField): readonly Change[] {
  if (!message.isSet(field)) return [];
  const change = (how: string, apply: () => void): Change => ({
    field: `${field.parent.typeName}.${field.name}`,
    how,
    apply,
  });
  const cleared = change('cleared', () => message.clear(field));
  if (field.fieldKind === 'list') {
    const list = message.get(field);
    const items = [...list];
    return [
      cleared,
      change('its last item lost', () => {
        list.clear();
        for (const item of items.slice(0, -1)) list.add(item);
      }),
      change('its last item doubled', () => list.add(items.at(-1))),
      change('turned around', () => {
        list.clear();
        for (const item of items.toReversed()) list.add(item);
      }),
      ...items.flatMap((item) => (isReflectMessage(item) ? changesOf(item) : [])),
      ...(field.listKind === 'message'
        ? []
        : [change('its first item changed', () => list.set(0, different(field, list.get(0))))]),
    ];
  }
  if (field.fieldKind === 'message') return [cleared, ...changesOf(message.get(field))];
  if (field.fieldKind === 'map') throw new Error(`${field.toString()}: a map`);
  return [cleared, change('changed', () => message.set(field, different(field, message.get(field))))];
}

function different(field: DescField, value: unknown): unknown {
  if (field.enum !== undefined) return field.enum.values.find(({ number }) => number !== value)?.number;
  if (typeof value === 'bigint') return value + big;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return `${value}!`;
  if (value instanceof Uint8Array) return Uint8Array.of(...value, 0x21);
  throw new Error(`${field.toString()}: no other value known`);
}

function fill(message: ReflectMessage, choice: number, depth: number): void {
  for (const field of message.fields) {
    // Far down always the first member, lest a nested transaction hold nothing but another one.
    const chosen = field.oneof === undefined || depth >= 3 ? 0 : choice % field.oneof.fields.length;
    if (field.oneof !== undefined && field.oneof.fields.indexOf(field) !== chosen) continue;
    if (field.message !== undefined && depth === depthMax) continue;
    const seed = field.number;
    if (field.fieldKind === 'list') {
      // Two, and different, so that their order shows.
      const list = message.get(field);
      for (const item of [seed, seed + 1]) list.add(sample(field, item, choice, depth));
    } else {
      message.set(field, sample(field, seed, choice, depth));
    }
  }
}

function sample(field: DescField, seed: number, choice: number, depth: number): unknown {
  if (field.message !== undefined) {
    const inner = reflect(field.message);
    fill(inner, choice, depth + 1);
    vary(inner, seed);
    return inner;
  }
  if (field.enum !== undefined) return field.enum.values.at(-1)?.number;
  switch (field.scalar) {
    case ScalarType.BYTES:
      return Uint8Array.of(0x61, seed);
    case ScalarType.STRING:
      return `text ${seed}`;
    case ScalarType.BOOL:
      return true;
    case ScalarType.UINT32:
      return seed;
    default:
      return BigInt(seed) * 10n;
  }
}

/** Makes the items of a list differ, in the first number or bytes that they hold and that are no cluster-wide constant. */
function vary(message: ReflectMessage, seed: number): boolean {
  return message.fields.some((field) => {
    if (!message.isSet(field)) return false;
    if (field.fieldKind === 'message') return vary(message.get(field), seed);
    if (field.fieldKind === 'list')
      return [...message.get(field)].some((item) => isReflectMessage(item) && vary(item, seed));
    if (field.fieldKind !== 'scalar' || field.parent.typeName === 'etcdserverpb.ResponseHeader') return false;
    const value = message.get(field);
    if (typeof value === 'bigint') message.set(field, value + BigInt(seed));
    else if (value instanceof Uint8Array) message.set(field, Uint8Array.of(...value, seed));
    else return false;
    return true;
  });
}

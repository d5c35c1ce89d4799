/**
 * Two replies, field by field, by their descriptors: a field that is added to the wire format is compared from that day.
 * What may differ is in field-rules.ts and in the table of differences; nothing here knows a message by name.
 */

import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Differences } from './differences.ts';
import { type FieldRule, fieldRules } from './field-rules.ts';
import type { Identities } from './identities.ts';
import { describeValue } from './print.ts';

/** One place where the two sides do not agree. */
export interface Discrepancy {
  readonly path: string;
  readonly reference: string;
  readonly target: string;
}

export interface CompareContext {
  readonly identities: Identities;
  readonly differences: Differences;
  /** Which of the target's members answered. */
  readonly endpoint: number;
}

export function compareMessages<Desc extends DescMessage>(
  schema: Desc,
  reference: MessageShape<Desc>,
  target: MessageShape<Desc>,
  context: CompareContext,
): readonly Discrepancy[] {
  const found: Discrepancy[] = [];
  compareReflected(reflect(schema, reference), reflect(schema, target), schema.name, context, found);
  return found;
}

function compareReflected(
  reference: ReflectMessage,
  target: ReflectMessage,
  path: string,
  context: CompareContext,
  found: Discrepancy[],
): void {
  for (const field of reference.fields) {
    compareField(field, reference, target, `${path}.${field.name}`, context, found);
  }
  const unknown = [unknownFields(reference), unknownFields(target)] as const;
  if (unknown[0] !== unknown[1]) {
    found.push({ path: `${path}.(unknown fields)`, reference: unknown[0], target: unknown[1] });
  }
}

function compareField(
  field: DescField,
  reference: ReflectMessage,
  target: ReflectMessage,
  path: string,
  context: CompareContext,
  found: Discrepancy[],
): void {
  const name = `${field.parent.typeName}.${field.name}`;
  const [left, right] = [fieldValue(field, reference), fieldValue(field, target)];
  const report = (): void => {
    found.push({ path, reference: describeValue(left), target: describeValue(right) });
  };
  const listed = context.differences.field(name, describeValue(left), describeValue(right));
  if (listed !== undefined) {
    if (!listed) report();
    return;
  }
  const rule = fieldRules.get(name);
  if (Array.isArray(left) && Array.isArray(right)) {
    compareLists(left, right, rule, path, context, found);
  } else if (isReflectMessage(left) && isReflectMessage(right)) {
    compareReflected(left, right, path, context, found);
  } else if (!sameValue(left, right, rule, context)) {
    report();
  }
}

/** The value, `undefined` for an absent message or oneof member, a plain array for a list. */
function fieldValue(field: DescField, message: ReflectMessage): unknown {
  if (field.fieldKind === 'list') return [...message.get(field)];
  if (field.fieldKind === 'map') throw new Error(`${field.toString()}: etcd's replies have no maps`);
  if ((field.fieldKind === 'message' || field.oneof !== undefined) && !message.isSet(field)) return undefined;
  return message.get(field);
}

function compareLists(
  reference: readonly unknown[],
  target: readonly unknown[],
  rule: FieldRule | undefined,
  path: string,
  context: CompareContext,
  found: Discrepancy[],
): void {
  if (reference.length !== target.length) {
    found.push({
      path,
      reference: `${reference.length} items: ${reference.map(describeValue).join(', ')}`,
      target: `${target.length} items: ${target.map(describeValue).join(', ')}`,
    });
    return;
  }
  const unordered = rule?.kind === 'set';
  const left = unordered ? reference.toSorted(by((item) => orderKey(item, context.identities))) : reference;
  const right = unordered ? target.toSorted(by((item) => orderKey(item, undefined))) : target;
  for (const [index, item] of left.entries()) {
    const other = right[index];
    const itemPath = `${path}[${index}]`;
    if (isReflectMessage(item) && isReflectMessage(other)) {
      compareReflected(item, other, itemPath, context, found);
    } else if (!sameValue(item, other, undefined, context)) {
      found.push({ path: itemPath, reference: describeValue(item), target: describeValue(other) });
    }
  }
}

function by(key: (item: unknown) => string): (a: unknown, b: unknown) => number {
  return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
}

/** A text by which equal items of two unordered lists fall into the same place; ids in the target's spelling. */
function orderKey(item: unknown, renaming: Identities | undefined): string {
  if (item instanceof Uint8Array) return Buffer.from(item).toString('hex');
  if (!isReflectMessage(item)) return String(item);
  return item.fields
    .map((field) => {
      const value = item.get(field);
      const rule = fieldRules.get(`${field.parent.typeName}.${field.name}`);
      const isLease = rule?.kind === 'identity' && rule.of === 'lease' && typeof value === 'bigint';
      return String(isLease && renaming !== undefined ? renaming.targetLease(value) : value);
    })
    .join(' ');
}

function sameValue(
  reference: unknown,
  target: unknown,
  rule: FieldRule | undefined,
  { identities, endpoint }: CompareContext,
): boolean {
  if (rule?.kind === 'masked') return true;
  if (typeof reference === 'bigint' && typeof target === 'bigint') {
    switch (rule?.kind) {
      case 'identity':
        return rule.of === 'lease'
          ? identities.targetLease(reference) === target
          : identities.sameConstant(rule.of, endpoint, reference, target);
      case 'term':
        return identities.termsRise(endpoint, reference, target);
      case 'secondsLeft': {
        if (reference > 0n && target > 0n && identities.hasElectedAgain) return true;
        const distance = reference < target ? target - reference : reference - target;
        return reference > 0n && target > 0n ? distance <= rule.tolerance : distance === 0n;
      }
      default:
        return reference === target;
    }
  }
  if (reference instanceof Uint8Array && target instanceof Uint8Array) return Buffer.compare(reference, target) === 0;
  return reference === target;
}

function unknownFields(message: ReflectMessage): string {
  return (message.getUnknown() ?? []).map(({ no, data }) => `${no}: ${describeValue(data)}`).join(', ');
}

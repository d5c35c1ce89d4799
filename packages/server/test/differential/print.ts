/** Messages as text that a person can read in a failure report: keys as text, long values by their length. */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

const textMax = 40;
const itemsMax = 8;

export function describe<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return `${schema.name}${describeReflected(reflect(schema, message))}`;
}

export function describeReflected(message: ReflectMessage): string {
  const parts: string[] = [];
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'list') {
      parts.push(`${field.name}: ${describeList([...message.get(field)])}`);
    } else if (field.fieldKind === 'enum') {
      const number = message.get(field);
      parts.push(`${field.name}: ${field.enum.value[number]?.name ?? number}`);
    } else {
      parts.push(`${field.name}: ${describeValue(message.get(field))}`);
    }
  }
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function describeList(items: readonly unknown[]): string {
  const shown = items.slice(0, itemsMax).map(describeValue).join(', ');
  return items.length <= itemsMax ? `[${shown}]` : `[${shown}, … (${items.length} items)]`;
}

export function describeValue(value: unknown): string {
  if (value instanceof Uint8Array) return describeBytes(value);
  if (isReflectMessage(value)) return describeReflected(value);
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export function describeBytes(bytes: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(bytes.subarray(0, textMax)).toString('latin1'));
  return bytes.length <= textMax ? text : `${text}… (${bytes.length} bytes)`;
}

function isReflectMessage(value: unknown): value is ReflectMessage {
  return typeof value === 'object' && value !== null && 'desc' in value && 'fields' in value;
}

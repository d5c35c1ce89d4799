// Three ways to show an answer: lines for people, a table, and protobuf's JSON. The JSON is that of etcd's HTTP gateway: bytes
// in base64, 64-bit numbers as text, since ids above 2^53 would not survive a JSON reader.

import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';

export const outputFormats = ['simple', 'json', 'table'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export interface Shown {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** For people; without it, the cells of each row joined by commas. */
  readonly lines?: readonly string[];
}

export class Output {
  readonly #format: OutputFormat;
  readonly #write: (text: string) => void;

  constructor(format: OutputFormat, write: (text: string) => void) {
    this.#format = format;
    this.#write = write;
  }

  /** One answer: what it is in JSON, and how it looks otherwise. */
  show<Message extends DescMessage>(schema: Message, message: MessageShape<Message>, shown: Shown): void {
    this.showAll(schema, [message], shown);
  }

  /** Several answers that make one table; in JSON, a line for each. */
  showAll<Message extends DescMessage>(
    schema: Message,
    messages: readonly MessageShape<Message>[],
    { headings, rows, lines }: Shown,
  ): void {
    switch (this.#format) {
      case 'json':
        this.#print(messages.map((message) => JSON.stringify(toJson(schema, message, { useProtoFieldName: true }))));
        break;
      case 'table':
        this.#print(table(headings, rows));
        break;
      case 'simple':
        this.#print(lines ?? rows.map((row) => row.join(', ')));
        break;
    }
  }

  #print(lines: readonly string[]): void {
    if (lines.length > 0) this.#write(`${lines.join('\n')}\n`);
  }
}

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => (row[i] ?? '').length)));
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (cells: readonly string[]): string =>
    `|${widths.map((width, i) => ` ${(cells[i] ?? '').padEnd(width)} `).join('|')}|`;
  return [rule, line(headings), rule, ...rows.map(line), rule];
}

/** Bytes in a table's cell: text where they are text without control characters, escapes where not. */
export function cellOf(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text !== undefined) return text.replace(/\p{Cc}/gu, (character) => escaped(character.charCodeAt(0)));
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped(byte))).join(
    '',
  );
}

/** Bytes on lines of their own: text as it is, escapes for what is none. */
export function lineOf(bytes: Uint8Array): string {
  return textOf(bytes) ?? cellOf(bytes);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function escaped(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}

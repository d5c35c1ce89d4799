// Which file declares what, read from serialized FileDescriptorProto messages. No more of them is looked at than names,
// and which number of which message an extension takes.

import { readFields } from './wire-format.ts';

export interface DescriptorFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
}

export class Descriptors {
  readonly #files = new Map<string, DescriptorFile>();
  readonly #symbols = new Map<string, DescriptorFile>();
  readonly #messages = new Set<string>();
  /** By the message that they extend, and their number. */
  readonly #extensions = new Map<string, Map<number, DescriptorFile>>();

  /** Throws `RangeError` when one of them is no message. */
  constructor(files: readonly Uint8Array[]) {
    for (const bytes of files) this.#add(bytes);
  }

  byName(name: string): DescriptorFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a message, enum, service, method or field, by its full name. */
  bySymbol(symbol: string): DescriptorFile | undefined {
    return this.#symbols.get(symbol);
  }

  /** The file that declares the extension of this number. */
  byExtension(message: string, number: number): DescriptorFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** Of all extensions of a message, in order; `undefined` when nobody knows it. */
  extensionNumbers(message: string): readonly number[] | undefined {
    const numbers = this.#extensions.get(message);
    if (numbers === undefined) return this.#messages.has(message) ? [] : undefined;
    return [...numbers.keys()].sort((one, other) => one - other);
  }

  /** The file itself and all that it needs, as far as they are here. */
  closure(file: DescriptorFile): readonly DescriptorFile[] {
    const found = new Set<DescriptorFile>([file]);
    for (const { dependencies } of found) {
      for (const name of dependencies) {
        const dependency = this.#files.get(name);
        if (dependency !== undefined) found.add(dependency);
      }
    }
    return [...found];
  }

  // descriptor.proto: FileDescriptorProto has name = 1, package = 2, dependency = 3, message_type = 4, enum_type = 5,
  // service = 6, extension = 7.
  #add(bytes: Uint8Array): void {
    const fields = [...readFields(bytes)];
    const texts = (number: number): readonly string[] =>
      fields.filter((field) => field.number === number).map((field) => field.bytes.toString('utf8'));
    const file = { name: texts(1)[0] ?? '', bytes, dependencies: texts(3) };
    const scope = texts(2)[0] ?? '';
    this.#files.set(file.name, file);
    for (const { number, bytes: inner } of fields) {
      if (number === 4) this.#addMessage(file, scope, inner);
      if (number === 5) this.#declare(file, scope, inner);
      if (number === 7) this.#addExtension(file, scope, inner);
      if (number === 6) {
        const service = this.#declare(file, scope, inner);
        // ServiceDescriptorProto: method = 2.
        for (const field of readFields(inner)) if (field.number === 2) this.#declare(file, service, field.bytes);
      }
    }
  }

  // DescriptorProto: field = 2, nested_type = 3, enum_type = 4, extension = 6.
  #addMessage(file: DescriptorFile, scope: string, bytes: Buffer): void {
    const name = this.#declare(file, scope, bytes);
    this.#messages.add(name);
    for (const { number, bytes: inner } of readFields(bytes)) {
      if (number === 3) this.#addMessage(file, name, inner);
      if (number === 2 || number === 4) this.#declare(file, name, inner);
      if (number === 6) this.#addExtension(file, name, inner);
    }
  }

  // FieldDescriptorProto: extendee = 2, with a dot before it; number = 3.
  #addExtension(file: DescriptorFile, scope: string, bytes: Buffer): void {
    this.#declare(file, scope, bytes);
    let message = '';
    let number = 0;
    for (const field of readFields(bytes)) {
      if (field.number === 2) message = field.bytes.toString('utf8').replace(/^\./, '');
      if (field.number === 3) number = Number(field.value);
    }
    const numbers = this.#extensions.get(message) ?? new Map<number, DescriptorFile>();
    this.#extensions.set(message, numbers.set(number, file));
  }

  /** All of them have their name as field 1. Returns the full one. */
  #declare(file: DescriptorFile, scope: string, bytes: Buffer): string {
    let name = '';
    for (const field of readFields(bytes)) if (field.number === 1) name = field.bytes.toString('utf8');
    const full = scope === '' ? name : `${scope}.${name}`;
    this.#symbols.set(full, file);
    return full;
  }
}

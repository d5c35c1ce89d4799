// gRPC's metadata as header fields: text under most names, bytes in base64 under names that end in `-bin`.

import { HeaderField } from '../hpack/header-field.ts';

/** Read only: what came with a request. Fields that belong to the protocol are seen too. */
export class Metadata {
  readonly #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  /** The first value as it came; names are lower case. */
  get(name: string): string | undefined {
    for (const field of this.#fields) if (field.name === name) return field.value;
    return undefined;
  }

  /** All values as they came, in order. */
  all(name: string): readonly string[] {
    return this.#fields.filter((field) => field.name === name).map(({ value }) => value);
  }

  /** The values of a `-bin` name, decoded. One field may hold several, with commas between. */
  bytes(name: string): readonly Uint8Array[] {
    return this.all(name).flatMap((value) => value.split(',').map((part) => Buffer.from(part.trim(), 'base64')));
  }

  names(): readonly string[] {
    return [...new Set(this.#fields.map(({ name }) => name))];
  }
}

/** Throws `TypeError` for a name or value that may not be sent. */
export function metadataField(name: string, value: string | Uint8Array): HeaderField {
  if (!/^[a-z0-9_.-]+$/.test(name) || reserved.has(name) || name.startsWith('grpc-')) {
    throw new TypeError(`"${name}" is no name for metadata`);
  }
  if (name.endsWith('-bin')) {
    if (typeof value === 'string') throw new TypeError(`the value of ${name} must be bytes`);
    return new HeaderField(name, base64(value));
  }
  if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
    throw new TypeError(`the value of ${name} must be printable ASCII; bytes go under a name that ends in -bin`);
  }
  return new HeaderField(name, value.trim());
}

/** Without padding, as gRPC prefers it. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64').replace(/=+$/, '');
}

const reserved: ReadonlySet<string> = new Set([
  'content-type',
  'te',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

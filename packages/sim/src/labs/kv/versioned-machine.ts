// The store of 6.5840: a put names the version that it replaces, so carrying it out twice is impossible and nothing need be
// remembered of clients. What the client may conclude from a refusal is the clerk's affair.

import { decodeJson, encodeJson } from './json-bytes.ts';
import { type KvRules, kvRules } from './kv-rules.ts';
import type { Machine } from './machine.ts';

export type VersionedRequest =
  | { readonly kind: 'get'; readonly key: string }
  /** Version 0: the key must not exist. */
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly version: number };

export interface Versioned {
  readonly value: string;
  /** Counts the puts to this key, from 1. */
  readonly version: number;
}

export type VersionedAnswer =
  | { readonly kind: 'value'; readonly value: string; readonly version: number }
  | { readonly kind: 'ok' }
  | { readonly kind: 'errVersion' }
  | { readonly kind: 'errNoKey' };

export class VersionedMachine implements Machine<VersionedRequest, VersionedAnswer> {
  readonly #rules: KvRules;
  #values = new Map<string, Versioned>();

  constructor(rules: KvRules = kvRules) {
    this.#rules = rules;
  }

  doOperation(request: VersionedRequest): VersionedAnswer {
    const found = this.#values.get(request.key);
    if (request.kind === 'get') return found === undefined ? { kind: 'errNoKey' } : { kind: 'value', ...found };
    if (found === undefined && request.version > 0) return { kind: 'errNoKey' };
    const version = found?.version ?? 0;
    if (!this.#rules.replaces(request.version, version)) return { kind: 'errVersion' };
    this.#values.set(request.key, { value: request.value, version: version + 1 });
    return { kind: 'ok' };
  }

  isRead({ kind }: VersionedRequest): boolean {
    return kind === 'get';
  }

  snapshot(): Uint8Array {
    return encodeJson([...this.#values]);
  }

  restore(bytes: Uint8Array): void {
    this.#values = new Map(decodeJson<readonly (readonly [string, Versioned])[]>(bytes));
  }
}

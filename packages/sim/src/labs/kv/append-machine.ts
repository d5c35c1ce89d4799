// The store of 6.824: texts that are put, got and appended to. Clients number their requests and have one open at a time, so
// one line for each client tells a repeated request from a new one (§8). Nothing here knows of logs or networks.

import { decodeJson, encodeJson } from './json-bytes.ts';
import { type KvRules, kvRules } from './kv-rules.ts';
import type { Machine } from './machine.ts';

export type AppendRequest =
  | { readonly kind: 'get'; readonly key: string }
  | {
      readonly kind: 'put' | 'append';
      readonly key: string;
      readonly value: string;
      readonly client: number;
      /** Counts the writes of its client from 1. */
      readonly number: number;
    };

/** Of a get, the value, empty when there is none; of an append, the value before it, as in 2024; of a put, nothing. */
export interface AppendAnswer {
  readonly value: string;
}

interface Newest {
  readonly number: number;
  readonly before: string;
}

interface Saved {
  readonly values: readonly (readonly [string, string])[];
  readonly clients: readonly (readonly [number, Newest])[];
}

export class AppendMachine implements Machine<AppendRequest, AppendAnswer> {
  readonly #rules: KvRules;
  /** A lab of 2024 answers appends with the value before; the others need not remember it for repeats. */
  readonly #tellsBefore: boolean;
  #values = new Map<string, string>();
  /** The newest write of each client. Reads leave nothing behind: to read again does no harm. */
  #clients = new Map<number, Newest>();

  constructor({ rules = kvRules, tellsBefore = false }: { rules?: KvRules; tellsBefore?: boolean } = {}) {
    this.#rules = rules;
    this.#tellsBefore = tellsBefore;
  }

  doOperation(request: AppendRequest): AppendAnswer {
    const value = this.#values.get(request.key) ?? '';
    if (request.kind === 'get') return { value };
    const newest = this.#clients.get(request.client);
    if (newest !== undefined && this.#rules.isRepeat(newest.number, request.number)) return { value: newest.before };
    this.#values.set(request.key, request.kind === 'put' ? request.value : value + request.value);
    const before = this.#tellsBefore && request.kind === 'append' ? value : '';
    this.#clients.set(request.client, { number: request.number, before });
    return { value: before };
  }

  isRead({ kind }: AppendRequest): boolean {
    return kind === 'get';
  }

  snapshot(): Uint8Array {
    const clients = this.#rules.keepsClients ? [...this.#clients] : [];
    return encodeJson({ values: [...this.#values], clients } satisfies Saved);
  }

  restore(bytes: Uint8Array): void {
    const { values, clients } = decodeJson<Saved>(bytes);
    this.#values = new Map(values);
    this.#clients = new Map(clients);
  }
}

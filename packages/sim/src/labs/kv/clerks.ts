// The clients as the labs know them. They retry for ever, so what they answer is what happened.

import type { Body } from '../threads.ts';
import type { AppendAnswer, AppendRequest } from './append-machine.ts';
import type { Calls } from './calls.ts';
import { type KvRules, kvRules } from './kv-rules.ts';
import type { Versioned, VersionedAnswer, VersionedRequest } from './versioned-machine.ts';

/** The client of 6.824, and of 6.5840's single server in 2024. */
export class AppendClerk {
  readonly #calls: Calls<AppendRequest, AppendAnswer>;
  /** No two clerks of a service share one. */
  readonly client: number;
  #writes = 0;

  constructor(client: number, calls: Calls<AppendRequest, AppendAnswer>) {
    this.client = client;
    this.#calls = calls;
  }

  /** The value, empty when there is none. */
  *get(key: string): Body<string> {
    const { answer } = yield* this.#calls.call({ kind: 'get', key });
    return answer.value;
  }

  *put(key: string, value: string): Body<void> {
    yield* this.#write('put', key, value);
  }

  /** The value before it, where the service tells it. */
  *append(key: string, value: string): Body<string> {
    return yield* this.#write('append', key, value);
  }

  *#write(kind: 'put' | 'append', key: string, value: string): Body<string> {
    // §8: the number stays the same however often the request is sent.
    this.#writes += 1;
    const { answer } = yield* this.#calls.call({ kind, key, value, client: this.client, number: this.#writes });
    return answer.value;
  }
}

/** What became of a put; `errMaybe`: it was sent more than once, and one of the sendings may have been carried out. */
export type PutOutcome = 'ok' | 'errVersion' | 'errNoKey' | 'errMaybe';

/** The client of 6.5840 from 2025 on. */
export class VersionedClerk {
  readonly #calls: Calls<VersionedRequest, VersionedAnswer>;
  readonly #rules: KvRules;

  constructor(calls: Calls<VersionedRequest, VersionedAnswer>, rules: KvRules = kvRules) {
    this.#calls = calls;
    this.#rules = rules;
  }

  /** `undefined`: no such key. */
  *get(key: string): Body<Versioned | undefined> {
    const { answer } = yield* this.#calls.call({ kind: 'get', key });
    return answer.kind === 'value' ? { value: answer.value, version: answer.version } : undefined;
  }

  *put(key: string, value: string, version: number): Body<PutOutcome> {
    const { answer, isRepeat } = yield* this.#calls.call({ kind: 'put', key, value, version });
    if (answer.kind === 'value') throw new TypeError('a put was answered with a value');
    return answer.kind === 'errVersion' && isRepeat && this.#rules.admitsMaybe ? 'errMaybe' : answer.kind;
  }
}

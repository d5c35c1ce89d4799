// A client of the 6.824 tests: a clerk whose calls are written down, what it does for the length of a test, and the claims
// that its own appends must bear out: each is there once, and in order.

import type { Chance } from '../../chance.ts';
import type { Body, Threads } from '../threads.ts';
import { type AppendInput, type AppendOutput, appendModelOf } from './append-model.ts';
import type { AppendClerk } from './clerks.ts';
import { KvHistory } from './kv-history.ts';

export type AppendHistory = KvHistory<string, AppendInput, AppendOutput>;

export const newAppendHistory = (): AppendHistory => new KvHistory(appendModelOf);

export class AppendClient {
  readonly #name: string;
  readonly #clerk: AppendClerk;
  readonly #history: AppendHistory;
  readonly #tellsBefore: boolean;

  constructor(clerk: AppendClerk, history: AppendHistory, tellsBefore = false) {
    this.#name = `client ${clerk.client}`;
    this.#clerk = clerk;
    this.#history = history;
    this.#tellsBefore = tellsBefore;
  }

  get(key: string): Body<string> {
    const input = { kind: 'get', key, value: '' } as const;
    return this.#history.call(this.#name, input, this.#clerk.get(key), (value) => ({ value }));
  }

  put(key: string, value: string): Body {
    const input = { kind: 'put', key, value } as const;
    return this.#history.call(this.#name, input, this.#clerk.put(key, value), () => ({ value: undefined }));
  }

  append(key: string, value: string): Body<string> {
    const input = { kind: 'append', key, value } as const;
    return this.#history.call(this.#name, input, this.#clerk.append(key, value), (before) => ({
      value: this.#tellsBefore ? before : undefined,
    }));
  }

  *expect(key: string, value: string): Body {
    const found = yield* this.get(key);
    if (found !== value) throw new Error(`get ${key}: "${found}", not "${value}"`);
  }
}

export interface AppendWork {
  readonly threads: Threads;
  readonly chance: Chance;
  readonly client: AppendClient;
  readonly number: number;
  /** Any client's key each time, and now and then a put; or always its own. */
  readonly hasRandomKeys: boolean;
  readonly clients: number;
  /** Between two calls, at most. Without it, a network without delays would let a client call for ever at one instant. */
  readonly thinkMs: number;
  readonly isOver: () => boolean;
}

/** What a client of the labs' generic test does. Answers how many values it wrote. */
export function* appendWork(work: AppendWork): Body<number> {
  const { threads, chance, client, number, hasRandomKeys, clients, thinkMs, isOver } = work;
  let written = 0;
  let mine = '';
  if (!hasRandomKeys) yield* client.put(`${number}`, mine);
  while (!isOver()) {
    const key = hasRandomKeys ? `${chance.below(clients)}` : `${number}`;
    const value = appended(number, written);
    if (chance.below(1000) < 500) {
      yield* client.append(key, value);
      mine += value;
      written += 1;
    } else if (hasRandomKeys && chance.below(1000) < 100) {
      yield* client.put(key, value);
      written += 1;
    } else if (hasRandomKeys) yield* client.get(key);
    else yield* client.expect(key, mine);
    yield* threads.sleep(chance.between(1, thinkMs));
  }
  return written;
}

/** The value that a client appends as its `count`th. */
export function appended(client: number, count: number): string {
  return `x ${client} ${count} y`;
}

/** Throws unless the client's values are all there: each once, in their order, and no more than it wrote. */
export function checkAppends(client: number, text: string, written: number): void {
  let last = -1;
  for (let count = 0; count < written; count += 1) {
    const value = appended(client, count);
    const at = text.indexOf(value);
    if (at < 0) throw new Error(`"${value}" is missing in "${text}"`);
    if (text.lastIndexOf(value) !== at) throw new Error(`"${value}" is twice in "${text}"`);
    if (at <= last) throw new Error(`"${value}" comes too early in "${text}"`);
    last = at;
  }
}

/** Throws unless the text is those values and nothing else. */
export function checkNothingElse(text: string, written: readonly number[]): void {
  let length = 0;
  for (const [client, count] of written.entries()) {
    checkAppends(client, text, count);
    for (let one = 0; one < count; one += 1) length += appended(client, one).length;
  }
  if (text.length !== length) throw new Error(`${text.length} characters where ${length} were appended: "${text}"`);
}

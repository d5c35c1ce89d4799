// A client of the 6.5840 tests: a clerk whose calls are written down, what it does for the length of a test, and what the
// version of a key must say of all puts to it.

import type { Chance } from '../../chance.ts';
import type { Body, Threads } from '../threads.ts';
import type { PutOutcome, VersionedClerk } from './clerks.ts';
import { KvHistory } from './kv-history.ts';
import type { Versioned, VersionedRequest } from './versioned-machine.ts';
import { type VersionedOutput, versionedModelOf } from './versioned-model.ts';

export type VersionedHistory = KvHistory<Versioned, VersionedRequest, VersionedOutput>;

export const newVersionedHistory = (): VersionedHistory => new KvHistory(versionedModelOf);

export class VersionedClient {
  readonly #name: string;
  readonly #clerk: VersionedClerk;
  readonly #history: VersionedHistory;

  constructor(name: string, clerk: VersionedClerk, history: VersionedHistory) {
    this.#name = name;
    this.#clerk = clerk;
    this.#history = history;
  }

  get(key: string): Body<Versioned | undefined> {
    return this.#history.call(this.#name, { kind: 'get', key }, this.#clerk.get(key), (found) =>
      found === undefined ? { kind: 'errNoKey' } : { kind: 'value', ...found },
    );
  }

  put(key: string, value: string, version: number): Body<PutOutcome> {
    const input = { kind: 'put', key, value, version } as const;
    return this.#history.call(this.#name, input, this.#clerk.put(key, value, version), (kind) => ({ kind }));
  }

  *expect(key: string, value: string, version: number): Body {
    const found = yield* this.get(key);
    if (found?.value !== value || found.version !== version) {
      throw new Error(`get ${key}: ${JSON.stringify(found)}, not "${value}" at ${version}`);
    }
  }

  *expectPut(key: string, value: string, version: number, expected: PutOutcome): Body {
    const outcome = yield* this.put(key, value, version);
    if (outcome !== expected) throw new Error(`put ${key} at ${version}: ${outcome}, not ${expected}`);
  }

  /** Puts until it has done so, or may have. Answers the version seen after that. `pause` lets others go first. */
  *putOnce(
    key: string,
    known: number,
    pause: () => Body,
  ): Body<{ readonly version: number; readonly isSure: boolean }> {
    let version = known;
    for (let round = 0; ; round += 1) {
      const value = `${this.#name}, ${version}, ${round}`;
      const outcome = yield* this.put(key, value, version);
      if (outcome === 'errNoKey') throw new Error(`put ${key} at ${version}: no such key`);
      const found = yield* this.get(key);
      const isMine = outcome === 'ok' && found?.version === version + 1;
      if (isMine && found.value !== value) throw new Error(`get ${key}: ${JSON.stringify(found)}, not "${value}"`);
      version = found?.version ?? 0;
      if (outcome !== 'errVersion') return { version, isSure: outcome === 'ok' };
      yield* pause();
    }
  }
}

/** How many puts were carried out, and how many may have been. */
export interface Puts {
  readonly sure: number;
  readonly maybe: number;
}

export interface VersionedWork {
  readonly threads: Threads;
  readonly chance: Chance;
  readonly client: VersionedClient;
  readonly keys: readonly string[];
  /** Between two tries, at most. Without it, a network without delays would let a client call for ever at one instant. */
  readonly thinkMs: number;
  readonly isOver: () => boolean;
}

/** What a client of the labs' generic test does. */
export function* versionedWork({ threads, chance, client, keys, thinkMs, isOver }: VersionedWork): Body<Puts> {
  const versions = new Map<string, number>();
  const pause = (): Body => threads.sleep(chance.between(1, thinkMs));
  let sure = 0;
  let maybe = 0;
  while (!isOver()) {
    const key = chance.pick(keys);
    const { version, isSure } = yield* client.putOnce(key, versions.get(key) ?? 0, pause);
    versions.set(key, version);
    if (isSure) sure += 1;
    else maybe += 1;
    yield* pause();
  }
  return { sure, maybe };
}

/** Throws unless the versions are explained: by the sure puts alone while nothing is lost, else by some of the others too. */
export function checkVersions(versions: number, all: readonly Puts[], isReliable: boolean): void {
  const sure = all.reduce((sum, one) => sum + one.sure, 0);
  const maybe = all.reduce((sum, one) => sum + one.maybe, 0);
  const most = isReliable ? sure : sure + maybe;
  if (versions < sure || versions > most) {
    throw new Error(`version ${versions} after ${sure} puts that were carried out, and ${maybe} that may have been`);
  }
}

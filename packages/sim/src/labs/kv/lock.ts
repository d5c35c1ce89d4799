// A lock in a key of the versioned store: empty is free, a name is taken. The version makes taking it a compare-and-set; a
// put that may have happened is looked up.

import type { Body, Threads } from '../threads.ts';
import type { VersionedClerk } from './clerks.ts';
import type { KvRules } from './kv-rules.ts';

const pauseMs = 10;

export interface LockOptions {
  readonly threads: Threads;
  readonly clerk: VersionedClerk;
  readonly key: string;
  /** No two users of one key share a name. */
  readonly owner: string;
  readonly rules: KvRules;
}

export class Lock {
  readonly #threads: Threads;
  readonly #clerk: VersionedClerk;
  readonly #key: string;
  readonly #owner: string;
  readonly #rules: KvRules;

  constructor({ threads, clerk, key, owner, rules }: LockOptions) {
    this.#threads = threads;
    this.#clerk = clerk;
    this.#key = key;
    this.#owner = owner;
    this.#rules = rules;
  }

  *acquire(): Body<void> {
    for (;;) {
      const found = yield* this.#clerk.get(this.#key);
      // It can be ours already: by a put of which we did not hear.
      if (found?.value === this.#owner) return;
      if (found === undefined || this.#rules.isFree(found.value)) {
        const outcome = yield* this.#clerk.put(this.#key, this.#owner, found?.version ?? 0);
        if (outcome === 'ok') return;
        if (outcome === 'errMaybe') continue;
      }
      yield* this.#threads.sleep(pauseMs);
    }
  }

  *release(): Body<void> {
    const found = yield* this.#clerk.get(this.#key);
    if (found?.value !== this.#owner) throw new Error(`${this.#owner} releases a lock of ${found?.value ?? 'nobody'}`);
    // Nobody else writes while it is ours, so a version that has moved was moved by this very put.
    yield* this.#clerk.put(this.#key, '', found.version);
  }
}

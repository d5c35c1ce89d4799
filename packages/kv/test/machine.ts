// A store on a backend whose completions happen when the test says so, with the log it has applied: what a member does
// around a store, in small.

import assert from 'node:assert/strict';
import { type Entry, type HashResult, MemoryBackend, type Operation, type Result, Store } from '@kontiki/kv';

export class Machine {
  readonly backend: MemoryBackend;
  store: Store;
  readonly log: Entry[] = [];
  #tasks: (() => void)[] = [];

  constructor() {
    this.backend = new MemoryBackend({ defer: (task) => this.#tasks.push(task) });
    this.store = this.#open();
  }

  apply(...operations: readonly Operation[]): readonly Result[] {
    const entries = operations.map((operation, at) => ({
      position: { index: this.log.length + at + 1, term: 1 },
      operation,
    }));
    this.log.push(...entries);
    return this.store.apply(entries);
  }

  applyOne(operation: Operation): Result {
    const [result] = this.apply(operation);
    assert(result !== undefined);
    return result;
  }

  /** Lets `count` completions happen; all of them if not said. */
  run(count: number = Number.POSITIVE_INFINITY): void {
    for (let done = 0; done < count; done++) {
      const task = this.#tasks.shift();
      if (task === undefined) return;
      task();
    }
  }

  /** Everything durable. */
  flush(): void {
    this.run();
    while (this.store.flush({ rows: 1000, bytes: 2 ** 20 }, assert.ifError)) this.run();
  }

  scrub(): void {
    while (this.store.scrub(10) === 'more');
    assert.equal(this.store.scrub(10), 'done');
  }

  /** A power failure and a restart, without the replay. */
  crash(survivors: number = 0): void {
    this.backend.crash(survivors);
    this.#tasks = [];
    this.store = this.#open();
    assert.deepEqual(this.store.position, this.store.durable);
  }

  /** Applies again what the log has beyond what was durable; answers the results. */
  replay(): readonly Result[] {
    return this.store.apply(this.log.slice(this.store.position.index));
  }

  #open(): Store {
    return Store.open({ backend: this.backend, batchRowsMax: 5 });
  }
}

export function hashOf(store: Store, revision: number, budget: number = 7): HashResult | string {
  const job = store.hashKv(revision);
  if ('code' in job) return job.code;
  for (;;) {
    const result = job.step(budget);
    if (result !== undefined) return result;
  }
}

export function snapshotOf(store: Store, maxBytes: number = 100): Uint8Array {
  const reader = store.snapshot();
  const pieces: Uint8Array[] = [];
  for (let piece = reader.next(maxBytes); piece !== undefined; piece = reader.next(maxBytes)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** From one to the other, which may be the same. */
export function install(from: Machine, to: Machine): void {
  const restore = to.store.restore();
  assert(restore.feed(snapshotOf(from.store)));
  let done = false;
  restore.finish(undefined, (error) => {
    assert.ifError(error);
    done = true;
  });
  to.run();
  assert(done);
}

/** On the disk, whether anything can still read them or not. */
export function rowCount({ backend }: Machine): number {
  let rows = 0;
  backend.view().scan('rows', new Uint8Array(0), undefined, () => ++rows > 0);
  return rows;
}

export const everything = { revisions: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY } as const;

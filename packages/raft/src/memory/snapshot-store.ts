// Snapshots that live as long as their `MemorySnapshotDisk`.

import type { Index, LogId, SnapshotMeta } from '../core/api.ts';
import type { Completion, Done, SnapshotSink, SnapshotSource, SnapshotStore, Ticker } from '../driver/ports.ts';

interface Stored {
  readonly meta: SnapshotMeta;
  readonly chunks: readonly Uint8Array[];
}

export class MemorySnapshotDisk {
  #snapshots: readonly Stored[] = [];
  /** The next operations that store something fail with this error. */
  failure: Error | undefined;

  get count(): number {
    return this.#snapshots.length;
  }

  open(ticker: Ticker): SnapshotStore {
    return {
      newest: () => this.#newest()?.meta,
      create: (meta) => this.#create(ticker, meta),
      open: (last, completion) => {
        ticker.defer(() => this.#open(ticker, last, completion));
      },
      removeBefore: (index: Index, done: Done) => {
        ticker.defer(() => {
          if (this.failure === undefined) {
            this.#snapshots = this.#snapshots.filter(({ meta }) => meta.last.index >= index);
          }
          done(this.failure);
        });
      },
    };
  }

  #newest(): Stored | undefined {
    return this.#snapshots.reduce<Stored | undefined>(
      (newest, next) => (newest === undefined || next.meta.last.index >= newest.meta.last.index ? next : newest),
      undefined,
    );
  }

  #create(ticker: Ticker, meta: SnapshotMeta): SnapshotSink {
    const chunks: Uint8Array[] = [];
    let isAborted = false;
    return {
      write: (chunk: Uint8Array, done: Done) => {
        chunks.push(chunk.slice());
        ticker.defer(() => done(this.failure));
      },
      commit: (done: Done) => {
        ticker.defer(() => {
          if (this.failure === undefined && !isAborted) {
            const others = this.#snapshots.filter((other) => other.meta.last.index !== meta.last.index);
            this.#snapshots = [...others, { meta, chunks }];
          }
          done(isAborted ? new Error('the snapshot was aborted') : this.failure);
        });
      },
      abort: () => {
        isAborted = true;
      },
    };
  }

  #open(ticker: Ticker, last: LogId, completion: Completion<SnapshotSource>): void {
    const stored = this.#snapshots.find(({ meta }) => meta.last.index === last.index && meta.last.term === last.term);
    if (stored === undefined) {
      completion({ kind: 'failed', error: new Error(`there is no snapshot that ends at ${last.index}`) });
      return;
    }
    completion({ kind: 'done', value: sourceOf(stored.meta, stored.chunks, ticker) });
  }
}

/** A source over chunks that are in memory already, or are made while they are asked for. */
export function sourceOf(meta: SnapshotMeta, chunks: Iterable<Uint8Array>, ticker: Ticker): SnapshotSource {
  const iterator = chunks[Symbol.iterator]();
  let isClosed = false;
  return {
    meta,
    next: (completion) => {
      ticker.defer(() => {
        if (isClosed) {
          completion({ kind: 'failed', error: new Error('the snapshot source is closed') });
          return;
        }
        const next = iterator.next();
        completion({ kind: 'done', value: next.done === true ? undefined : next.value });
      });
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      iterator.return?.();
    },
  };
}

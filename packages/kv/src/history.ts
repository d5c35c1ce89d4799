// What watches need from the store: the events of every new revision as it is applied, the events of old revisions in
// order, and one older value at a time for `prev_kv`. The store implements it; nothing here knows watchers or streams.

import type { EncodedKeyValue, Key, WatchEvent } from './api.ts';

/** All events of one revision, in the order of its writes; never empty, never split over two of these. */
export interface RevisionEvents {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

export interface HistoryListener {
  /**
   * Called once per `Store.apply` that made revisions, when the whole batch has been applied and before `apply` returns:
   * the new revisions, ascending, without a gap to what was told before. Must neither apply nor restore.
   */
  applied(revisions: readonly RevisionEvents[]): void;
  /** A compaction was applied: revisions below `compactRevision` are gone. Comes before `applied` of the same batch. */
  compacted(compactRevision: number): void;
  /** Another state was installed: what a watcher has not seen of it must be read with `eventsFrom`. */
  restored(): void;
}

export type HistoryEvents =
  | {
      readonly kind: 'events';
      readonly revisions: readonly RevisionEvents[];
      /** Where to go on; beyond `History.revision` when all has been read. */
      readonly next: number;
      /** What was read, as the limit counts it. */
      readonly bytes: number;
    }
  /** `from` is below the compacted revision. */
  | { readonly kind: 'compacted'; readonly compactRevision: number };

export interface History {
  /** Of the last applied write; 1 in a fresh store. */
  readonly revision: number;
  /** -1 when nothing was ever compacted. Events of this very revision are still there. */
  readonly compactRevision: number;
  /** One listener at most; `undefined` takes it away. Without one, no event objects are made on apply. */
  listen(listener: HistoryListener | undefined): void;
  /**
   * Whole revisions from `from` (0 or less: from the oldest) to the current one, until either limit is reached; at least
   * one revision if there is any, however large. `bytes` counts keys and values.
   */
  eventsFrom(from: number, limits: { readonly revisions: number; readonly bytes: number }): HistoryEvents;
  /** The value that `key` had at `revision`; undefined when it had none, or when the revision is compacted. */
  kvAt(key: Key, revision: number): EncodedKeyValue | undefined;
}

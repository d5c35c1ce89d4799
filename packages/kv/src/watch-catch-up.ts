// One pass over history for watchers that lie behind: which events each of them gets, and how far each has come then.
// Reading is bounded by the caller's budget; what the pass holds is what it read.

import type { WatchEvent } from './api.ts';
import type { History, RevisionEvents } from './history.ts';
import { assert } from './invariant.ts';
import type { KvRules } from './rules.ts';
import { type Watcher, WatcherIndex } from './watch-watcher.ts';

/** A response holds no more revisions than this; a longer past comes in several, as in etcd. */
export const catchUpRevisionsMax = 1000;

export interface CaughtUp {
  readonly events: readonly WatchEvent[];
  /** The watcher's next revision once the events are sent. */
  readonly nextRevision: number;
}

interface Batch {
  readonly events: WatchEvent[];
  revisions: number;
  last: number;
  /** The first revision that found no room. */
  more: number | undefined;
}

/**
 * Reads history from where the furthest behind of `watchers` stands, for about `budget` bytes but at least one revision.
 * None of them stands below the compacted revision.
 */
export function catchUp(
  history: History,
  watchers: readonly Watcher[],
  budget: number,
  rules: KvRules,
): Map<Watcher, CaughtUp> {
  const index = new WatcherIndex();
  let next = Number.POSITIVE_INFINITY;
  for (const watcher of watchers) {
    index.add(watcher);
    next = Math.min(next, watcher.nextRevision);
  }

  const batches = new Map<Watcher, Batch>();
  const { revision } = history;
  let left = budget;
  do {
    const read = history.eventsFrom(next, { revisions: catchUpRevisionsMax, bytes: Math.max(1, left) });
    assert(read.kind === 'events', `a watcher stands at revision ${next}, which is compacted`);
    assert(read.next > next, `history does not go on from revision ${next}`);
    for (const each of read.revisions) deal(each, index, batches, rules);
    left -= read.bytes;
    next = read.next;
  } while (left > 0 && next <= revision);

  const caughtUp = new Map<Watcher, CaughtUp>();
  for (const watcher of watchers) {
    const batch = batches.get(watcher);
    const nextRevision = batch?.more ?? Math.max(next, watcher.nextRevision);
    caughtUp.set(watcher, { events: batch?.events ?? [], nextRevision });
  }
  return caughtUp;
}

/** Gives each event of the revision to the watchers it concerns. */
function deal(
  { revision, events }: RevisionEvents,
  index: WatcherIndex,
  batches: Map<Watcher, Batch>,
  rules: KvRules,
): void {
  for (const event of events) {
    index.visit(event.key, (watcher) => {
      if (!rules.concerns(revision, watcher.nextRevision) || !watcher.wants(event)) return;
      let batch = batches.get(watcher);
      if (batch === undefined) {
        batch = { events: [], revisions: 0, last: 0, more: undefined };
        batches.set(watcher, batch);
      }
      if (batch.more !== undefined) return;
      if (batch.last !== revision) {
        if (batch.revisions === catchUpRevisionsMax) {
          batch.more = revision;
          return;
        }
        batch.revisions += 1;
        batch.last = revision;
      }
      batch.events.push(event);
    });
  }
}

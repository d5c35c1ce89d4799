// One watcher: what it asked for, how far it has come, and an index that finds the watchers of a key. How its events
// travel is its stream's affair, where they come from the hub's.

import type { Key, WatchCreateRequest, WatchEvent } from './api.ts';
import { type KeyRange, RangeTree } from './watch-ranges.ts';
import type { HubStream } from './watch-stream.ts';

export interface Watcher {
  readonly id: number;
  readonly stream: HubStream;
  readonly key: Key;
  /** Undefined: the one key. */
  readonly range: KeyRange | undefined;
  /** As asked for: nothing, not even progress, is told of a revision below it. 0 when the next one was meant. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  readonly wants: (event: WatchEvent) => boolean;
  /** Everything below has been sent, or did not concern it. */
  nextRevision: number;
  /**
   * `synced`: told of new revisions as they are applied. `unsynced`: nextRevision lies behind, history has the rest.
   * `gone`: cancelled, or its stream closed; nothing is ever sent again.
   */
  state: 'synced' | 'unsynced' | 'gone';
  /** The next progress interval reports it; cleared by events, which say as much. */
  isProgressDue: boolean;
}

/** etcd's ways of writing a range. The empty key is the smallest there is. */
export function watchedRange(request: WatchCreateRequest): Pick<Watcher, 'key' | 'range'> {
  const key = request.key === '' ? '\0' : request.key;
  if (request.rangeEnd === '') return { key, range: undefined };
  return { key, range: { start: key, end: request.rangeEnd === '\0' ? undefined : request.rangeEnd } };
}

export function eventFilter(filters: WatchCreateRequest['filters']): (event: WatchEvent) => boolean {
  const dropsPuts = filters.includes('noPut');
  const dropsDeletes = filters.includes('noDelete');
  return (event) => !(event.type === 'put' ? dropsPuts : dropsDeletes);
}

/** Watchers by what they watch: an event costs those it concerns, not all there are. */
export class WatcherIndex {
  readonly #byKey = new Map<Key, Set<Watcher>>();
  readonly #byRange = new RangeTree<Watcher>();

  add(watcher: Watcher): void {
    if (watcher.range !== undefined) {
      this.#byRange.add(watcher.range, watcher);
      return;
    }
    const same = this.#byKey.get(watcher.key);
    if (same === undefined) this.#byKey.set(watcher.key, new Set([watcher]));
    else same.add(watcher);
  }

  delete(watcher: Watcher): void {
    if (watcher.range !== undefined) {
      this.#byRange.delete(watcher.range, watcher);
      return;
    }
    const same = this.#byKey.get(watcher.key);
    same?.delete(watcher);
    if (same?.size === 0) this.#byKey.delete(watcher.key);
  }

  /** Each watcher of the key once. */
  visit(key: Key, found: (watcher: Watcher) => void): void {
    for (const watcher of this.#byKey.get(key) ?? []) found(watcher);
    this.#byRange.visit(key, found);
  }
}

/**
 * What the tool knows of the reference while requests are sent: enough to make the next request interesting, and to
 * know which events every watcher is owed. Built from the reference's answers only, never from the target's.
 */

import {
  type Event,
  Event_EventType,
  type WatchCreateRequest,
  WatchCreateRequest_FilterType,
} from '@kontiki/etcd-proto';

export interface ModelWatcher {
  readonly id: bigint;
  /** Synced from birth: its responses are compared one by one. Else its events, however they were batched. */
  readonly isSynced: boolean;
  readonly from: bigint;
  readonly matches: (event: Event) => boolean;
  /** Events it is owed, of those in the history so far. */
  expected: number;
}

export interface ModelStream {
  readonly at: number;
  /** Ids of watchers that compaction canceled. etcd never gives them free, ours does: they are not used again. */
  readonly compacted: Set<bigint>;
  readonly watchers: Map<bigint, ModelWatcher>;
}

export class Model {
  revision = 1n;
  /** -1: never compacted. */
  compactRevision = -1n;
  readonly leases = new Set<bigint>();
  /** Leases that are gone: ids that are unknown now. */
  readonly pastLeases: bigint[] = [];
  readonly streams = new Map<number, ModelStream>();
  /** Every event since revision 1, in order. */
  readonly history: Event[] = [];

  forgetLease(lease: bigint): void {
    if (this.leases.delete(lease)) this.pastLeases.push(lease);
  }

  /** A revision can hold puts and deletes; only the latter are lost with the compaction of their own revision. */
  hasDeleteAt(revision: bigint): boolean {
    return this.history.some(({ type, kv }) => type === Event_EventType.DELETE && kv?.modRevision === revision);
  }

  addEvents(events: readonly Event[]): void {
    this.history.push(...events);
    for (const { watchers } of this.streams.values()) {
      for (const watcher of watchers.values()) {
        watcher.expected += events.filter((event) => isOwed(watcher, event)).length;
      }
    }
  }

  /** Undefined if the watcher begins before the compacted revision: it is canceled as soon as it is made. */
  addWatcher(stream: ModelStream, id: bigint, request: WatchCreateRequest): ModelWatcher | undefined {
    const isSynced = request.startRevision === 0n || request.startRevision > this.revision;
    const from = request.startRevision === 0n ? this.revision + 1n : request.startRevision;
    if (!isSynced && from < this.compactRevision) {
      stream.compacted.add(id);
      return undefined;
    }
    const watcher: ModelWatcher = { id, isSynced, from, matches: matcher(request), expected: 0 };
    watcher.expected = this.history.filter((event) => isOwed(watcher, event)).length;
    stream.watchers.set(id, watcher);
    return watcher;
  }
}

function isOwed(watcher: ModelWatcher, event: Event): boolean {
  return (event.kv?.modRevision ?? 0n) >= watcher.from && watcher.matches(event);
}

function matcher(request: WatchCreateRequest): (event: Event) => boolean {
  const first = Buffer.from(request.key.length === 0 ? [0] : request.key);
  const end = Buffer.from(request.rangeEnd);
  const isFromKey = end.length === 1 && end[0] === 0;
  const noPut = request.filters.includes(WatchCreateRequest_FilterType.NOPUT);
  const noDelete = request.filters.includes(WatchCreateRequest_FilterType.NODELETE);
  return ({ type, kv }) => {
    if (type === Event_EventType.PUT ? noPut : noDelete) return false;
    const key = kv?.key ?? new Uint8Array();
    const fromFirst = Buffer.compare(key, first);
    if (end.length === 0) return fromFirst === 0;
    return fromFirst >= 0 && (isFromKey || Buffer.compare(key, end) < 0);
  };
}

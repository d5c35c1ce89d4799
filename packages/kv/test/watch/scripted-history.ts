// A history that a test writes by hand: as much of a store as watchers can see.

import type { Key, WatchCreateRequest, WatchEvent, WatchResponse, WatchSink } from '@kontiki/kv';
import type { History, HistoryEvents, HistoryListener, RevisionEvents } from '../../src/history.ts';

export type Write = readonly ['put' | 'delete', Key] | readonly ['put' | 'delete', Key, bytes: number];

export class ScriptedHistory implements History {
  revision = 1;
  compactRevision = -1;
  /** How many keys and values were read. */
  reads = 0;
  readonly revisions: RevisionEvents[] = [];
  #listener: HistoryListener | undefined;

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  /** One revision. */
  write(...writes: readonly Write[]): number {
    return this.apply([writes]);
  }

  /** Several revisions, told at once as after a batch. */
  apply(batch: readonly (readonly Write[])[]): number {
    const revisions = batch.map((writes) => this.#append(writes));
    this.#listener?.applied(revisions);
    return this.revision;
  }

  compact(revision: number): void {
    this.compactRevision = revision;
    this.#listener?.compacted(revision);
  }

  /** Another member's state: some revisions on, possibly compacted. */
  restore(batch: readonly (readonly Write[])[], compactRevision: number): void {
    for (const writes of batch) this.#append(writes);
    this.compactRevision = compactRevision;
    this.#listener?.restored();
  }

  listen(listener: HistoryListener | undefined): void {
    this.#listener = listener;
  }

  eventsFrom(from: number, limits: { readonly revisions: number; readonly bytes: number }): HistoryEvents {
    if (from < this.compactRevision) return { kind: 'compacted', compactRevision: this.compactRevision };
    const revisions: RevisionEvents[] = [];
    let bytes = 0;
    let next = Math.max(from, 2);
    for (; next <= this.revision && revisions.length < limits.revisions; next++) {
      const found = this.revisions[next - 2];
      if (found === undefined) break;
      const size = found.events.reduce((sum, event) => sum + event.encoded.length, 0);
      if (revisions.length > 0 && bytes + size > limits.bytes) break;
      bytes += size;
      this.reads += found.events.length;
      revisions.push(found);
    }
    return { kind: 'events', revisions, next, bytes };
  }

  kvAt(): undefined {
    return undefined;
  }

  #append(writes: readonly Write[]): RevisionEvents {
    this.revision += 1;
    const revision = this.revision;
    const events = writes.map(([type, key, bytes = 8]): WatchEvent => {
      const encoded = new Uint8Array(bytes);
      return { type, key, modRevision: revision, encoded, encodedWithPrevKv: () => new Uint8Array(bytes * 2) };
    });
    this.revisions.push({ revision, events });
    return { revision, events };
  }
}

export function watch(key: Key, request: Partial<WatchCreateRequest> = {}): WatchCreateRequest {
  const rest = { rangeEnd: '', startRevision: 0, watchId: 0, prevKv: false, fragment: false, progressNotify: false };
  return { ...rest, filters: [], ...request, key };
}

/** A sink that keeps what it got, and is full after as many responses as it is told. */
export class KeptResponses implements WatchSink {
  readonly responses: WatchResponse[] = [];
  room: number = Number.POSITIVE_INFINITY;

  /** Batches of history that it takes. */
  batches: number = Number.POSITIVE_INFINITY;

  takesHistory(): boolean {
    return this.batches > 0;
  }

  send(response: WatchResponse): boolean {
    if (response.kind === 'events') this.batches -= 1;
    this.responses.push(response);
    this.room -= 1;
    return this.room > 0;
  }

  /** What came since the last call, in short: `created 0 @1`, `events 0 @4: put a 3, delete a 4`. */
  take(): readonly string[] {
    return this.responses.splice(0).map(inShort);
  }
}

export function inShort(response: WatchResponse): string {
  const name = `${response.kind} ${response.watchId} @${response.revision}`;
  switch (response.kind) {
    case 'created':
    case 'progress':
      return name;
    case 'refused':
      return `${name}: ${response.reason}`;
    case 'canceled':
      return `${name}: compacted ${response.compactRevision}${response.reason}`;
    case 'events': {
      const events = response.events.map((event) => `${event.type} ${event.key} ${event.modRevision}`);
      return `${name}${response.fragment ? ' fragment' : ''}: ${events.join(', ')}`;
    }
  }
}

// Watches over the real store: what a late watcher reads from history is what a live one was told, also at the compacted
// revision, before and after the space was given back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type DeleteRangeRequest,
  MemoryBackend,
  type Operation,
  type PutRequest,
  Store,
  type WatchEvent,
  WatchHub,
} from '@kontiki/kv';
import { drawFrom } from '@kontiki/kv/testing';
import { seed } from '../seed.ts';
import { KeptResponses, watch } from './scripted-history.ts';

const never = { progressTicks: 1_000_000 };
const noOptions = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };

interface Place {
  readonly store: Store;
  readonly hub: WatchHub;
  readonly apply: (...operations: Operation[]) => void;
  readonly flush: () => void;
  /** Runs what the backend has put off. */
  readonly settle: () => void;
}

function place(): Place {
  const tasks: (() => void)[] = [];
  const store = Store.open({ backend: new MemoryBackend({ defer: (task) => tasks.push(task) }) });
  const settle = (): void => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  };
  let index = 0;
  return {
    store,
    hub: new WatchHub(store),
    apply: (...operations) => {
      store.apply(operations.map((operation) => ({ position: { index: ++index, term: 1 }, operation })));
    },
    flush: () => {
      store.flush({ rows: 50, bytes: 1000 }, assert.ifError);
      settle();
    },
    settle,
  };
}

const put = (key: string, value = 'v'): PutRequest => ({
  kind: 'put',
  key,
  value: Uint8Array.from(value, (char) => char.charCodeAt(0)),
  ...noOptions,
});
const del = (key: string, rangeEnd = ''): DeleteRangeRequest => ({ kind: 'deleteRange', key, rangeEnd, prevKv: false });
const compact = (revision: number): Operation => ({ kind: 'compact', revision });

function eventsOf(sink: KeptResponses): readonly WatchEvent[] {
  return sink.responses.flatMap((response) => (response.kind === 'events' ? response.events : []));
}

const inShort = (event: WatchEvent): string => `${event.modRevision} ${event.type} ${event.key} ${event.encoded}`;

test(`a late watcher is told what a live one was told (seed ${seed})`, () => {
  for (let run = 0; run < 12; run++) {
    const draw = drawFrom(seed + run);
    const { store, hub, apply, flush } = place();
    const live = new KeptResponses();
    hub.openStream(live, never).create(watch('', { rangeEnd: '\0' }));
    const key = (): string => String.fromCharCode(97 + draw.below(6));
    const operation = (): Operation => {
      if (draw.oneIn(4)) return del(key());
      if (draw.oneIn(12)) return del(key(), '\0');
      if (draw.oneIn(6)) {
        const names = [...new Set([key(), key(), key()])];
        return {
          kind: 'txn',
          compare: [],
          failure: [],
          success: names.map((name) => (draw.oneIn(3) ? del(name) : put(name))),
        };
      }
      return put(key(), `value ${draw.below(100)}`);
    };
    for (let step = 0; step < 150; step++) {
      apply(...Array.from({ length: 1 + draw.below(5) }, operation));
      if (draw.oneIn(5)) flush();
      if (draw.oneIn(8)) apply(compact(store.revision - draw.below(6)));
      if (draw.oneIn(4)) store.scrub(1 + draw.below(20));
      const start = Math.max(1, draw.oneIn(3) ? store.compactRevision : store.revision - draw.below(30));
      const late = new KeptResponses();
      const stream = hub.openStream(late, never);
      stream.create(watch('', { rangeEnd: '\0', startRevision: start }));
      while (hub.syncWatchers(1 + draw.below(2000)));
      stream.close();

      if (start < store.compactRevision) {
        assert.deepEqual(late.take().slice(1), [`canceled 0 @0: compacted ${store.compactRevision}`]);
        continue;
      }
      const expected = eventsOf(live).filter((event) => event.modRevision >= start);
      assert.deepEqual(eventsOf(late).map(inShort), expected.map(inShort), `run ${seed + run}, from ${start}`);
    }
    store.close();
  }
});

test('deletes at the compacted revision are told even when their space was given back', () => {
  const { store, hub, apply, flush } = place();
  apply(put('a'), put('b'), put('c'));
  apply({ kind: 'deleteRange', key: 'a', rangeEnd: 'c', prevKv: false });
  apply(compact(5));
  while (store.scrub(10) === 'more');
  flush();
  const sink = new KeptResponses();
  hub.openStream(sink, never).create(watch('', { rangeEnd: '\0', startRevision: 5 }));
  hub.syncWatchers(1);

  assert.deepEqual(sink.take(), ['created 0 @5', 'events 0 @5: delete a 5, delete b 5']);
});

test('prev_kv is what the key was before, and absent for creations and compacted revisions', () => {
  const { hub, apply } = place();
  const sink = new KeptResponses();
  const stream = hub.openStream(sink, never);
  stream.create(watch('a', { prevKv: true }));
  apply(put('a', '1'), put('a', '2'), del('a'));
  const hasPrevKv = (event: WatchEvent): boolean => event.encodedWithPrevKv().length > event.encoded.length;
  assert.deepEqual(eventsOf(sink).map(hasPrevKv), [false, true, true]);

  sink.take();
  apply(put('a', '3'), put('a', '4'), compact(6));
  stream.create(watch('a', { prevKv: true, startRevision: 6 }));
  hub.syncWatchers(1);
  assert.deepEqual(eventsOf(sink).slice(-1).map(hasPrevKv), [false]);
});

test('a key deleted and made again by one transaction has no prev_kv in its new life', () => {
  const { hub, apply } = place();
  const sink = new KeptResponses();
  apply(put('a', '1'));
  hub.openStream(sink, never).create(watch('a', { prevKv: true }));
  apply({ kind: 'txn', compare: [], success: [del('a', '\0'), put('a', '2')], failure: [] });
  const hasPrevKv = (event: WatchEvent): boolean => event.encodedWithPrevKv().length > event.encoded.length;
  assert.deepEqual(eventsOf(sink).map(hasPrevKv), [true, false]);
});

test('a restored store is caught up with from where each watcher was', () => {
  const source = place();
  source.apply(put('a', '1'), put('b', '1'), put('a', '2'), del('b'), put('a', '3'));
  const { store, hub, apply, flush, settle } = place();
  const sink = new KeptResponses();
  hub.openStream(sink, never).create(watch('', { rangeEnd: '\0' }));
  apply(put('a', '1'), put('b', '1'));
  flush();
  const restore = store.restore();
  const reader = source.store.snapshot();
  for (let chunk = reader.next(4096); chunk !== undefined; chunk = reader.next(4096)) restore.feed(chunk);
  restore.finish(source.store.position, assert.ifError);
  settle();
  hub.syncWatchers(1_000_000);

  assert.deepEqual(
    eventsOf(sink).map((event) => `${event.modRevision} ${event.type} ${event.key}`),
    ['2 put a', '3 put b', '4 put a', '5 delete b', '6 put a'],
  );
});

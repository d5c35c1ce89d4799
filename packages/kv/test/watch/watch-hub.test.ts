// etcd's Watch, clause by clause: ids, starts, ranges, filters, fragments, progress, compaction, slow clients.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchCreateRequest, WatchStream } from '@kontiki/kv';
import { WatchHub } from '../../src/watch-hub.ts';
import type { WatchLimits } from '../../src/watch-stream.ts';
import { KeptResponses, ScriptedHistory, type Write, watch } from './scripted-history.ts';

const budget = 1_000_000;

interface Place {
  readonly history: ScriptedHistory;
  readonly hub: WatchHub;
  readonly sink: KeptResponses;
  readonly stream: WatchStream;
}

function place(limits: Partial<WatchLimits> = {}): Place {
  const history = new ScriptedHistory();
  const hub = new WatchHub(history, limits);
  const sink = new KeptResponses();
  return { history, hub, sink, stream: hub.openStream(sink, { progressTicks: 100 }) };
}

/** Revisions 2, 3, …: a put of `a` each. */
function puts(history: ScriptedHistory, count: number, key = 'a'): void {
  for (let at = 0; at < count; at++) history.write(['put', key]);
}

test('a watch without a start revision sees what comes next, one response per revision', () => {
  const { history, sink, stream } = place();
  puts(history, 2);
  stream.create(watch('a'));
  history.write(['put', 'a'], ['put', 'b'], ['delete', 'a']);
  history.write(['put', 'b']);
  history.apply([[['put', 'a']], [['delete', 'a']]]);

  assert.deepEqual(sink.take(), [
    'created 0 @3',
    'events 0 @4: put a 4, delete a 4',
    'events 0 @6: put a 6',
    'events 0 @7: delete a 7',
  ]);
});

test('the stream counts ids from 0, skips those in use, and uses none again', () => {
  const { sink, stream } = place();
  for (const watchId of [0, 0, 3, 7, 0]) stream.create(watch('a', { watchId }));
  stream.cancel(0);
  for (const watchId of [0, 0]) stream.create(watch('a', { watchId }));

  assert.deepEqual(
    sink.take(),
    ['created 0', 'created 1', 'created 3', 'created 7', 'created 2', 'canceled 0', 'created 4', 'created 5'].map(
      (line) => (line.startsWith('canceled') ? `${line} @1: compacted 0` : `${line} @1`),
    ),
  );
});

test('what etcd refuses is refused with its text', () => {
  const cases: readonly (readonly [Partial<WatchCreateRequest>, string])[] = [
    [{ watchId: 5 }, 'mvcc: duplicate watch ID provided on the WatchStream'],
    [{ rangeEnd: 'k' }, 'mvcc: watcher range is empty'],
    [{ rangeEnd: 'j' }, 'mvcc: watcher range is empty'],
    [{ startRevision: -1 }, 'etcdserver: mvcc: required revision has been compacted'],
    [{ startRevision: -1, rangeEnd: 'j' }, 'etcdserver: mvcc: required revision has been compacted'],
    [{ rangeEnd: 'j', watchId: 5 }, 'mvcc: watcher range is empty'],
  ];
  for (const [request, reason] of cases) {
    const { history, sink, stream, hub } = place();
    stream.create(watch('k', { watchId: 5 }));
    puts(history, 3);
    sink.take();
    stream.create(watch('k', request));

    assert.deepEqual(sink.take(), [`refused -1 @4: ${reason}`]);
    assert.equal(hub.counts().watchers, 1);
  }
});

test('a stream holds as many watchers as it may', () => {
  const { sink, stream } = place({ watchersPerStream: 2 });
  for (let at = 0; at < 3; at++) stream.create(watch('a'));
  stream.cancel(1);
  stream.create(watch('a'));

  assert.deepEqual(sink.take(), [
    'created 0 @1',
    'created 1 @1',
    'refused -1 @1: kontiki: too many watchers on the stream',
    'canceled 1 @1: compacted 0',
    'created 2 @1',
  ]);
});

test('ranges are [key, end), from a key on, or everything', () => {
  const cases: readonly (readonly [key: string, rangeEnd: string, seen: string])[] = [
    ['b', '', 'b'],
    ['', '', '\0'],
    ['b', 'd', 'b bb c'],
    ['b', '\0', 'b bb c d \xff'],
    ['', '\0', '\0 a b bb c d \xff'],
    ['\0', '\0', '\0 a b bb c d \xff'],
    ['\0', 'b', '\0 a'],
    ['bb', 'c', 'bb'],
  ];
  for (const [key, rangeEnd, seen] of cases) {
    for (const startRevision of [0, 1]) {
      const { history, hub, sink, stream } = place();
      if (startRevision === 0) stream.create(watch(key, { rangeEnd }));
      history.write(...['\0', 'a', 'b', 'bb', 'c', 'd', '\xff'].map((each): Write => ['put', each]));
      if (startRevision === 1) stream.create(watch(key, { rangeEnd, startRevision }));
      hub.syncWatchers(budget);

      const keys = sink.responses.flatMap((each) =>
        each.kind === 'events' ? each.events.map((event) => event.key) : [],
      );
      assert.equal(keys.join(' '), seen, `${key} to ${rangeEnd} from revision ${startRevision}`);
    }
  }
});

test('a start in the past is read from history, whole revisions together', () => {
  const { history, hub, sink, stream } = place();
  history.write(['put', 'a']);
  history.write(['put', 'a'], ['put', 'b'], ['put', 'a']);
  history.write(['put', 'b']);
  history.write(['delete', 'a']);
  stream.create(watch('a', { startRevision: 3 }));
  history.write(['put', 'a']);

  assert.equal(hub.syncWatchers(budget), false);
  history.write(['put', 'a']);
  assert.deepEqual(sink.take(), [
    'created 0 @5',
    'events 0 @6: put a 3, put a 3, delete a 5, put a 6',
    'events 0 @7: put a 7',
  ]);
});

test('history comes in responses of a thousand revisions', () => {
  const { history, hub, sink, stream } = place();
  puts(history, 2500);
  stream.create(watch('a', { startRevision: 1 }));
  let passes = 1;
  while (hub.syncWatchers(budget)) passes += 1;

  assert.equal(passes, 3);
  const counts = sink.responses.map((each) => (each.kind === 'events' ? each.events.length : each.kind));
  assert.deepEqual(counts, ['created', 1000, 1000, 500]);
});

test('a pass reads about its budget and at least one revision', () => {
  const { history, hub, sink, stream } = place();
  for (let at = 0; at < 10; at++) history.write(['put', at < 5 ? 'other' : 'a', 1000]);
  stream.create(watch('a', { startRevision: 1 }));
  const read: number[] = [];
  for (let more = true; more; ) {
    const before = history.reads;
    more = hub.syncWatchers(2500);
    read.push(history.reads - before);
  }

  assert.ok(
    read.every((count) => count >= 1 && count <= 3),
    `${read}`,
  );
  assert.equal(history.reads, 10);
  assert.equal(sink.responses.flatMap((each) => (each.kind === 'events' ? each.events : [])).length, 5);
  stream.create(watch('a', { startRevision: 11 }));
  hub.syncWatchers(1);
  assert.deepEqual(sink.take().slice(-2), ['created 1 @11', 'events 1 @11: put a 11']);
});

test('a pass serves 512 watchers, and the next one those that are left', () => {
  const { history, hub, sink, stream } = place();
  puts(history, 1);
  for (let at = 0; at < 1200; at++) stream.create(watch('a', { startRevision: 2 }));
  sink.take();
  const served: number[] = [];
  for (let more = true; more; ) {
    more = hub.syncWatchers(budget);
    served.push(sink.take().length);
  }

  assert.deepEqual(served, [512, 512, 176]);
});

test('a start in the future is a floor for events and for progress', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('a', { startRevision: 4, progressNotify: true }));
  puts(history, 2);
  stream.requestProgress();
  hub.advance(100);
  assert.deepEqual(sink.take(), ['created 0 @1']);

  puts(history, 1);
  hub.advance(100);
  hub.advance(100);
  stream.requestProgress();
  assert.deepEqual(sink.take(), ['events 0 @4: put a 4', 'progress 0 @4', 'progress -1 @4']);
});

test('a start below the compacted revision is created, then canceled with it and no reason', () => {
  const { history, hub, sink, stream } = place();
  puts(history, 5);
  history.compact(4);
  stream.create(watch('a', { startRevision: 3 }));
  stream.create(watch('a', { startRevision: 1 }));
  hub.syncWatchers(budget);

  // etcd leaves the header's revision of such a response 0.
  assert.deepEqual(sink.take(), [
    'created 0 @6',
    'created 1 @6',
    'canceled 0 @0: compacted 4',
    'canceled 1 @0: compacted 4',
  ]);
  stream.cancel(0);
  assert.deepEqual(sink.take(), []);
});

test('a start at the compacted revision gets that revision, also its deletes', () => {
  const { history, hub, sink, stream } = place();
  history.write(['put', 'a'], ['put', 'b']);
  history.write(['delete', 'a'], ['delete', 'b']);
  history.compact(3);
  stream.create(watch('a', { rangeEnd: '\0', startRevision: 3 }));
  hub.syncWatchers(budget);

  assert.deepEqual(sink.take(), ['created 0 @3', 'events 0 @3: delete a 3, delete b 3']);
});

test('a compaction in the same batch takes nothing from those who are up to date', () => {
  const { history, sink, stream } = place();
  stream.create(watch('a'));
  puts(history, 3);
  history.compact(4);
  puts(history, 1);
  history.compact(5);

  assert.equal(sink.take().length, 5);
});

test('filters drop events, and a response they empty is not sent', () => {
  const cases: readonly (readonly [WatchCreateRequest['filters'], readonly string[]])[] = [
    [[], ['put a 2', 'put a 3, delete a 3', 'delete a 4']],
    [['noPut'], ['delete a 3', 'delete a 4']],
    [['noDelete'], ['put a 2', 'put a 3']],
    [['noPut', 'noDelete'], []],
  ];
  for (const [filters, expected] of cases) {
    const { history, hub, sink, stream } = place();
    stream.create(watch('a', { filters }));
    history.write(['put', 'a']);
    history.write(['put', 'a'], ['delete', 'a']);
    history.write(['delete', 'a']);
    const live = sink
      .take()
      .slice(1)
      .map((line) => line.replace(/.*: /, ''));
    assert.deepEqual(live, expected);

    stream.create(watch('a', { filters, startRevision: 1 }));
    assert.equal(hub.syncWatchers(budget), false);
    const late = sink
      .take()
      .slice(1)
      .map((line) => line.replace(/.*: /, ''));
    assert.equal(late.join(', '), expected.join(', '));
    assert.equal(hub.counts().unsynced, 0);
  }
});

test('prev_kv is asked for by watcher', () => {
  const { history, sink, stream } = place();
  stream.create(watch('a', { prevKv: true }));
  stream.create(watch('a'));
  puts(history, 1);

  assert.deepEqual(
    sink.responses.flatMap((each) => (each.kind === 'events' ? [[each.watchId, each.prevKv]] : [])),
    [
      [0, true],
      [1, false],
    ],
  );
});

test('a response is fragmented only when asked for and too large, one event at least to each part', () => {
  const writes: Write[] = [
    ['put', 'a', 400],
    ['put', 'a', 400],
    ['put', 'a', 2000],
    ['put', 'a', 10],
    ['put', 'a', 10],
  ];
  const cases: readonly (readonly [
    Partial<WatchCreateRequest>,
    fragmentBytes: number,
    readonly (readonly [number, boolean])[],
  ])[] = [
    [{}, 1000, [[5, false]]],
    [{ fragment: true }, 1_000_000, [[5, false]]],
    [
      { fragment: true },
      1000,
      [
        [2, true],
        [1, true],
        [2, false],
      ],
    ],
    [
      { fragment: true, prevKv: true },
      1000,
      [
        [1, true],
        [1, true],
        [1, true],
        [2, false],
      ],
    ],
    [
      { fragment: true },
      1,
      [
        [1, true],
        [1, true],
        [1, true],
        [1, true],
        [1, false],
      ],
    ],
  ];
  for (const [request, fragmentBytes, expected] of cases) {
    for (const startRevision of [0, 2]) {
      const { history, hub, sink, stream } = place({ fragmentBytes });
      if (startRevision === 0) stream.create(watch('a', request));
      history.write(...writes);
      if (startRevision > 0) stream.create(watch('a', { ...request, startRevision }));
      hub.syncWatchers(budget);

      const parts = sink.responses.flatMap((each) =>
        each.kind === 'events' ? [[each.events.length, each.fragment]] : [],
      );
      assert.deepEqual(parts, expected);
    }
  }
});

test('fragments that a full sink leaves over come first when it resumes', () => {
  const { history, hub, sink, stream } = place({ fragmentBytes: 1 });
  stream.create(watch('a', { fragment: true }));
  sink.room = 2;
  history.write(['put', 'a'], ['put', 'a'], ['put', 'a']);
  history.write(['put', 'a']);
  stream.create(watch('b'));
  stream.requestProgress();
  assert.deepEqual(sink.take(), ['created 0 @1', 'events 0 @2 fragment: put a 2', 'events 0 @2 fragment: put a 2']);

  sink.room = 1;
  stream.resume();
  assert.equal(hub.syncWatchers(budget), false);
  assert.deepEqual(sink.take(), ['events 0 @2: put a 2']);
  sink.room = 9;
  stream.resume();
  hub.syncWatchers(budget);
  assert.deepEqual(sink.take(), ['created 1 @3', 'events 0 @3: put a 3']);
});

test('a full sink makes a watcher late, never lossy', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('a'));
  stream.create(watch('b'));
  sink.room = 1;
  puts(history, 3, 'a');
  puts(history, 1, 'b');
  assert.deepEqual(sink.take(), ['created 0 @1', 'created 1 @1', 'events 0 @2: put a 2']);
  assert.deepEqual(hub.counts(), { streams: 1, watchers: 2, unsynced: 2 });
  assert.equal(hub.syncWatchers(budget), false, 'nothing can be done while the sink is full');

  sink.room = 1;
  stream.resume();
  assert.equal(hub.syncWatchers(budget), false);
  assert.deepEqual(sink.take(), ['events 0 @5: put a 3, put a 4']);
  assert.equal(hub.counts().unsynced, 1, 'what the second is owed stays in history, not in memory');
  sink.room = 9;
  stream.resume();
  hub.syncWatchers(budget);
  puts(history, 1, 'b');
  assert.deepEqual(sink.take(), ['events 1 @5: put b 5', 'events 1 @6: put b 6']);
});

test('one stream that is full does not hold up another', () => {
  const { history, hub, sink, stream } = place();
  const other = new KeptResponses();
  hub.openStream(other, { progressTicks: 100 }).create(watch('a'));
  stream.create(watch('a'));
  sink.room = 1;
  puts(history, 3);

  assert.equal(sink.take().length, 2);
  assert.equal(other.take().length, 4);
});

test('a slow watcher that compaction overtakes is canceled with the compacted revision', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('a'));
  sink.room = 1;
  puts(history, 5);
  history.compact(3);
  sink.room = 9;
  stream.resume();
  hub.syncWatchers(budget);
  assert.deepEqual(sink.take().slice(2), ['events 0 @6: put a 3, put a 4, put a 5, put a 6'], '3 is still there');

  sink.room = 1;
  puts(history, 3);
  history.compact(9);
  sink.room = 9;
  stream.resume();
  hub.syncWatchers(budget);
  assert.deepEqual(sink.take(), ['events 0 @7: put a 7', 'canceled 0 @0: compacted 9']);
  assert.equal(hub.counts().watchers, 0);
});

test('progress by hand is answered only when every watcher of the stream is up to date', () => {
  const { history, hub, sink, stream } = place();
  stream.requestProgress();
  puts(history, 2);
  stream.create(watch('a'));
  stream.requestProgress();
  stream.create(watch('b', { startRevision: 2 }));
  stream.requestProgress();
  hub.syncWatchers(budget);
  stream.requestProgress();

  assert.deepEqual(sink.take(), ['created 0 @3', 'progress -1 @3', 'created 1 @3', 'progress -1 @3']);
});

test('progress by hand waits behind what was sent before it', () => {
  const { history, sink, stream } = place();
  stream.create(watch('a'));
  sink.room = 1;
  puts(history, 1);
  stream.requestProgress();
  stream.requestProgress();
  puts(history, 1, 'b');
  stream.requestProgress();
  sink.room = 9;
  stream.resume();

  assert.deepEqual(sink.take(), ['created 0 @1', 'events 0 @2: put a 2', 'progress -1 @3']);
});

test('progress is reported each interval, unless events said as much', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('a', { progressNotify: true }));
  stream.create(watch('a'));
  stream.create(watch('b', { progressNotify: true, startRevision: 1 }));
  sink.take();
  hub.advance(99);
  assert.deepEqual(sink.take(), []);
  hub.advance(1);
  assert.deepEqual(sink.take(), ['progress 0 @1'], 'the third has not read its past yet');

  hub.syncWatchers(budget);
  puts(history, 1);
  sink.take();
  hub.advance(100);
  assert.deepEqual(sink.take(), ['progress 2 @2'], 'the first has seen an event');
  hub.advance(100);
  assert.deepEqual(sink.take(), ['progress 0 @2', 'progress 2 @2']);
  stream.cancel(0);
  sink.take();
  hub.advance(1000);
  assert.deepEqual(sink.take(), ['progress 2 @2'], 'a late tick reports once');
});

test('another state makes synced watchers read from where they were, or cancels them', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('a'));
  stream.create(watch('a', { startRevision: 9 }));
  puts(history, 2);
  history.restore([[['put', 'a']], [['put', 'b']], [['delete', 'a']]], 4);
  stream.requestProgress();
  hub.syncWatchers(budget);
  puts(history, 3);
  assert.deepEqual(sink.take(), [
    'created 0 @1',
    'created 1 @1',
    'events 0 @2: put a 2',
    'events 0 @3: put a 3',
    'events 0 @6: put a 4, delete a 6',
    'events 0 @7: put a 7',
    'events 0 @8: put a 8',
    'events 1 @9: put a 9',
    'events 0 @9: put a 9',
  ]);

  history.restore([[['put', 'b']], [['put', 'b']]], 11);
  hub.syncWatchers(budget);
  assert.deepEqual(sink.take(), ['canceled 0 @0: compacted 11', 'canceled 1 @0: compacted 11']);
});

test('a synced watcher that had nothing to see loses nothing when another state is compacted beyond its start', () => {
  const { history, hub, sink, stream } = place();
  stream.create(watch('quiet'));
  puts(history, 5);
  history.restore([[['put', 'a']], [['put', 'quiet']]], 7);
  hub.syncWatchers(budget);

  assert.deepEqual(sink.take(), ['created 0 @1', 'events 0 @8: put quiet 8']);
});

test('nothing comes after cancel or close, and without watchers nobody listens', () => {
  const { history, hub, sink, stream } = place();
  assert.equal(history.isHeard, false);
  stream.create(watch('a'));
  stream.create(watch('a', { startRevision: 1 }));
  assert.equal(history.isHeard, true);
  stream.cancel(0);
  stream.cancel(0);
  stream.cancel(99);
  puts(history, 1);
  assert.deepEqual(sink.take(), ['created 0 @1', 'created 1 @1', 'canceled 0 @1: compacted 0']);

  stream.close();
  stream.close();
  puts(history, 1);
  stream.create(watch('a'));
  stream.resume();
  hub.syncWatchers(budget);
  assert.deepEqual(sink.take(), []);
  assert.equal(history.isHeard, false);
  assert.deepEqual(hub.counts(), { streams: 0, watchers: 0, unsynced: 0 });

  const again = hub.openStream(sink, { progressTicks: 1 });
  puts(history, 1);
  again.create(watch('a'));
  puts(history, 1);
  assert.deepEqual(sink.take(), ['created 0 @4', 'events 0 @5: put a 5']);
});

test('a client that asks on and on without reading is cut off', () => {
  const { sink, stream } = place({ waitingResponses: 3 });
  sink.room = 1;
  for (let at = 0; at < 4; at++) stream.create(watch('a'));
  stream.requestProgress();

  assert.throws(() => stream.create(watch('a')), /3 answers wait/);
  assert.throws(() => stream.cancel(0), /3 answers wait/);
  assert.equal(sink.take().length, 1);
});

test('history is sent when the sink takes it, and what happens is sent in any case', () => {
  const { history, hub, sink, stream } = place();
  puts(history, 2);
  sink.batches = 1;
  for (const _ of [0, 1]) stream.create(watch('a', { startRevision: 2 }));
  stream.create(watch('a'));
  sink.take();

  // The first takes the only place, and the second keeps its turn.
  assert.equal(hub.syncWatchers(budget), false);
  assert.deepEqual(sink.take(), ['events 0 @3: put a 2, put a 3']);
  history.write(['put', 'a']);
  assert.deepEqual(sink.take(), ['events 2 @4: put a 4', 'events 0 @4: put a 4']);

  sink.batches = 1;
  stream.resume();
  assert.equal(hub.syncWatchers(budget), false);
  assert.deepEqual(sink.take(), ['events 1 @4: put a 2, put a 3, put a 4']);
  assert.equal(hub.counts().unsynced, 0);
});

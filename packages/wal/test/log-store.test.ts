// What the driver sees of the log: what was appended comes back, over segments, bases and restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '@kontiki/raft';
import { InvariantError, WalClosedError } from '@kontiki/wal';
import { base, command, commands, configuration, directory, hardState, index, Rig, term, write } from './rig.ts';

test('a new log is empty', () => {
  const wal = new Rig().openWal();

  assert.deepEqual(wal.recovered.entries, []);
  assert.deepEqual(wal.recovered.hardState, hardState(0, 0));
  assert.equal(wal.recovered.base.last.index, 0);
});

test('what was appended comes back: commands, configurations, no-ops, term and vote', () => {
  const rig = new Rig();
  const wal = rig.openWal();
  const entries: readonly Entry[] = [
    { kind: 'noop', index: index(1), term: term(3) },
    command(2, 3, 1000),
    { kind: 'configuration', index: index(3), term: term(3), configuration: configuration('a', 'b', 'naïve ☃ 🛶') },
    command(4, 3, 0),
  ];

  rig.append(wal, write({ hardState: hardState(3, 1, 'b'), base: base(0, 0), entries }));
  rig.done((done) => wal.close(done));
  const { recovered } = rig.openWal();

  assert.deepEqual(recovered.entries, entries);
  assert.deepEqual(recovered.hardState, hardState(3, 1, 'b'));
  assert.deepEqual(recovered.base, base(0, 0));
});

test('entries cut off whatever followed from the first of them on', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  rig.append(wal, write({ entries: commands(1, 9, 1) }));
  rig.append(wal, write({ entries: commands(4, 5, 2) }));
  rig.disk.crash(() => false);

  assert.deepEqual(rig.openWal().recovered.entries, [...commands(1, 3, 1), ...commands(4, 5, 2)]);
});

test('a log over many segments comes back whole, and a later log continues it', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  for (let at = 1; at <= 200; at += 2)
    rig.append(wal, write({ hardState: hardState(1, at - 1), entries: commands(at, at + 1, 1, 100) }));
  rig.disk.crash(() => false);
  const again = rig.openWal();
  assert.deepEqual(again.recovered.entries, commands(1, 200, 1, 100));
  for (let at = 201; at <= 300; at++) rig.append(again, write({ entries: [command(at)] }));
  rig.disk.crash(() => false);

  const segments = rig.disk.files().filter(([path]) => path.endsWith('.wal'));
  assert.ok(segments.length > 5, `${segments.length} segments`);
  assert.deepEqual(rig.openWal().recovered.entries, [...commands(1, 200, 1, 100), ...commands(201, 300)]);
});

test('a batch larger than a segment gets one of its own size', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  rig.append(wal, write({ entries: [command(1)] }));
  rig.append(wal, write({ entries: commands(2, 4, 1, 10_000) }));
  rig.append(wal, write({ entries: [command(5)] }));
  rig.disk.crash(() => false);

  assert.deepEqual(rig.openWal().recovered.entries, [command(1), ...commands(2, 4, 1, 10_000), command(5)]);
});

test('a base that the log holds keeps the tail, and drops the segments before it', () => {
  const rig = new Rig();
  const wal = rig.openWal();
  for (let at = 1; at <= 100; at++) rig.append(wal, write({ entries: [command(at, 1, 100)] }));

  rig.append(wal, write({ base: base(90) }));
  rig.settle();
  rig.disk.crash(() => false);
  const { recovered } = rig.openWal();

  assert.deepEqual(recovered.base, base(90));
  assert.deepEqual(recovered.entries, commands(91, 100, 1, 100));
  assert.ok(rig.events.filter(({ kind }) => kind === 'segmentDropped').length >= 3);
  assert.equal(rig.disk.node(`${directory}/0000000000000001.wal`), undefined);
});

test('a base that the log does not hold replaces it', () => {
  const rig = new Rig();
  const wal = rig.openWal();
  for (let at = 1; at <= 100; at++) rig.append(wal, write({ entries: [command(at, 1, 100)] }));

  rig.append(wal, write({ base: base(50, 2), entries: [command(51, 2)] }));
  rig.settle();
  rig.disk.crash(() => false);
  const { recovered } = rig.openWal();

  assert.deepEqual(recovered.base, base(50, 2));
  assert.deepEqual(recovered.entries, [command(51, 2)]);
});

test('a base beyond the log replaces it', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  rig.append(wal, write({ entries: commands(1, 3) }));
  rig.append(wal, write({ base: base(1000, 4) }));
  rig.append(wal, write({ entries: [command(1001, 5)] }));
  rig.disk.crash(() => false);

  assert.deepEqual(rig.openWal().recovered, {
    hardState: hardState(0, 0),
    base: base(1000, 4),
    entries: [command(1001, 5)],
  });
});

test('a lazy commit index travels with the next batch, or with the close', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  rig.append(wal, write({ hardState: hardState(1, 0, 'a'), entries: commands(1, 3) }));
  rig.append(wal, write({ sync: false, hardState: hardState(1, 2, 'a') }));
  rig.append(wal, write({ entries: [command(4)] }));
  rig.disk.crash(() => false);
  const second = rig.openWal();
  assert.deepEqual(second.recovered.hardState, hardState(1, 2, 'a'));

  rig.append(second, write({ sync: false, hardState: hardState(1, 4, 'a') }));
  rig.done((done) => second.close(done));
  assert.deepEqual(rig.openWal().recovered.hardState, hardState(1, 4, 'a'));
});

test('a lazy commit index costs no write', () => {
  const rig = new Rig();
  const wal = rig.openWal();
  rig.append(wal, write({ entries: commands(1, 3) }));

  rig.append(wal, write({ sync: false, hardState: hardState(0, 3) }));

  assert.deepEqual(rig.disk.unsynced(), []);
});

test('the durable index follows when the log is idle, not while a batch is in flight', () => {
  const operations: string[] = [];
  const rig = new Rig({
    fault: ({ kind, path }) => {
      if (kind === 'write') operations.push(path);
      return undefined;
    },
  });
  const waiting: (() => void)[] = [];
  const later = (task: () => void) => {
    waiting.push(task);
    return () => undefined;
  };
  const wal = rig.openWal({ later });
  const claims = () => operations.filter((path) => path.endsWith('/durable')).length;
  rig.append(wal, write({ entries: commands(1, 3) }));
  const before = claims();

  wal.append(write({ entries: [command(4)] }), () => undefined);
  waiting.shift()?.();
  rig.settle();
  assert.equal(claims(), before);
  waiting.shift()?.();
  rig.settle();

  assert.equal(claims(), before + 1);
});

test('a gap, a write before the base and a commit beyond the log break the caller, not the log', () => {
  const rig = new Rig();
  const attempts = [
    write({ entries: [command(9)] }),
    write({ entries: [command(3)] }),
    write({ base: base(4) }),
    write({ hardState: hardState(1, 7) }),
  ];
  for (const attempt of attempts) {
    const wal = rig.openWal();
    if (wal.recovered.base.last.index === 0) rig.append(wal, write({ base: base(5), entries: [command(6)] }));

    assert.throws(() => wal.append(attempt, () => undefined), InvariantError);

    rig.disk.crash(() => false);
  }
  assert.deepEqual(rig.openWal().recovered.entries, [command(6)]);
});

test('a second write before the first was answered breaks the caller', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  wal.append(write({ entries: [command(1)] }), () => undefined);

  assert.throws(() => wal.append(write({ entries: [command(2)] }), () => undefined), /after the last one was answered/);
});

test('a closed log takes nothing more, and its directory is free', () => {
  const rig = new Rig();
  const wal = rig.openWal();

  assert.throws(() => rig.openWal(), { code: 'LOCKED' });
  rig.done((done) => wal.close(done));

  assert.throws(() => rig.append(wal, write({ entries: [command(1)] })), WalClosedError);
  assert.deepEqual(rig.openWal().recovered.entries, []);
});

test('closing waits for the write in flight', () => {
  const rig = new Rig();
  const wal = rig.openWal();
  const order: string[] = [];

  wal.append(write({ entries: [command(1)] }), () => order.push('appended'));
  wal.close(() => order.push('closed'));
  rig.settle();

  assert.deepEqual(order, ['appended', 'closed']);
  assert.deepEqual(rig.openWal().recovered.entries, [command(1)]);
});

test('a segment size that is no size is refused', () => {
  const rig = new Rig();
  for (const segmentBytes of [0, 100, 4096.5, Number.NaN]) {
    assert.throws(() => rig.openWal({ segmentBytes }), RangeError);
  }
});

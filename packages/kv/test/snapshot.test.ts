import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBackend, Store, StoreFormatError } from '@kontiki/kv';
import { encodeFrame, frameKind } from '../src/snapshot-format.ts';
import { hashOf, install, Machine, rowCount, snapshotOf } from './machine.ts';
import { bytesOf, plain } from './plain.ts';
import { del, put, range } from './requests.ts';

function filled(): Machine {
  const machine = new Machine();
  machine.apply({ kind: 'leaseGrant', id: 5n, ttl: 50 }, { kind: 'leaseGrant', id: -9n, ttl: 60 });
  machine.apply({ kind: 'setRecord', name: 'members', value: bytesOf('abc') });
  machine.apply({ kind: 'setRecord', name: 'alarms', value: bytesOf('none') });
  for (let at = 0; at < 30; at++) machine.apply(put(`k${at % 9}`, `value ${at}`, { lease: at % 3 === 0 ? 5n : 0n }));
  machine.flush();
  machine.apply(del('k1'), { kind: 'compact', revision: 12 }, put('k2', ''), put('young', 'x', { lease: -9n }));
  return machine;
}

function contentsOf({ store }: Machine): unknown {
  return {
    revision: store.revision,
    compactRevision: store.compactRevision,
    now: plain(store.range(range('\0', '\0'))),
    atCompacted: plain(store.range(range('\0', '\0', { revision: store.compactRevision }))),
    leases: store.leases().map(({ id }) => [id, store.lease(id)?.ttl, new Set(store.lease(id)?.keys)]),
    records: ['members', 'alarms', 'none'].map((name) => store.record(name)),
    hash: hashOf(store, 0),
  };
}

test('a snapshot brings everything but what was never there', () => {
  const from = filled();
  const to = new Machine();
  to.apply(put('old', 'state'));

  install(from, to);

  assert.deepEqual(contentsOf(to), contentsOf(from));
  assert.deepEqual(to.store.position, from.store.position);
  assert.deepEqual(to.store.durable, from.store.position);
  to.crash();
  assert.deepEqual(contentsOf(to), contentsOf(from), 'and it is durable');
});

test('a snapshot is of its moment, whatever is applied, flushed and scrubbed while it is read', () => {
  const from = filled();
  const before = contentsOf(from);
  const reader = from.store.snapshot();
  const to = new Machine();
  const restore = to.store.restore();

  for (let at = 0; ; at++) {
    const piece = reader.next(40);
    if (piece === undefined) break;
    assert(piece.length >= 1 && piece.length <= 40);
    assert(restore.feed(piece));
    if (at % 3 === 0) from.apply(put(`k${at % 9}`, 'later'), { kind: 'compact', revision: from.store.revision });
    if (at % 5 === 0) from.flush();
    from.store.scrub(3);
  }
  restore.finish(undefined, assert.ifError);
  to.run();

  assert.deepEqual(contentsOf(to), before);
});

test('rows that were scrubbed but not yet deleted on disk are scrubbed again by the receiver', () => {
  const from = filled();
  from.flush();
  from.scrub();
  const to = new Machine();

  install(from, to);
  to.scrub();
  to.flush();
  from.flush();

  assert.equal(rowCount(to), rowCount(from));
});

test('while a snapshot becomes durable the old state is read as it was, also when an older flush is done meanwhile', () => {
  const commits: (() => void)[] = [];
  const flushes: (() => void)[] = [];
  const backend = new MemoryBackend({
    defer: (task) => commits.push(task),
    deferDurable: (task) => flushes.push(task),
  });
  const store = Store.open({ backend });
  for (const [at, key] of ['oldest', 'old'].entries()) {
    store.apply([{ position: { index: at + 1, term: 1 }, operation: put(key, 'state') }]);
    store.flush({ rows: 10, bytes: 1000 }, assert.ifError);
    commits.shift()?.();
    if (at === 0) flushes.shift()?.();
  }
  const before = plain(store.range(range('\0', '\0')));
  const from = filled();
  from.scrub();
  const restore = store.restore();
  restore.feed(snapshotOf(from.store));
  restore.finish(undefined, assert.ifError);
  commits.shift()?.();

  assert.equal(flushes.length, 2);
  flushes.shift()?.();
  assert.deepEqual(plain(store.range(range('\0', '\0'))), before);
  const reader = new Machine();
  const copy = reader.store.restore();
  assert(copy.feed(snapshotOf(store)));
  copy.finish(undefined, assert.ifError);
  reader.run();
  assert.deepEqual(plain(reader.store.range(range('\0', '\0'))), before, 'and a copy of it is made');
  assert.deepEqual(hashOf(store, 0), hashOf(reader.store, 0));

  flushes.shift()?.();
  assert.deepEqual(plain(store.range(range('\0', '\0'))), plain(from.store.range(range('\0', '\0'))));
});

test('the position may be given', () => {
  const to = new Machine();
  const restore = to.store.restore();
  restore.feed(snapshotOf(filled().store));

  restore.finish({ index: 1234, term: 7 }, assert.ifError);
  to.run();

  assert.deepEqual(to.store.position, { index: 1234, term: 7 });
  to.crash();
  assert.deepEqual(to.store.position, { index: 1234, term: 7 });
});

test('a snapshot cut at any byte leaves the old state', () => {
  const snapshot = snapshotOf(filled().store);
  const to = new Machine();
  to.apply(put('old', 'state'));
  const before = contentsOf(to);

  for (let length = 0; length < snapshot.length; length++) {
    assert(refusal(to, snapshot.subarray(0, length)) instanceof StoreFormatError, `cut to ${length} bytes`);
  }

  assert.deepEqual(contentsOf(to), before);
});

test('a snapshot with any byte changed leaves the old state', () => {
  const snapshot = snapshotOf(filled().store);
  const to = new Machine();
  to.apply(put('old', 'state'));
  const before = contentsOf(to);

  for (let at = 0; at < snapshot.length; at++) {
    const damaged = snapshot.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    assert(refusal(to, damaged) instanceof StoreFormatError, `byte ${at} changed`);
  }
  assert(refusal(to, new Uint8Array([...snapshot, 0])) instanceof StoreFormatError, 'a byte too many');

  assert.deepEqual(contentsOf(to), before);
});

test('a snapshot of a newer format is refused by its number', () => {
  const header = snapshotOf(new Machine().store).slice(9, 9 + 'kontiki-kv'.length + 4 + 40);
  header['kontiki-kv'.length + 3] = 2;

  const failure = refusal(new Machine(), encodeFrame(0, frameKind.header, header).bytes);

  assert.match(failure?.message ?? '', /the snapshot is in format 2, this version reads format 1/);
});

test('installing waits for the commit under way, and watchers are told', () => {
  const from = filled();
  const to = new Machine();
  to.apply(put('old', 'state'));
  let restored = 0;
  to.store.listen({ applied: () => {}, compacted: () => {}, restored: () => restored++ });
  assert(to.store.flush({ rows: 10, bytes: 1000 }, assert.ifError));
  const restore = to.store.restore();
  restore.feed(snapshotOf(from.store));

  restore.finish(undefined, assert.ifError);
  assert.equal(to.store.flush({ rows: 10, bytes: 1000 }, assert.ifError), false);
  assert.throws(() => to.apply(put('between', '')), /nothing is applied while a snapshot is installed/);
  to.run();

  assert.equal(restored, 1);
  assert.deepEqual(contentsOf(to), contentsOf(from));
});

test('a crash before an installed snapshot is durable leaves the old state whole', () => {
  const to = new Machine();
  to.apply(put('old', 'state'));
  to.flush();
  const before = contentsOf(to);
  const restore = to.store.restore();
  restore.feed(snapshotOf(filled().store));
  restore.finish(undefined, assert.ifError);

  to.run(1);
  to.crash();

  assert.deepEqual(contentsOf(to), before);
});

function refusal(machine: Machine, snapshot: Uint8Array): Error | undefined {
  const restore = machine.store.restore();
  restore.feed(snapshot);
  let failure: Error | undefined;
  restore.finish(undefined, (error) => {
    failure = error;
  });
  return failure;
}

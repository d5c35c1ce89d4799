import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOfKey, MemoryBackend, type Operation, Store, StoreFormatError } from '@kontiki/kv';
import { drawFrom } from '@kontiki/kv/testing';
import { everything, Machine } from './machine.ts';
import { bytesOf, plain } from './plain.ts';
import { del, put, range, txn } from './requests.ts';
import { seed } from './seed.ts';

const grant = (id: bigint, ttl: number = 60): Operation => ({ kind: 'leaseGrant', id, ttl });
const compact = (revision: number): Operation => ({ kind: 'compact', revision });

test('a fresh store is at revision 1 and its first write at 2', () => {
  const machine = new Machine();

  assert.deepEqual([machine.store.revision, machine.store.compactRevision], [1, -1]);
  assert.deepEqual(plain(machine.applyOne(put('a', '1'))), { revision: 2, prevKv: undefined });
});

const refused: readonly (readonly [string, readonly Operation[], Operation, string])[] = [
  ['ignore_value on a missing key', [], put('a', '', { ignoreValue: true }), 'keyNotFound'],
  ['ignore_lease on a deleted key', [put('a', ''), del('a')], put('a', '', { ignoreLease: true }), 'keyNotFound'],
  ['an unknown lease', [], put('a', '', { lease: 7n }), 'leaseNotFound'],
  ['a lease unknown and a key missing, alone', [], put('a', '', { lease: 7n, ignoreValue: true }), 'leaseNotFound'],
  [
    'a lease unknown and a key missing, inside a txn',
    [],
    txn([], [put('a', '', { lease: 7n, ignoreValue: true })]),
    'keyNotFound',
  ],
  ['an unknown lease inside a txn', [], txn([], [put('b', ''), put('a', '', { lease: 7n })]), 'leaseNotFound'],
  [
    'a future revision inside a txn',
    [put('a', '')],
    txn([], [put('b', ''), range('a', '', { revision: 3 })]),
    'futureRevision',
  ],
  [
    'a compacted revision inside a txn',
    [put('a', ''), compact(2)],
    txn([], [range('a', '', { revision: 1 })]),
    'compacted',
  ],
  ['a negative revision inside a txn', [], txn([], [range('a', '', { revision: -2 })]), 'compacted'],
  ['-1 inside a txn after a compaction', [compact(1)], txn([], [range('a', '', { revision: -1 })]), 'compacted'],
  ['an operation that is empty', [], txn([], [put('a', ''), { kind: 'empty' }]), 'keyNotFound'],
  [
    'a check that fails deep inside',
    [],
    txn([], [put('a', ''), txn([], [put('b', '', { lease: 9n })])]),
    'leaseNotFound',
  ],
  ['compacting what is compacted', [put('a', ''), compact(2)], compact(2), 'compacted'],
  ['compacting the future', [put('a', '')], compact(3), 'futureRevision'],
  ['compacting below zero', [], compact(-1), 'compacted'],
  ['a lease that exists', [grant(1n)], grant(1n), 'leaseExists'],
  ['a TTL too long', [], grant(1n, 9_000_000_001), 'leaseTtlTooLarge'],
  ['revoking an unknown lease', [], { kind: 'leaseRevoke', id: 1n }, 'leaseNotFound'],
];
for (const [title, before, operation, code] of refused) {
  test(`${title} is refused and changes nothing`, () => {
    const machine = new Machine();
    machine.apply(...before);
    const revision = machine.store.revision;

    assert.deepEqual(machine.applyOne(operation), { kind: 'error', code });

    assert.equal(machine.store.revision, revision);
    assert.equal(machine.store.position.index, before.length + 1, 'but the position moves');
  });
}

const unchanged: readonly (readonly [string, Operation])[] = [
  ['a delete of nothing', del('x')],
  ['an empty txn', txn([], [])],
  ['a txn that only reads', txn([], [range('a')])],
  ['a compaction', compact(2)],
  ['a grant', grant(1n)],
  ['a record', { kind: 'setRecord', name: 'r', value: bytesOf('1') }],
  ['nothing', { kind: 'none' }],
];
for (const [title, operation] of unchanged) {
  test(`${title} does not advance the revision`, () => {
    const machine = new Machine();
    machine.apply(put('a', ''));

    const result = machine.applyOne(operation);

    assert(result.kind !== 'error' && result.revision === 2);
    assert.equal(machine.store.revision, 2);
  });
}

test('a put of the same value is a revision, and one without a lease detaches', () => {
  const machine = new Machine();
  machine.apply(grant(1n), put('a', 'x', { lease: 1n }), put('a', 'x', { lease: 1n }));
  assert.deepEqual(machine.store.lease(1n)?.keys, ['a']);

  machine.apply(put('a', 'x'));

  assert.equal(machine.store.revision, 4);
  assert.deepEqual(machine.store.lease(1n)?.keys, []);
  machine.apply({ kind: 'leaseRevoke', id: 1n });
  assert.equal(machine.store.revision, 4, 'nothing hung on it');
});

test('a revoked lease takes its keys in key order in one revision', () => {
  const machine = new Machine();
  machine.apply(grant(1n), ...['c', 'a', 'b'].map((key) => put(key, '', { lease: 1n })), put('d', ''));

  assert.deepEqual(machine.applyOne({ kind: 'leaseRevoke', id: 1n }), { kind: 'leaseRevoke', revision: 6 });

  const read = machine.store.eventsFrom(6, everything);
  assert(read.kind === 'events');
  assert.deepEqual(
    read.revisions.map(({ revision, events }) => [revision, events.map(({ type, key }) => `${type} ${key}`)]),
    [[6, ['delete a', 'delete b', 'delete c']]],
  );
  assert.equal(machine.store.lease(1n), undefined);
});

test('a range at the compacted revision is readable, also of a key deleted later', () => {
  const machine = new Machine();
  machine.apply(put('a', '1'), put('b', '1'), del('a'), compact(3));
  machine.scrub();

  const result = machine.store.range(range('a', '', { revision: 3 }));

  assert(result.kind === 'range');
  assert.deepEqual([result.revision, result.count], [4, 1], 'the header has the current revision');
  assert.deepEqual(plain(machine.store.range(range('a', '', { revision: 2 }))), { error: 'compacted' });
  assert.deepEqual(plain(machine.store.range(range('a', '', { revision: 5 }))), { error: 'futureRevision' });
});

test('a sort target without an order sorts only what the limit lets in', () => {
  const machine = new Machine();
  machine.apply(put('c', '1'), put('b', '2'), put('a', '3'));

  const result = machine.store.range(range('a', 'z', { limit: 1, sortTarget: 'mod' }));

  assert(result.kind === 'range');
  assert.deepEqual(
    (plain(result).kvs as { key: string }[]).map(({ key }) => key),
    ['b'],
    'c was not fetched',
  );
  assert.deepEqual([result.more, result.count], [true, 3]);
});

test('a later operation of a txn sees the earlier ones, a historical range the state before', () => {
  const machine = new Machine();
  machine.apply(put('a', 'old'));

  const result = plain(
    machine.applyOne(txn([], [put('a', 'new'), range('a'), range('a', '', { revision: 2 }), del('a'), range('a')])),
  );

  const values = (result.responses as { kvs?: { value: string }[] }[]).map(({ kvs }) => kvs?.map(({ value }) => value));
  assert.deepEqual(values, [undefined, ['new'], ['old'], undefined, []]);
});

test('a put in a txn whose key a from-key delete has just taken goes on without value and lease', () => {
  const machine = new Machine();
  machine.apply(grant(1n), put('d', 'x', { lease: 1n }));

  machine.apply(txn([], [del('a', '\0'), put('d', '', { ignoreValue: true, ignoreLease: true })]));

  const result = plain(machine.store.range(range('d')));
  assert.deepEqual(result.kvs, [{ key: 'd', create: 3, mod: 3, version: 1, value: '', lease: 0n }]);
});

test('events come whole revisions at a time, within the limits but for the first', () => {
  const machine = new Machine();
  machine.apply(txn([], [put('a', ''), put('b', '')]), put('c', ''), put('d', ''), put('e', 'x'.repeat(100)));
  machine.flush();
  machine.apply(put('f', ''), put('g', ''));
  const read = (from: number, revisions: number, bytes: number): unknown => {
    const result = machine.store.eventsFrom(from, { revisions, bytes });
    assert(result.kind === 'events');
    return [result.revisions.map(({ events }) => events.map(({ key }) => key).join('')), result.next];
  };

  assert.deepEqual(read(0, 2, 1e6), [['ab', 'c'], 4]);
  assert.deepEqual(read(4, 3, 1e6), [['d', 'e', 'f'], 7]);
  assert.deepEqual(read(5, 9, 50), [['e'], 6]);
  assert.deepEqual(read(7, 9, 0), [['g'], 8]);
  assert.deepEqual(read(8, 9, 1e6), [[], 8]);
  assert.deepEqual(read(99, 9, 1e6), [[], 99]);
});

test(`counts of any range over thousands of keys are right (seed ${seed})`, () => {
  const draw = drawFrom(seed);
  const machine = new Machine();
  const live = new Set<string>();
  const key = (): string => String.fromCharCode(draw.below(256), draw.below(20), draw.below(4));
  for (let round = 0; round < 60; round++) {
    const operations: Operation[] = [];
    for (let at = 0; at < 200; at++) {
      const one = key();
      if (draw.below(10) < 7) {
        operations.push(put(one, ''));
        live.add(one);
      } else {
        operations.push(del(one));
        live.delete(one);
      }
    }
    machine.apply(...operations);
    if (round % 10 === 9) {
      machine.apply(compact(machine.store.revision));
      machine.scrub();
      machine.flush();
      machine.crash();
    }
    for (let at = 0; at < 20; at++) {
      const [from, to] = [key(), draw.oneIn(4) ? '\0' : key()];
      const result = machine.store.range(range(from, to, { limit: 1 }));
      const expected = [...live].filter((one) => one >= from && (to === '\0' || one < to)).length;
      assert(result.kind === 'range');
      assert.deepEqual([result.count, result.more, result.kvs.length], [expected, expected > 1, Math.min(expected, 1)]);
    }
  }
});

test('a compaction is remembered by the revision even when all keys are gone', () => {
  const machine = new Machine();
  machine.apply(put('a', ''), del('a'), put('b', ''), del('b'), compact(5));
  machine.scrub();
  machine.apply(compact(4));
  machine.flush();

  machine.crash();

  assert.deepEqual([machine.store.revision, machine.store.compactRevision], [5, 5]);
  assert.deepEqual(machine.applyOne(put('a', '')), { kind: 'put', revision: 6, prevKv: undefined });
});

test('a scrub that a crash interrupts is taken up again', () => {
  const machine = new Machine();
  for (let at = 0; at < 30; at++) machine.apply(put('a', `${at}`));
  machine.apply(del('a'), put('b', ''), compact(33));
  for (let step = 0; step < 4; step++) {
    assert.equal(machine.store.scrub(5), 'more');
    machine.flush();
  }

  machine.crash();

  assert.equal(machine.store.scrubbedRevision, -1);
  machine.scrub();
  assert.equal(machine.store.scrubbedRevision, 33);
  assert.deepEqual(plain(machine.store.range(range('\0', '\0'))).count, 1);
});

test('the overlay has a bound, and flushing makes room', () => {
  const tasks: (() => void)[] = [];
  const told: number[] = [];
  const store = Store.open({
    backend: new MemoryBackend({ defer: (task) => tasks.push(task) }),
    overlayBytesMax: 5000,
    batchRowsMax: 2,
    durable: ({ index }) => told.push(index),
  });
  let index = 0;
  while (store.hasRoom())
    store.apply([{ position: { index: ++index, term: 1 }, operation: put('a', 'x'.repeat(300)) }]);
  assert(store.overlayBytes >= 5000);

  assert(store.flush({ rows: 4, bytes: 1e6 }, assert.ifError));
  assert.equal(store.flush({ rows: 4, bytes: 1e6 }, assert.ifError), false, 'one commit at a time');
  tasks.shift()?.();
  assert.deepEqual(told, [], 'committed is not durable');
  assert.equal(store.hasRoom(), false);
  tasks.shift()?.();

  assert.deepEqual(told, [4], 'whole batches within the limit');
  assert.deepEqual(store.durable, { index: 4, term: 1 });
  assert(store.hasRoom());
});

test('a backend that fails ends the flushing with its error', () => {
  const tasks: (() => void)[] = [];
  const backend = new MemoryBackend({ defer: (task) => tasks.push(task) });
  const store = Store.open({ backend });
  store.apply([{ position: { index: 1, term: 1 }, operation: put('a', '') }]);
  backend.fail(new Error('the disk is on fire'));
  const errors: (string | undefined)[] = [];

  store.flush({ rows: 1, bytes: 1 }, (error) => errors.push(error?.message));
  for (const task of tasks) task();

  assert.deepEqual(errors, ['the disk is on fire']);
  assert.deepEqual(store.durable, { index: 0, term: 0 });
  assert.equal(
    store.flush({ rows: 1, bytes: 1 }, () => {}),
    false,
  );
});

test('data of a newer format is refused with a sentence', () => {
  const tasks: (() => void)[] = [];
  const backend = new MemoryBackend({ defer: (task) => tasks.push(task) });
  const value = new Uint8Array([0, 0, 0, 2]);
  backend.commit([{ kind: 'put', space: 'meta', key: bytesOfKey('format'), value }], assert.ifError, assert.ifError);
  for (const task of tasks) task();

  assert.throws(
    () => Store.open({ backend }),
    (error) => {
      assert(error instanceof StoreFormatError);
      assert.match(error.message, /format 2 and this version reads up to 1: start the newer version/);
      return true;
    },
  );
});

test('an entry is applied once', () => {
  const machine = new Machine();
  machine.apply(put('a', ''));

  assert.throws(
    () => machine.store.apply([{ position: { index: 1, term: 1 }, operation: put('a', '') }]),
    /entry 1 cannot be applied after entry 1/,
  );
});

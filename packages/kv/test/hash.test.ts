import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '@kontiki/kv';
import { hashOf, Machine } from './machine.ts';
import { del, put, txn } from './requests.ts';

function hash({ store }: Machine, revision: number = 0): number | string {
  const result = hashOf(store, revision);
  return typeof result === 'string' ? result : result.hash;
}

test('HashKV equals what etcd 3.4.23 answers after the same requests', () => {
  const machine = new Machine();
  const seen: (number | string)[] = [hash(machine)];
  const step = (...operations: readonly Operation[]): void => {
    machine.apply(...operations);
    seen.push(hash(machine));
    machine.scrub();
    machine.flush();
    assert.equal(hash(machine), seen[seen.length - 1], 'compacted or not, on disk or not');
  };

  step(put('a', '1'), put('b', '2'));
  step(put('a', '3'));
  step(del('b'));
  step(del('a', 'b'));
  step({ kind: 'leaseGrant', id: 7587n, ttl: 1000 }, put('c', 'v', { lease: 7587n }));
  step(put('d', 'v', { lease: 7587n }));
  step({ kind: 'leaseRevoke', id: 7587n });
  step(put('x', '1'), put('y', '1'), put('x', '2'), put('x', '3'), del('y'));
  step(txn([], [put('m', '1'), put('n', '1'), del('x')]));
  step({ kind: 'compact', revision: 10 });
  seen.push(hash(machine, 10), hash(machine, 11), hash(machine, 12), hash(machine, 14));
  step({ kind: 'compact', revision: 14 });
  step(del('\0', '\0'));
  step({ kind: 'compact', revision: 16 });
  step(put('z', '1'));
  seen.push(hash(machine, 16), hash(machine, 18));

  const compacted = [1254524003, 'compacted', 646727227, 86893917, 2526530410, 746857749, 1724828150, 1084519789];
  assert.deepEqual(seen, [
    ...[1084519789, 1827592406, 2069675932, 1125682900, 2073092960, 4226572360, 2655357945, 3528106573, 2846109549],
    ...[713051546, ...compacted, 2516560459, 'compacted', 'futureRevision'],
  ]);
});

test('a hash is of the moment it was asked for, whatever is applied and compacted meanwhile', () => {
  const machine = new Machine();
  for (let at = 0; at < 50; at++) machine.apply(put(`k${at % 7}`, `${at}`));
  machine.flush();
  for (let at = 0; at < 20; at++) machine.apply(put(`k${at % 5}`, `${at}`));
  machine.apply({ kind: 'compact', revision: 10 });
  const before = hashOf(machine.store, 40);
  const job = machine.store.hashKv(40);
  assert('step' in job);

  job.step(10);
  machine.apply({ kind: 'compact', revision: 60 }, del('\0', '\0'));
  assert.equal(machine.store.scrub(1000), 'waiting');
  for (let more = 0; more < 5; more++) machine.apply(put('k', `${more}`));
  machine.flush();
  let result = job.step(10);
  for (; result === undefined; result = job.step(10));

  assert.deepEqual(result, before);
  assert.equal(machine.store.scrub(1000), 'done', 'the scrub goes on when the hash is through');
});

test('a hash that is given up lets the scrub go on', () => {
  const machine = new Machine();
  machine.apply(put('a', '1'), put('a', '2'), { kind: 'compact', revision: 3 });
  const job = machine.store.hashKv(0);
  assert('step' in job);
  assert.equal(machine.store.scrub(1000), 'waiting');

  job.close();

  assert.equal(machine.store.scrub(1000), 'done');
});

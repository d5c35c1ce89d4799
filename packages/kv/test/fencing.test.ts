// Why a lock alone protects nothing (a holder may sleep through the end of its lease), and what does: the revision at which it was
// taken, compared by the write itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Compare } from '@kontiki/kv';
import { Machine } from './machine.ts';
import { put, txn } from './requests.ts';

const createdAt = (key: string, operand: number): Compare => ({
  key,
  rangeEnd: '',
  result: 'equal',
  target: 'create',
  operand,
});

test('a holder that slept through its lease is refused by the revision of its lock', () => {
  const machine = new Machine();
  machine.apply({ kind: 'leaseGrant', id: 1n, ttl: 5 }, put('lock', 'a', { lease: 1n }));
  const taken = machine.store.revision;
  machine.apply(
    { kind: 'leaseRevoke', id: 1n },
    { kind: 'leaseGrant', id: 2n, ttl: 5 },
    put('lock', 'b', { lease: 2n }),
  );

  const late = machine.applyOne(txn([createdAt('lock', taken)], [put('data', 'of a')]));
  const now = machine.applyOne(txn([createdAt('lock', machine.store.revision)], [put('data', 'of b')]));

  assert.equal(late.kind === 'txn' && late.succeeded, false);
  assert.equal(now.kind === 'txn' && now.succeeded, true);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRequest, type RequestOp } from '@kontiki/kv';
import { bytesOf } from './plain.ts';
import { del, put, range, txn } from './requests.ts';

function check(request: RequestOp): string {
  return checkRequest(request, { txnOperationsMax: 128 })?.code ?? 'fine';
}
const puts = (count: number, prefix: string = 'k'): RequestOp[] =>
  Array.from({ length: count }, (_, at) => put(`${prefix}${at}`, ''));
const onEmptyKey = { key: '', rangeEnd: '', result: 'equal', target: 'version', operand: 0 } as const;
const onKey = { ...onEmptyKey, key: 'a' } as const;

const rows: readonly (readonly [string, RequestOp, string])[] = [
  ['a range of no key', range(''), 'emptyKey'],
  ['a put of no key', put('', ''), 'emptyKey'],
  ['a delete of no key', del(''), 'emptyKey'],
  ['a guard of no key', txn([onEmptyKey], []), 'emptyKey'],
  ['no key inside a txn', txn([], [], [range('')]), 'emptyKey'],
  ['ignore_value with a value', put('a', 'x', { ignoreValue: true }), 'valueProvided'],
  ['ignore_value without', put('a', '', { ignoreValue: true }), 'fine'],
  ['ignore_lease with a lease', put('a', '', { ignoreLease: true, lease: 1n }), 'leaseProvided'],
  ['an empty operation', txn([], [{ kind: 'empty' }]), 'keyNotFound'],
  ['128 operations', txn([], puts(128)), 'fine'],
  ['129 operations', txn([], puts(129)), 'tooManyOps'],
  ['129 guards', txn(Array(129).fill(onKey), []), 'tooManyOps'],
  ['128 in each branch', txn(Array(128).fill(onKey), puts(128), puts(128)), 'fine'],
  ['a nested txn within what is left', txn([], [txn([], puts(127))]), 'fine'],
  ['a nested txn past what is left', txn([], [txn([], puts(128))]), 'tooManyOps'],
  ['what is left counts the widest of guards and branches', txn([onKey, onKey], [txn([], puts(127))]), 'tooManyOps'],
  ['two puts of a key', txn([], [put('a', ''), put('a', '')]), 'duplicateKey'],
  ['a put, then a delete', txn([], [put('a', ''), del('a')]), 'duplicateKey'],
  ['a delete, then a put', txn([], [del('a'), put('a', '')]), 'duplicateKey'],
  ['a put within a deleted range', txn([], [put('b', ''), del('a', 'c')]), 'duplicateKey'],
  ['a put at the end of a deleted range', txn([], [put('c', ''), del('a', 'c')]), 'fine'],
  ['a put and a from-key delete', txn([], [put('d', ''), del('c', '\0')]), 'fine'],
  ['a delete of everything and a put', txn([], [del('\0', '\0'), put('d', '')]), 'fine'],
  ['two deletes', txn([], [del('a'), del('a'), del('a', 'b')]), 'fine'],
  ['the same key in both branches', txn([], [put('a', '')], [put('a', '')]), 'fine'],
  ['a duplicate in the branch that may not run', txn([], [], [put('a', ''), put('a', '')]), 'duplicateKey'],
  ['the same key in both branches of a nested txn', txn([], [txn([], [put('a', '')], [put('a', '')])]), 'fine'],
  ['a put here and in a nested txn', txn([], [put('a', ''), txn([], [put('a', '')])]), 'duplicateKey'],
  ['a put in two nested txns', txn([], [txn([], [put('a', '')]), txn([], [], [put('a', '')])]), 'duplicateKey'],
  ['a delete here, a put in a nested txn', txn([], [txn([], [put('a', '')]), del('a')]), 'duplicateKey'],
  ['a put here, a delete in a nested txn', txn([], [put('a', ''), txn([], [del('a')])]), 'duplicateKey'],
  [
    'a delete in a nested txn, a put in a later one',
    txn([], [txn([], [del('a')]), txn([], [put('a', '')])]),
    'duplicateKey',
  ],
  ['a put in a nested txn, a delete in a later one', txn([], [txn([], [put('a', '')]), txn([], [del('a')])]), 'fine'],
  ['reads of what is written', txn([], [put('a', bytesOf('').toString()), range('a'), range('a')]), 'fine'],
];
for (const [title, request, expected] of rows) {
  test(`${title}: ${expected}`, () => assert.equal(check(request), expected));
}

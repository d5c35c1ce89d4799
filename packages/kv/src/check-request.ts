// What can be refused without looking at any state, before a request costs a log entry. The rules and their gaps are
// etcd's, because clients have learned both.

import type { Key, KvError, KvErrorCode, RequestOp, TxnRequest } from './api.ts';

export interface RequestLimits {
  /** Operations or guards per branch; a nested transaction gets what its parent leaves. */
  readonly txnOperationsMax: number;
}

export function checkRequest(request: RequestOp, limits: RequestLimits): KvError | undefined {
  const refused = checkOperation(request, limits.txnOperationsMax);
  if (refused !== undefined) return { kind: 'error', code: refused };
  if (request.kind !== 'txn') return undefined;
  const unique = touchedBy(request.success) !== undefined && touchedBy(request.failure) !== undefined;
  return unique ? undefined : { kind: 'error', code: 'duplicateKey' };
}

function checkOperation(request: RequestOp, operationsMax: number): KvErrorCode | undefined {
  switch (request.kind) {
    case 'range':
    case 'deleteRange':
      return request.key === '' ? 'emptyKey' : undefined;
    case 'put':
      if (request.key === '') return 'emptyKey';
      if (request.ignoreValue && request.value.length > 0) return 'valueProvided';
      return request.ignoreLease && request.lease !== 0n ? 'leaseProvided' : undefined;
    case 'txn':
      return checkTxn(request, operationsMax);
    case 'empty':
      return 'keyNotFound';
  }
}

function checkTxn(request: TxnRequest, operationsMax: number): KvErrorCode | undefined {
  const operations = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (operations > operationsMax) return 'tooManyOps';
  if (request.compare.some((compare) => compare.key === '')) return 'emptyKey';
  for (const operation of [...request.success, ...request.failure]) {
    const refused = checkOperation(operation, operationsMax - operations);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

interface Touched {
  readonly puts: Set<Key>;
  readonly deletes: Interval[];
}

/** Ends are compared as etcd's interval tree compares: the empty string is above all others. */
interface Interval {
  readonly from: Key;
  readonly to: Key;
}

/**
 * No key may be put twice, nor put and deleted, within one branch and the transactions nested in it; undefined when one is.
 * Two branches of one nested transaction exclude each other. As in etcd, a delete inside a nested transaction is held
 * against what comes after it in this order only: the nested transactions that follow, then the puts of this level; and a
 * from-key delete (range end "\0") counts for nothing, since the interval it makes is empty.
 */
function touchedBy(operations: readonly RequestOp[]): Touched | undefined {
  const puts = new Set<Key>();
  const deletes: Interval[] = [];
  for (const operation of operations) {
    if (operation.kind !== 'deleteRange') continue;
    deletes.push({ from: operation.key, to: operation.rangeEnd === '' ? `${operation.key}\0` : operation.rangeEnd });
  }
  for (const operation of operations) {
    if (operation.kind !== 'txn') continue;
    const success = touchedBy(operation.success);
    const failure = touchedBy(operation.failure);
    if (success === undefined || failure === undefined) return undefined;
    const here = new Set([...success.puts, ...failure.puts]);
    for (const key of here) {
      if (puts.has(key) || isDeleted(deletes, key)) return undefined;
    }
    for (const key of here) puts.add(key);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const operation of operations) {
    if (operation.kind !== 'put') continue;
    if (puts.has(operation.key) || isDeleted(deletes, operation.key)) return undefined;
    puts.add(operation.key);
  }
  return { puts, deletes };
}

function isDeleted(deletes: readonly Interval[], key: Key): boolean {
  return deletes.some(({ from, to }) => isBelow(from, `${key}\0`) && isBelow(key, to));
}

function isBelow(left: Key, right: Key): boolean {
  if (left === '') return false;
  return right === '' || left < right;
}

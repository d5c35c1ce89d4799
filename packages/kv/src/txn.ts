// A transaction in three steps, as in etcd: choose the path by its guards, check every operation on it, and only then
// execute. Guards and checks see the state before the transaction, nested ones too; so nothing fails half done.

import type {
  DeleteRangeRequest,
  DeleteRangeResult,
  EncodedKeyValue,
  KvError,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOp,
  TxnRequest,
  TxnResult,
} from './api.ts';
import { holds } from './compare.ts';
import { assert, StoreInvariantError } from './invariant.ts';
import { decodeKeyValue } from './key-value.ts';
import type { LeaseTable } from './leases.ts';
import { evaluateRange, latestOf, liveHistories, type Picture } from './range.ts';
import type { Writer } from './writer.ts';

type Step =
  | RangeRequest
  | PutRequest
  | DeleteRangeRequest
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'empty' };

/** A transaction with its branch chosen. */
interface Path {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

const noBytes = new Uint8Array(0);

export function executeTxn(writer: Writer, leases: LeaseTable, request: TxnRequest): TxnResult | KvError {
  const path = choosePath(writer, request);
  const refusal = checkPath(writer, leases, path);
  if (refusal !== undefined) return refusal;
  const responses = executePath(writer, leases, path);
  return { kind: 'txn', revision: writer.revision, succeeded: path.succeeded, responses };
}

/** For transactions that are `isReadOnly`: answered without the log. */
export function readTxn(picture: Picture, request: TxnRequest): TxnResult | KvError {
  const path = choosePath(picture, request);
  const responses: RangeResult[] = [];
  for (const step of path.steps) {
    assert(step.kind === 'range', 'a read-only transaction has nothing but ranges');
    const result = checkRange(picture, step) ?? evaluateRange(picture, step);
    if (result.kind === 'error') return result;
    responses.push(result);
  }
  return { kind: 'txn', revision: picture.revision, succeeded: path.succeeded, responses };
}

/** Nothing but ranges in both branches. A nested transaction goes through the log even if it only reads, as in etcd. */
export function isReadOnly(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((operation) => operation.kind === 'range');
}

/** Why a put cannot be executed. The two callers ask in different orders, as etcd does. */
export function checkLease(leases: LeaseTable, request: PutRequest): KvError | undefined {
  if (request.lease === 0n || leases.get(request.lease) !== undefined) return undefined;
  return { kind: 'error', code: 'leaseNotFound' };
}

export function checkPresent(picture: Picture, request: PutRequest): KvError | undefined {
  if (!request.ignoreValue && !request.ignoreLease) return undefined;
  return picture.index.get(request.key)?.live === true ? undefined : { kind: 'error', code: 'keyNotFound' };
}

export function executePut(writer: Writer, leases: LeaseTable, request: PutRequest): PutResult {
  const history = writer.index.get(request.key);
  const before = request.prevKv || request.ignoreValue ? latestOf(writer, history) : undefined;
  // Present by the check before. A delete earlier in the same transaction may have taken it (a from-key delete passes the
  // duplicate check); etcd panics there, we go on with what is left: no value, no lease.
  const value = !request.ignoreValue ? request.value : before === undefined ? noBytes : decodeKeyValue(before).value;
  const lease = request.ignoreLease ? history?.lease : leases.get(request.lease);
  writer.put(request.key, value, lease);
  return { kind: 'put', revision: writer.revision, prevKv: request.prevKv ? before : undefined };
}

export function executeDeleteRange(writer: Writer, request: DeleteRangeRequest): DeleteRangeResult {
  const prevKvs: EncodedKeyValue[] = [];
  const histories = liveHistories(writer.index, request.key, request.rangeEnd);
  for (const history of histories) {
    const before = request.prevKv ? latestOf(writer, history) : undefined;
    if (before !== undefined) prevKvs.push(before);
    writer.delete(history);
  }
  return { kind: 'deleteRange', revision: writer.revision, deleted: histories.length, prevKvs };
}

function choosePath(picture: Picture, request: TxnRequest): Path {
  const succeeded = request.compare.every((compare) => holds(picture, compare));
  const operations: readonly RequestOp[] = succeeded ? request.success : request.failure;
  const steps = operations.map(
    (operation): Step =>
      operation.kind === 'txn' ? { kind: 'path', path: choosePath(picture, operation) } : operation,
  );
  return { succeeded, steps };
}

function checkPath(picture: Picture, leases: LeaseTable, path: Path): KvError | undefined {
  for (const step of path.steps) {
    const refusal = checkStep(picture, leases, step);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkStep(picture: Picture, leases: LeaseTable, step: Step): KvError | undefined {
  switch (step.kind) {
    case 'range':
      return checkRange(picture, step);
    case 'put':
      return checkPresent(picture, step) ?? checkLease(leases, step);
    case 'path':
      return checkPath(picture, leases, step.path);
    case 'deleteRange':
      return undefined;
    case 'empty':
      return { kind: 'error', code: 'keyNotFound' };
  }
}

/**
 * Inside a transaction only 0 means the latest revision. Below it, etcd compares with the compacted revision, which is -1
 * before the first compaction: until then -1 passes, and reads the latest.
 */
function checkRange(picture: Picture, request: RangeRequest): KvError | undefined {
  if (request.revision === 0) return undefined;
  if (request.revision > picture.revision) return { kind: 'error', code: 'futureRevision' };
  if (request.revision < picture.compactRevision) return { kind: 'error', code: 'compacted' };
  return undefined;
}

function executePath(writer: Writer, leases: LeaseTable, path: Path): TxnResult['responses'] {
  return path.steps.map((step) => executeStep(writer, leases, step));
}

function executeStep(writer: Writer, leases: LeaseTable, step: Step): TxnResult['responses'][number] {
  switch (step.kind) {
    case 'range': {
      const result = evaluateRange(writer, step);
      assert(result.kind === 'range', 'a range that was checked before the transaction is readable in it');
      return result;
    }
    case 'put':
      return executePut(writer, leases, step);
    case 'deleteRange':
      return executeDeleteRange(writer, step);
    case 'path': {
      const { succeeded } = step.path;
      // etcd leaves a nested transaction's header empty.
      return { kind: 'txn', revision: 0, succeeded, responses: executePath(writer, leases, step.path) };
    }
    case 'empty':
      throw new StoreInvariantError('an empty operation is refused by the checks');
  }
}

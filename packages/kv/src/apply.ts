// One operation of the log, executed. Every member does this with the same operations in the same order and gets the same
// results, refusals included: nothing here may look at sizes, at time or at what is durable.

import type { KvErrorCode, Operation, Result } from './api.ts';
import { compareKeys } from './bytes.ts';
import type { Contents } from './contents.ts';
import { assert } from './invariant.ts';
import { recordNameLengthMax } from './meta.ts';
import type { Row } from './row.ts';
import { checkLease, checkPresent, executeDeleteRange, executePut, executeTxn } from './txn.ts';
import { Writer } from './writer.ts';

/** In seconds, etcd's bound. */
export const leaseTtlMax = 9_000_000_000;

/** `add` takes the rows that the operation writes. */
export function applyOperation(contents: Contents, operation: Operation, add: (row: Row) => void): Result {
  switch (operation.kind) {
    case 'put': {
      const refusal = checkLease(contents.leases, operation) ?? checkPresent(contents, operation);
      if (refusal !== undefined) return refusal;
      return write(contents, add, (writer) => executePut(writer, contents.leases, operation));
    }
    case 'deleteRange':
      return write(contents, add, (writer) => executeDeleteRange(writer, operation));
    case 'txn':
      return write(contents, add, (writer) => executeTxn(writer, contents.leases, operation));
    case 'compact':
      return compact(contents, operation.revision);
    case 'leaseGrant':
      return grantLease(contents, operation.id, operation.ttl);
    case 'leaseRevoke':
      return revokeLease(contents, operation.id, add);
    case 'setRecord':
      return setRecord(contents, operation.name, operation.value);
    case 'none':
      return { kind: 'none', revision: contents.revision };
  }
}

function write<R extends Result>(contents: Contents, add: (row: Row) => void, execute: (writer: Writer) => R): R {
  const writer = new Writer(contents, contents.rules, add);
  const result = execute(writer);
  if (writer.revision !== contents.revision) contents.state = { ...contents.state, revision: writer.revision };
  return result;
}

/** Logical only: from here on older revisions are refused; `Scrub` gives the space back later. */
function compact(contents: Contents, revision: number): Result {
  if (revision <= contents.compactRevision) return refuse('compacted');
  if (revision > contents.revision) return refuse('futureRevision');
  contents.state = { ...contents.state, compactRevision: revision };
  return { kind: 'compact', revision: contents.revision };
}

function grantLease(contents: Contents, id: bigint, ttl: number): Result {
  if (ttl > leaseTtlMax) return refuse('leaseTtlTooLarge');
  if (contents.leases.get(id) !== undefined) return refuse('leaseExists');
  contents.leases.grant(id, ttl);
  contents.overlay.setLease(id, ttl);
  return { kind: 'leaseGrant', revision: contents.revision, id, ttl };
}

/** All attached keys go in one revision, in key order, together with the lease. */
function revokeLease(contents: Contents, id: bigint, add: (row: Row) => void): Result {
  const lease = contents.leases.get(id);
  if (lease === undefined) return refuse('leaseNotFound');
  const keys = contents.rules.endsKeys() ? [...lease.keys].sort(compareKeys) : [];
  const result = write(contents, add, (writer): Result => {
    for (const key of keys) {
      const history = writer.index.get(key);
      if (history !== undefined) writer.delete(history);
    }
    return { kind: 'leaseRevoke', revision: writer.revision };
  });
  contents.leases.remove(id);
  contents.overlay.setLease(id, undefined);
  return result;
}

function setRecord(contents: Contents, name: string, value: Uint8Array): Result {
  assert(name.length <= recordNameLengthMax, `a record's name has ${name.length} characters`);
  if (value.length === 0) contents.records.delete(name);
  else contents.records.set(name, value);
  contents.overlay.setRecord(name, value.length === 0 ? undefined : value);
  return { kind: 'none', revision: contents.revision };
}

function refuse(code: KvErrorCode): Result {
  return { kind: 'error', code };
}

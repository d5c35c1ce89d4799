// get, put and del: what etcdctl prints for them, from the same requests.

import {
  DeleteRangeResponseSchema,
  type KeyValue,
  KV,
  PutResponseSchema,
  RangeResponseSchema,
} from '@kontiki/etcd-proto';
import { bytesOf, keyRange, type RangeChoice } from './key-range.ts';
import { int64, leaseText, parseLeaseId } from './numbers.ts';
import { cellOf, lineOf } from './output.ts';
import type { Session } from './session.ts';

export interface GetChoice extends RangeChoice {
  readonly limit?: string | undefined;
  readonly rev?: string | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  readonly serializable?: boolean | undefined;
}

export async function get({ connection, output }: Session, key: string, choice: GetChoice): Promise<void> {
  const { keysOnly = false, countOnly = false, serializable = false } = choice;
  const response = await connection.call(KV.method.range, {
    ...keyRange(key, choice),
    limit: int64('--limit', choice.limit),
    revision: int64('--rev', choice.rev),
    keysOnly,
    countOnly,
    serializable,
  });
  const count = String(response.count);
  if (countOnly) {
    output.show(RangeResponseSchema, response, { headings: ['COUNT'], rows: [[count]] });
    return;
  }
  output.show(RangeResponseSchema, response, {
    headings: ['KEY', 'VALUE', 'CREATED', 'MODIFIED', 'VERSION', 'LEASE'],
    rows: response.kvs.map(rowOf),
    lines: response.kvs.flatMap((kv) => (keysOnly ? [lineOf(kv.key)] : keyAndValue(kv))),
  });
}

export interface PutChoice {
  readonly lease?: string | undefined;
  readonly prevKv?: boolean | undefined;
}

export async function put(
  { connection, output }: Session,
  { key, value }: { readonly key: string; readonly value: string },
  { lease, prevKv = false }: PutChoice,
): Promise<void> {
  const request = { key: bytesOf(key), value: bytesOf(value), lease: parseLeaseId(lease), prevKv };
  const response = await connection.call(KV.method.put, request);
  output.show(PutResponseSchema, response, {
    headings: ['REVISION', 'KEY BEFORE', 'VALUE BEFORE'],
    rows: [[String(response.header?.revision ?? 0n), ...cellsBefore(response.prevKv)]],
    lines: ['OK', ...keyAndValue(response.prevKv)],
  });
}

export interface DelChoice extends RangeChoice {
  readonly prevKv?: boolean | undefined;
}

export async function del({ connection, output }: Session, key: string, choice: DelChoice): Promise<void> {
  const { prevKv = false } = choice;
  const response = await connection.call(KV.method.deleteRange, { ...keyRange(key, choice), prevKv });
  const deleted = String(response.deleted);
  const before = response.prevKvs.map((kv) => ['', ...cellsBefore(kv)]);
  output.show(DeleteRangeResponseSchema, response, {
    headings: ['DELETED', 'KEY BEFORE', 'VALUE BEFORE'],
    rows: [[deleted], ...before],
    lines: [deleted, ...response.prevKvs.flatMap(keyAndValue)],
  });
}

/** The two lines of a key, none for no key. */
export function keyAndValue(kv: KeyValue | undefined): readonly string[] {
  return kv === undefined ? [] : [lineOf(kv.key), lineOf(kv.value)];
}

/** The two cells of a key, none for no key. */
export function cellsBefore(kv: KeyValue | undefined): readonly string[] {
  return kv === undefined ? [] : [cellOf(kv.key), cellOf(kv.value)];
}

function rowOf({ key, value, createRevision, modRevision, version, lease }: KeyValue): readonly string[] {
  const numbers = [createRevision, modRevision, version].map(String);
  return [cellOf(key), cellOf(value), ...numbers, lease === 0n ? '' : leaseText(lease)];
}

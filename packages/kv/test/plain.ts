// Results in a form that two implementations can be compared in: pairs decoded, bytes as latin1 text, no tags.

import { decodeKeyValue, type EncodedKeyValue, type Result } from '@kontiki/kv';

export interface PlainPair {
  readonly key: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly value: string;
  readonly lease: bigint;
}
export type PlainResult = Readonly<Record<string, unknown>>;

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export function plainPair(encoded: EncodedKeyValue): PlainPair {
  const { key, createRevision, modRevision, version, value, lease } = decodeKeyValue(encoded);
  return { key, create: createRevision, mod: modRevision, version, value: textOf(value), lease };
}

export function plain(result: Result): PlainResult {
  switch (result.kind) {
    case 'error':
      return { error: result.code };
    case 'range':
      return { revision: result.revision, kvs: result.kvs.map(plainPair), more: result.more, count: result.count };
    case 'put':
      return {
        revision: result.revision,
        prevKv: result.prevKv === undefined ? undefined : plainPair(result.prevKv),
      };
    case 'deleteRange':
      return { revision: result.revision, deleted: result.deleted, prevKvs: result.prevKvs.map(plainPair) };
    case 'txn':
      return {
        revision: result.revision,
        succeeded: result.succeeded,
        responses: result.responses.map((response) => plain(response)),
      };
    case 'leaseGrant':
      return { revision: result.revision, id: result.id, ttl: result.ttl };
    case 'compact':
    case 'leaseRevoke':
    case 'none':
      return { revision: result.revision };
  }
}

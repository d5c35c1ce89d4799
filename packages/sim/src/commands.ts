// What clients ask for, in the bytes in which it comes to a member.

import { create, toBinary } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequestSchema,
  LeaseRevokeRequestSchema,
  PutRequestSchema,
  TxnRequestSchema,
} from '@kontiki/etcd-proto';
import type { Command } from '@kontiki/member';
import { encodeUtf8 } from '@kontiki/transport';

export function putCommand(key: string, value: Uint8Array, lease: bigint): Command {
  const request = create(PutRequestSchema, { key: encodeUtf8(key), value, lease });
  return { kind: 'put', request: toBinary(PutRequestSchema, request) };
}

/** A put that happens only if the key was last changed at `modRevision`; 0: if it is not there. */
export function putIfCommand(key: string, modRevision: number, value: Uint8Array): Command {
  const request = create(TxnRequestSchema, {
    compare: [
      {
        key: encodeUtf8(key),
        result: Compare_CompareResult.EQUAL,
        target: Compare_CompareTarget.MOD,
        targetUnion: { case: 'modRevision', value: BigInt(modRevision) },
      },
    ],
    success: [{ request: { case: 'requestPut', value: create(PutRequestSchema, { key: encodeUtf8(key), value }) } }],
    failure: [],
  });
  return { kind: 'txn', request: toBinary(TxnRequestSchema, request) };
}

export function deleteCommand(key: string): Command {
  const request = create(DeleteRangeRequestSchema, { key: encodeUtf8(key) });
  return { kind: 'deleteRange', request: toBinary(DeleteRangeRequestSchema, request) };
}

export function compactCommand(revision: number): Command {
  const request = create(CompactionRequestSchema, { revision: BigInt(revision) });
  return { kind: 'compact', request: toBinary(CompactionRequestSchema, request) };
}

export function revokeCommand(lease: bigint): Command {
  const request = create(LeaseRevokeRequestSchema, { ID: lease });
  return { kind: 'leaseRevoke', request: toBinary(LeaseRevokeRequestSchema, request) };
}

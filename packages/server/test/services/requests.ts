// Encoded requests, as clients send them.

import { create, toBinary } from '@bufbuild/protobuf';
import { CompactionRequestSchema, DeleteRangeRequestSchema, PutRequestSchema } from '@kontiki/etcd-proto';

export function putRequest(key: string, value: string, lease: bigint = 0n): Uint8Array {
  const fields = { key: Buffer.from(key), value: Buffer.from(value), lease };
  return toBinary(PutRequestSchema, create(PutRequestSchema, fields));
}

export function deleteRequest(key: string): Uint8Array {
  return toBinary(DeleteRangeRequestSchema, create(DeleteRangeRequestSchema, { key: Buffer.from(key) }));
}

export function compactRequest(revision: number): Uint8Array {
  return toBinary(CompactionRequestSchema, create(CompactionRequestSchema, { revision: BigInt(revision) }));
}

// Long answers lie in pieces, and say the same.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { RangeResponseSchema, TxnResponseSchema } from '@kontiki/etcd-proto';
import type { RangeResult } from '@kontiki/kv';
import { measuredResponse } from '../../src/services/kv-responses.ts';
import { EncodedHeader } from '../../src/services/response-header.ts';

const header = new EncodedHeader(Buffer.alloc(0), 7, 3);
/** `KeyValue`s with nothing but a value. */
const valuesOf = (lengths: readonly number[]): readonly Uint8Array[] =>
  lengths.map((length) => {
    const head = Buffer.from([0x2a, 0x80 | (length & 127), 0x80 | ((length >> 7) & 127), length >> 14]);
    return Buffer.concat([head, Buffer.alloc(length, length)]);
  });
const rangeOf = (lengths: readonly number[]): RangeResult => ({
  kind: 'range',
  revision: 7,
  kvs: valuesOf(lengths),
  more: true,
  count: 300,
});

it('a short answer is one piece', () => {
  assert.ok(measuredResponse(rangeOf([10, 20_000]), header).encode() instanceof Uint8Array);
});

it('a long answer lies in pieces, in which large rows are not copied', () => {
  const lengths = [1, 65_530, 15_000, 16_400, 3, 200_000, ...Array.from({ length: 200 }, (_, i) => 300 + i * 7)];
  const result = rangeOf(lengths);

  const response = measuredResponse(result, header);
  const pieces = response.encode();

  assert.ok(!(pieces instanceof Uint8Array));
  const all = Buffer.concat(pieces);
  assert.equal(all.length, response.size);
  const { kvs, more, count } = fromBinary(RangeResponseSchema, all);
  assert.deepEqual(
    kvs.map(({ value }) => value.length),
    lengths,
  );
  assert.deepEqual([more, count], [true, 300n]);
  assert.ok(result.kvs.filter((kv) => pieces.includes(kv)).length === 3);
});

it('a long answer to a transaction lies in pieces, too', () => {
  const responses = [rangeOf([200_000, 5]), rangeOf([90_000])];

  const pieces = measuredResponse({ kind: 'txn', revision: 7, succeeded: true, responses }, header).encode();

  assert.ok(!(pieces instanceof Uint8Array));
  const { succeeded, responses: read } = fromBinary(TxnResponseSchema, Buffer.concat(pieces));
  assert.equal(succeeded, true);
  assert.deepEqual(
    read.map(({ response }) => (response.case === 'responseRange' ? response.value.kvs.length : 0)),
    [2, 1],
  );
});

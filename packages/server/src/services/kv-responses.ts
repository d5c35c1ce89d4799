// The answers of the KV service by hand: rows come out of the state machine encoded and are spliced in. Each answer is
// measured first and then written once. Field numbers are those of `etcdserverpb`.

import type { Answer } from '@kontiki/grpc';
import type { DeleteRangeResult, PutResult, RangeResult, TxnResult } from '@kontiki/kv';
import { bytesSize, flagSize, numberSize, varintSize, Writer } from './proto-writer.ts';
import { type EncodedHeader, emptyHeader, operationHeader } from './response-header.ts';

type KvResult = RangeResult | PutResult | DeleteRangeResult | TxnResult;

/** A longer answer is cut into pieces, of which each is let go when it has been sent. */
const wholeBytesMax = 262_144;
const pieceBytes = 65_536;

/** An answer whose length is known before it is written. */
export interface MeasuredResponse {
  readonly size: number;
  encode(): Answer;
}

export function measuredResponse(result: KvResult, header: EncodedHeader): MeasuredResponse {
  const plan = planOf(result, header);
  const { size } = plan;
  return {
    size,
    encode: () => {
      const writer = size <= wholeBytesMax ? new Writer(size) : new Writer(size, pieceBytes);
      plan.write(writer);
      return size <= wholeBytesMax ? writer.finish() : writer.finishPieces();
    },
  };
}

/** An answer that is a header and nothing else. */
export function encodeHeaderOnly(header: EncodedHeader): Buffer {
  const writer = new Writer(header.size);
  header.write(writer);
  return writer.finish();
}

/** What is going to be written, with its size known. */
interface Plan {
  readonly size: number;
  write(writer: Writer): void;
}

function planOf(result: KvResult, header: EncodedHeader): Plan {
  switch (result.kind) {
    case 'range':
      return rangePlan(result, header);
    case 'put':
      return putPlan(result, header);
    case 'deleteRange':
      return deleteRangePlan(result, header);
    case 'txn':
      return txnPlan(result, header);
  }
}

function rangePlan({ kvs, more, count }: RangeResult, header: EncodedHeader): Plan {
  return {
    size: header.size + allSize(kvs) + flagSize(more) + numberSize(count),
    write(writer) {
      header.write(writer);
      for (const kv of kvs) writer.bytes(2, kv);
      writer.flag(3, more);
      writer.number(4, count);
    },
  };
}

function putPlan({ prevKv }: PutResult, header: EncodedHeader): Plan {
  return {
    size: header.size + (prevKv === undefined ? 0 : bytesSize(prevKv.length)),
    write(writer) {
      header.write(writer);
      if (prevKv !== undefined) writer.bytes(2, prevKv);
    },
  };
}

function deleteRangePlan({ deleted, prevKvs }: DeleteRangeResult, header: EncodedHeader): Plan {
  return {
    size: header.size + numberSize(deleted) + allSize(prevKvs),
    write(writer) {
      header.write(writer);
      writer.number(2, deleted);
      for (const kv of prevKvs) writer.bytes(3, kv);
    },
  };
}

/** The fields of `ResponseOp`. */
const operationFields = { range: 1, put: 2, deleteRange: 3, txn: 4 } as const;

function txnPlan({ succeeded, responses }: TxnResult, header: EncodedHeader): Plan {
  const operations = responses.map((response) => {
    const inner = planOf(response, response.kind === 'txn' ? emptyHeader : operationHeader(response.revision));
    return { field: operationFields[response.kind], inner, size: bytesSize(inner.size) };
  });
  return {
    size: operations.reduce((sum, { size }) => sum + bytesSize(size), header.size + flagSize(succeeded)),
    write(writer) {
      header.write(writer);
      writer.flag(2, succeeded);
      for (const { field, inner, size } of operations) {
        writer.message(3, size);
        writer.message(field, inner.size);
        inner.write(writer);
      }
    },
  };
}

function allSize(kvs: readonly Uint8Array[]): number {
  let size = 0;
  for (const kv of kvs) size += 1 + varintSize(kv.length) + kv.length;
  return size;
}

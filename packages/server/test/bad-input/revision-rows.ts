// Rows about numbers: any int64 has a meaning, and 2^53 + 1 is not 2^53.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  Compare_CompareResult as CompareResult,
  Compare_CompareTarget as CompareTarget,
  HashKVRequestSchema,
  TxnRequestSchema,
  TxnResponseSchema,
  type WatchCreateRequestSchema,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import {
  bytes,
  compacted,
  future,
  int64Max,
  int64Min,
  key,
  putOp,
  type Row,
  range,
  rangeOp,
  stream,
  txn,
  unary,
} from './row.ts';

/** Beyond it a JavaScript number loses its last digit. */
const large = 2n ** 53n;
const strange = [int64Min, -large - 1n, -2n, -1n, large - 1n, large, large + 1n, int64Max];
/** As `prepare` has left it: 3 is compacted, 4 the first that came later. */
const known = [0n, 1n, 2n, 3n, 4n];

/** All that is not above zero means "now". */
function readAnswer(revision: bigint): string {
  if (revision > 0n && revision < 3n) return compacted;
  return revision > 1000n ? future : 'ok';
}

/** In a txn only zero does. */
function readInTxnAnswer(revision: bigint): string {
  return revision < 0n ? compacted : readAnswer(revision);
}

function rowsAt(revision: bigint): readonly Row[] {
  const there = bytes('there');
  return [
    range(`a range at revision ${revision}`, { key: there, revision }, readAnswer(revision)),
    txn(
      `a range at revision ${revision} in a txn`,
      { success: [rangeOp('there', revision)] },
      readInTxnAnswer(revision),
    ),
    txn(
      `a range at revision ${revision} in a txn that writes`,
      { success: [putOp('w'), rangeOp('there', revision)] },
      readInTxnAnswer(revision),
    ),
    unary(
      `a hash at revision ${revision}`,
      'Maintenance/HashKV',
      HashKVRequestSchema,
      { revision },
      revision === 3n ? compacted : readAnswer(revision),
    ),
  ];
}

function compaction(revision: bigint): Row {
  const answer = revision <= 3n ? compacted : future;
  return unary(`a compaction at revision ${revision}`, 'KV/Compact', CompactionRequestSchema, { revision }, answer);
}

/** Which branch of a txn runs tells how the number was read. */
function comparison(target: 'modRevision' | 'createRevision' | 'version', operand: bigint): Row {
  const targets = {
    modRevision: CompareTarget.MOD,
    createRevision: CompareTarget.CREATE,
    version: CompareTarget.VERSION,
  };
  return {
    title: `a comparison of ${target} with ${operand}`,
    send: async (wire) => {
      const compare = {
        key: bytes('there'),
        target: targets[target],
        result: CompareResult.LESS,
        targetUnion: { case: target, value: operand },
      };
      const response = await wire.ask('KV/Txn', TxnRequestSchema, { compare: [compare] }, TxnResponseSchema);
      return `less: ${response.succeeded}`;
    },
    answer: `less: ${operand > 0n}`,
  };
}

function watch(
  title: string,
  fields: MessageInitShape<typeof WatchCreateRequestSchema>,
  answer: string,
  old?: string,
): Row {
  return stream(
    title,
    'Watch/Watch',
    [WatchRequestSchema, WatchResponseSchema],
    { requestUnion: { case: 'createRequest', value: fields } },
    told,
    answer,
    old,
  );
}

function told({ created, canceled, compactRevision, cancelReason, events }: WatchResponse): string {
  const words = [
    ...(created ? ['created'] : []),
    ...(canceled ? ['canceled'] : []),
    ...(compactRevision > 0n ? [`at ${compactRevision}`] : []),
    ...(cancelReason === '' ? [] : [cancelReason]),
    ...(events.length > 0 ? [`events ${events.length}`] : []),
  ];
  return words.join(' ');
}

const refusedWatch = 'created canceled etcdserver: mvcc: required revision has been compacted';
const endedWatch = 'created / canceled at 3';

export const revisionRows: readonly Row[] = [
  ...[...strange, ...known].flatMap(rowsAt),
  ...[...strange, 0n, 1n, 3n].map(compaction),
  ...strange.flatMap((operand) => [
    comparison('modRevision', operand),
    comparison('createRevision', operand),
    comparison('version', operand),
  ]),
  ...strange.flatMap((number) => [
    range(`bounds of ${number}`, { key: bytes('there'), minModRevision: number, maxCreateRevision: number }, 'ok'),
    range(`a limit of ${number}`, { key: bytes('there'), limit: number }, 'ok'),
  ]),
  watch('a watch without a key', {}, 'created'),
  watch(
    'a watch of an empty range',
    { key: bytes('b'), rangeEnd: bytes('a') },
    'created canceled mvcc: watcher range is empty',
  ),
  watch('a watch from what is compacted', { key, startRevision: 2n }, endedWatch),
  watch('a watch from the compacted revision', { key: bytes('there'), startRevision: 3n }, 'created / events 2'),
  watch('a watch from the far future', { key, startRevision: large + 1n }, 'created'),
  watch('a watch from the last revision there can be', { key, startRevision: int64Max }, 'created'),
  watch('a watch from revision -1', { key, startRevision: -1n }, refusedWatch, endedWatch),
  watch('a watch from the least revision', { key, startRevision: int64Min }, refusedWatch, endedWatch),
];

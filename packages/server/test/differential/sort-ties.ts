/**
 * etcd sorts with an algorithm that is stable only up to 12 items: in a longer range, keys of equal version (or value, or
 * revision) come in an order that says nothing, and a limit that cuts through them keeps any of them. Here both replies
 * are brought to one form: ties by key, and of the ties at a cut only how many they are.
 */

import {
  type KeyValue,
  type RangeRequest,
  RangeRequest_SortTarget,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
} from '@kontiki/etcd-proto';

const stableUpTo = 12n;

/** Changes the response in place. */
export function settleTies(request: RangeRequest, response: RangeResponse): void {
  if (request.sortTarget === RangeRequest_SortTarget.KEY || response.count <= stableUpTo) return;
  const groups: KeyValue[][] = [];
  for (const kv of response.kvs) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (first !== undefined && group !== undefined && equalUnder(request.sortTarget, first, kv)) group.push(kv);
    else groups.push([kv]);
  }
  for (const group of groups) group.sort((a, b) => Buffer.compare(a.key, b.key));
  const last = groups.at(-1);
  if (response.more && last !== undefined) {
    for (const kv of last) keepOnly(request.sortTarget, kv);
  }
  response.kvs = groups.flat();
}

/** The same for every range inside a transaction, along the branch that was taken. */
export function settleTiesInTxn(request: TxnRequest, response: TxnResponse): void {
  const operations = response.succeeded ? request.success : request.failure;
  for (const [index, operation] of operations.entries()) {
    const asked = operation.request;
    const answered = response.responses[index]?.response;
    if (asked.case === 'requestRange' && answered?.case === 'responseRange') settleTies(asked.value, answered.value);
    if (asked.case === 'requestTxn' && answered?.case === 'responseTxn') settleTiesInTxn(asked.value, answered.value);
  }
}

function equalUnder(target: RangeRequest_SortTarget, a: KeyValue, b: KeyValue): boolean {
  switch (target) {
    case RangeRequest_SortTarget.VERSION:
      return a.version === b.version;
    case RangeRequest_SortTarget.CREATE:
      return a.createRevision === b.createRevision;
    case RangeRequest_SortTarget.MOD:
      return a.modRevision === b.modRevision;
    case RangeRequest_SortTarget.VALUE:
      return Buffer.compare(a.value, b.value) === 0;
    default:
      return false;
  }
}

function keepOnly(target: RangeRequest_SortTarget, kv: KeyValue): void {
  kv.key = new Uint8Array();
  kv.lease = 0n;
  if (target !== RangeRequest_SortTarget.VERSION) kv.version = 0n;
  if (target !== RangeRequest_SortTarget.CREATE) kv.createRevision = 0n;
  if (target !== RangeRequest_SortTarget.MOD) kv.modRevision = 0n;
  if (target !== RangeRequest_SortTarget.VALUE) kv.value = new Uint8Array();
}

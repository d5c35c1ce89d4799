/**
 * etcd up to 3.6 loses agreement between its own members over a transaction that writes and reads at a compacted or
 * future revision: the member that was asked refuses it, the others leave the read out and write (mended in 3.7). Where a
 * cluster of etcd is the target, such reads ask for the newest revision instead; ours, and a single etcd, get them as
 * they are.
 */

import { isMessage } from '@bufbuild/protobuf';
import { type TxnRequest, TxnRequestSchema } from '@kontiki/etcd-proto';
import type { Step } from './steps.ts';

/** Changes the step's request in place. */
export function spareEtcdCluster(step: Step): void {
  if (step.kind !== 'call') return;
  step.call.accept((_, request) => {
    if (isMessage(request, TxnRequestSchema) && doesWrite(request)) readNewest(request);
  });
}

function doesWrite({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].some(({ request }) => {
    if (request.case === 'requestTxn') return doesWrite(request.value);
    return request.case === 'requestPut' || request.case === 'requestDeleteRange';
  });
}

function readNewest({ success, failure }: TxnRequest): void {
  for (const { request } of [...success, ...failure]) {
    if (request.case === 'requestTxn') readNewest(request.value);
    if (request.case === 'requestRange') request.value.revision = 0n;
  }
}

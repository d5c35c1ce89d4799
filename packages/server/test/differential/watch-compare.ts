/**
 * The responses of one watcher on both sides. A watcher that was synced from birth is compared response by response:
 * etcd sends one per revision (or its fragments). One that starts in the past catches up in batches whose cuts depend on
 * the moment, so only its events count, in order, and that each header's revision covers the events under it.
 */

import { create } from '@bufbuild/protobuf';
import { type WatchResponse, WatchResponseSchema } from '@kontiki/etcd-proto';
import { type CompareContext, compareMessages, type Discrepancy } from './compare.ts';

/** Takes the pairs out of both lists; what has no partner yet stays. */
export function comparePairs(
  reference: WatchResponse[],
  target: WatchResponse[],
  isSynced: boolean,
  context: CompareContext,
): readonly Discrepancy[] {
  const found: Discrepancy[] = [];
  if (!isSynced) {
    for (const [name, list] of [['reference', reference] as const, ['target', target] as const]) {
      const items = list.flatMap((response) => splitBatch(response, name, found));
      list.splice(0, list.length, ...items);
    }
  }
  const pairs = Math.min(reference.length, target.length);
  const [left, right] = [reference.splice(0, pairs), target.splice(0, pairs)];
  for (const [index, response] of left.entries()) {
    const other = right[index];
    if (other !== undefined) found.push(...compareMessages(WatchResponseSchema, response, other, context));
  }
  return found;
}

/** One response for each event, without what depends on the batch. Responses without events stay as they are. */
function splitBatch(
  response: WatchResponse,
  side: 'reference' | 'target',
  found: Discrepancy[],
): readonly WatchResponse[] {
  const { header, events } = response;
  if (events.length === 0 || header === undefined || isSplit(response)) return [response];
  const newest = events.at(-1)?.kv?.modRevision ?? 0n;
  if (header.revision < newest) {
    const texts = { reference: '', target: '' };
    const text = `${header.revision}, below the event's ${newest}`;
    found.push({ path: 'WatchResponse.header.revision', ...texts, [side]: text });
  }
  return events.map((event) =>
    create(WatchResponseSchema, { ...response, header: { ...header, revision: 0n }, events: [event], fragment: false }),
  );
}

function isSplit(response: WatchResponse): boolean {
  return response.events.length === 1 && response.header?.revision === 0n;
}

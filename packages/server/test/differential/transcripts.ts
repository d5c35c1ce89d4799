/**
 * Fixed series of watch requests where etcd 3.4.23 and 3.6 answer differently. They run on streams of their own, so that
 * the difference cannot spread; what came is summed up in one line, and the table of differences holds both lines.
 */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Event_EventType,
  KV,
  PutRequestSchema,
  type WatchCreateRequestSchema,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
} from '@kontiki/etcd-proto';
import { text } from './keys.ts';
import type { Model } from './model.ts';
import { type TranscriptName, type UnaryCall, unaryCall } from './steps.ts';

export interface Transcript {
  readonly requests: readonly WatchRequest[];
  /** Sent once a watcher was canceled. */
  readonly afterCancel?: readonly WatchRequest[];
  /** Sent once all watchers are made. */
  readonly call?: UnaryCall;
  /** Whether the answer that ends the transcript is there. */
  readonly isOver: (responses: readonly WatchResponse[]) => boolean;
}

const key = text('gone');
const progress = create(WatchRequestSchema, { requestUnion: { case: 'progressRequest', value: {} } });
const createdCount = (responses: readonly WatchResponse[]): number =>
  responses.filter((response) => response.created).length;

export function transcriptOf(name: TranscriptName, model: Model): Transcript {
  switch (name) {
    case 'negative start revision':
      return {
        requests: [watch({ startRevision: -5n })],
        isOver: (responses) => responses.some((response) => response.canceled),
      };
    case 'progress without watchers':
      return { requests: [progress, watch({})], isOver: (responses) => createdCount(responses) === 1 };
    case 'progress before a future start':
      return {
        requests: [watch({ startRevision: model.revision + 1000n }), progress, watch({})],
        isOver: (responses) => createdCount(responses) === 2,
      };
    case 'watch id beyond 2^53':
      return { requests: [watch({ watchId: 2n ** 63n - 1n })], isOver: (responses) => createdCount(responses) === 1 };
    case 'id of a compacted watcher':
      return {
        requests: [watch({ watchId: 5n, startRevision: 1n })],
        afterCancel: [watch({ watchId: 5n })],
        isOver: (responses) => createdCount(responses) === 2,
      };
    case 'delete at the compacted revision':
      return {
        requests: [watch({ startRevision: model.compactRevision })],
        call: unaryCall(KV.method.put, create(PutRequestSchema, { key, value: text('again') })),
        isOver: (responses) => responses.some(({ events }) => events.some(({ type }) => type === Event_EventType.PUT)),
      };
  }
}

/** `created | PUT | canceled`: what each response says beside its header and its id. */
export function summarize(responses: readonly WatchResponse[]): string {
  return responses
    .flatMap((response) => {
      const words = [
        ...(response.created ? ['created'] : []),
        ...(response.canceled ? ['canceled'] : []),
        ...(response.compactRevision === 0n ? [] : ['compacted']),
        ...(response.cancelReason === '' ? [] : [response.cancelReason]),
      ];
      const events = response.events.map(({ type }) => (type === Event_EventType.PUT ? 'PUT' : 'DELETE'));
      if (words.length + events.length === 0) return ['progress'];
      return [...(words.length > 0 ? [words.join(' ')] : []), ...events];
    })
    .join(' / ');
}

function watch(fields: MessageInitShape<typeof WatchCreateRequestSchema>): WatchRequest {
  return create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: { key, ...fields } } });
}

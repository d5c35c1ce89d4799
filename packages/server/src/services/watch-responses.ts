// `etcdserverpb.WatchResponse` by hand: one encoded event is shared by all watchers it concerns, and spliced in here.

import type { WatchEvent, WatchResponse } from '@kontiki/kv';
import { bytesSize, flagSize, int64Size, numberSize, Writer } from './proto-writer.ts';
import type { EncodedHeader } from './response-header.ts';

interface Fields {
  readonly watchId: number;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly Uint8Array[];
}

const eventsField = 11;

export function encodeWatchResponse(response: WatchResponse, header: EncodedHeader): Buffer {
  return encode(fieldsOf(response), header);
}

function fieldsOf(response: WatchResponse): Fields {
  const { watchId } = response;
  const plain = { watchId, created: false, canceled: false, compactRevision: 0, cancelReason: '', fragment: false };
  switch (response.kind) {
    case 'created':
      return { ...plain, created: true, events: [] };
    case 'refused':
      return { ...plain, created: true, canceled: true, cancelReason: response.reason, events: [] };
    case 'canceled': {
      const { compactRevision, reason } = response;
      return { ...plain, canceled: true, compactRevision, cancelReason: reason, events: [] };
    }
    case 'progress':
      return { ...plain, events: [] };
    case 'events': {
      const { fragment, prevKv } = response;
      return { ...plain, fragment, events: response.events.map((event) => encodedEvent(event, prevKv)) };
    }
  }
}

function encodedEvent(event: WatchEvent, prevKv: boolean): Uint8Array {
  return prevKv ? event.encodedWithPrevKv() : event.encoded;
}

function encode(fields: Fields, header: EncodedHeader): Buffer {
  const reason = Buffer.from(fields.cancelReason);
  let size =
    header.size +
    int64Size(fields.watchId) +
    flagSize(fields.created) +
    flagSize(fields.canceled) +
    numberSize(fields.compactRevision) +
    (reason.length === 0 ? 0 : bytesSize(reason.length)) +
    flagSize(fields.fragment);
  for (const event of fields.events) size += bytesSize(event.length);

  const writer = new Writer(size);
  header.write(writer);
  writer.int64(2, fields.watchId);
  writer.flag(3, fields.created);
  writer.flag(4, fields.canceled);
  writer.number(5, fields.compactRevision);
  if (reason.length > 0) writer.bytes(6, reason);
  writer.flag(7, fields.fragment);
  for (const event of fields.events) writer.bytes(eventsField, event);
  return writer.finish();
}

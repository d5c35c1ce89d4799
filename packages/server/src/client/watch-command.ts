// watch: changes as they happen.

import { type Event, Event_EventType, Watch, type WatchResponse, WatchResponseSchema } from '@kontiki/etcd-proto';
import { ClientError } from './client-error.ts';
import { cellsBefore, keyAndValue } from './key-commands.ts';
import { keyRange, type RangeChoice } from './key-range.ts';
import { int64 } from './numbers.ts';
import { cellOf, lineOf } from './output.ts';
import type { Session } from './session.ts';

export interface WatchChoice extends RangeChoice {
  readonly rev?: string | undefined;
  readonly prevKv?: boolean | undefined;
  /** Ends by itself after so many events. */
  readonly count?: string | undefined;
}

/** Until the server ends the watch, `--count` is reached or the process is told to stop. */
export async function watch({ connection, output }: Session, key: string, choice: WatchChoice): Promise<void> {
  const countMax = choice.count === undefined ? undefined : int64('--count', choice.count);
  const range = keyRange(key, choice);
  const startRevision = int64('--rev', choice.rev);
  const exchange = await connection.exchange(Watch.method.watch);
  exchange.send({
    requestUnion: { case: 'createRequest', value: { ...range, startRevision, prevKv: choice.prevKv ?? false } },
  });
  let seen = 0n;
  for await (const response of exchange) {
    if (response.canceled) throw new ClientError(`the server ended the watch: ${whyCanceled(response)}`);
    if (response.events.length > 0) {
      output.show(WatchResponseSchema, response, {
        headings: ['EVENT', 'KEY', 'VALUE', 'REVISION', 'KEY BEFORE', 'VALUE BEFORE'],
        rows: response.events.map(rowOf),
        lines: response.events.flatMap(linesOf),
      });
    }
    seen += BigInt(response.events.length);
    if (countMax !== undefined && seen >= countMax) return;
  }
}

function whyCanceled({ compactRevision, cancelReason }: WatchResponse): string {
  if (compactRevision === 0n) return cancelReason;
  return `what happened before revision ${compactRevision} was compacted away: begin there (--rev ${compactRevision})`;
}

function linesOf({ type, kv, prevKv }: Event): readonly string[] {
  if (kv === undefined) return [];
  const after = type === Event_EventType.PUT ? keyAndValue(kv) : [lineOf(kv.key), ''];
  return [nameOf(type), ...keyAndValue(prevKv), ...after];
}

function rowOf({ type, kv, prevKv }: Event): readonly string[] {
  if (kv === undefined) return [];
  return [nameOf(type), cellOf(kv.key), cellOf(kv.value), String(kv.modRevision), ...cellsBefore(prevKv)];
}

function nameOf(type: Event_EventType): string {
  return type === Event_EventType.PUT ? 'PUT' : 'DELETE';
}

// Reading keys: which rows a range names at a revision, what filters and order leave of them, and how many are cut off.
// The order of work is etcd's, with what follows from it for `more` and `count`.

import type { EncodedKeyValue, KvError, RangeRequest, RangeResult } from './api.ts';
import { compareBytes, compareKeys } from './bytes.ts';
import type { KeyHistory } from './key-history.ts';
import { type KeyIndex, type KeySpan, spanOf } from './key-index.ts';
import { decodeKeyValue, encodeKeyValue, type KeyValue, withoutValue } from './key-value.ts';

/** What a read looks at. `revision` counts what the transaction under way has written so far. */
export interface Picture {
  readonly index: KeyIndex;
  readonly rows: { value(main: number, sub: number): EncodedKeyValue };
  readonly revision: number;
  readonly compactRevision: number;
}

interface Place {
  readonly history: KeyHistory;
  readonly main: number;
  readonly sub: number;
}

interface Pair {
  readonly kv: KeyValue;
  readonly encoded: EncodedKeyValue;
}

const noBytes = new Uint8Array(0);

/** Revision 0 or below is the latest; a transaction has refused what is not allowed inside it before. */
export function evaluateRange(picture: Picture, request: RangeRequest): RangeResult | KvError {
  const { revision } = picture;
  if (request.revision > revision) return { kind: 'error', code: 'futureRevision' };
  if (request.revision > 0 && request.revision < picture.compactRevision) return { kind: 'error', code: 'compacted' };
  const at = request.revision <= 0 || request.revision === revision ? undefined : request.revision;
  const span = spanOf(request.key, request.rangeEnd);
  if (request.countOnly) {
    return { kind: 'range', revision, kvs: [], more: false, count: countAt(picture.index, request, span, at) };
  }

  const ordered = request.sortOrder !== 'none' || request.sortTarget !== 'key';
  // A sort target without an order does not lift the limit: etcd then sorts only what it fetched up to the limit.
  const everything = request.limit <= 0 || request.sortOrder !== 'none' || hasFilter(request);
  const places = placesAt(picture.index, request, span, at, everything ? Number.POSITIVE_INFINITY : request.limit + 1);
  const count = everything ? places.length : countAt(picture.index, request, span, at);
  if (ordered || hasFilter(request)) {
    const pairs = arrange(
      places.map((place) => readPair(picture, place)),
      request,
    );
    const kvs = cut(pairs, request.limit).map(({ encoded }) => (request.keysOnly ? withoutValue(encoded) : encoded));
    return { kind: 'range', revision, kvs, more: kvs.length < pairs.length, count };
  }
  const kvs = cut(places, request.limit).map((place) => read(picture, place, request.keysOnly, at === undefined));
  return { kind: 'range', revision, kvs, more: kvs.length < places.length, count };
}

/** The pair under one key now. */
export function latestOf(picture: Picture, history: KeyHistory | undefined): EncodedKeyValue | undefined {
  if (history === undefined || !history.live) return undefined;
  return picture.rows.value(history.modRevision, history.lastSub);
}

/** Live keys of what a delete or a compare names, in key order. */
export function liveHistories(index: KeyIndex, key: string, rangeEnd: string): KeyHistory[] {
  if (rangeEnd === '') {
    const history = index.get(key);
    return history?.live === true ? [history] : [];
  }
  const histories: KeyHistory[] = [];
  index.visit(spanOf(key, rangeEnd), (history) => {
    if (history.live) histories.push(history);
    return true;
  });
  return histories;
}

function placesAt(
  index: KeyIndex,
  request: RangeRequest,
  span: KeySpan,
  at: number | undefined,
  lengthMax: number,
): Place[] {
  const places: Place[] = [];
  const add = (history: KeyHistory): boolean => {
    const place = placeAt(history, at);
    if (place !== undefined) places.push(place);
    return places.length < lengthMax;
  };
  if (request.rangeEnd !== '') {
    index.visit(span, add);
  } else {
    const history = index.get(request.key);
    if (history !== undefined) add(history);
  }
  return places;
}

function placeAt(history: KeyHistory, at: number | undefined): Place | undefined {
  if (at === undefined) {
    return history.live ? { history, main: history.modRevision, sub: history.lastSub } : undefined;
  }
  const place = history.at(at);
  return place === undefined ? undefined : { history, main: place.main, sub: place.sub };
}

function countAt(index: KeyIndex, request: RangeRequest, span: KeySpan, at: number | undefined): number {
  if (request.rangeEnd === '') {
    const history = index.get(request.key);
    return history !== undefined && placeAt(history, at) !== undefined ? 1 : 0;
  }
  if (at === undefined) return index.count(span);
  let count = 0;
  index.visit(span, (history) => {
    if (history.at(at) !== undefined) count++;
    return true;
  });
  return count;
}

/** The index knows all of the latest pair but its value. */
function read(picture: Picture, place: Place, keysOnly: boolean, latest: boolean): EncodedKeyValue {
  if (!keysOnly) return picture.rows.value(place.main, place.sub);
  if (!latest) return withoutValue(picture.rows.value(place.main, place.sub));
  const { key, createRevision, version, lease } = place.history;
  return encodeKeyValue(key, createRevision, place.main, version, noBytes, lease?.varint);
}

function readPair(picture: Picture, place: Place): Pair {
  const encoded = picture.rows.value(place.main, place.sub);
  return { kv: decodeKeyValue(encoded), encoded };
}

function hasFilter(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

function arrange(pairs: readonly Pair[], request: RangeRequest): Pair[] {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  const left = pairs.filter(
    ({ kv }) =>
      (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
      (minModRevision === 0 || kv.modRevision >= minModRevision) &&
      (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision) &&
      (minCreateRevision === 0 || kv.createRevision >= minCreateRevision),
  );
  // The sort is stable in both directions: equal pairs stay in key order.
  const direction = request.sortOrder === 'descend' ? -1 : 1;
  return left.sort((a, b) => direction * compareBy(request.sortTarget, a.kv, b.kv));
}

function compareBy(target: RangeRequest['sortTarget'], left: KeyValue, right: KeyValue): number {
  switch (target) {
    case 'key':
      return compareKeys(left.key, right.key);
    case 'version':
      return left.version - right.version;
    case 'create':
      return left.createRevision - right.createRevision;
    case 'mod':
      return left.modRevision - right.modRevision;
    case 'value':
      return compareBytes(left.value, right.value);
  }
}

function cut<T>(list: readonly T[], limit: number): readonly T[] {
  return limit > 0 && list.length > limit ? list.slice(0, limit) : list;
}

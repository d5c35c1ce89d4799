// Which keys a command is about, as etcd's pair of key and range end.

import { ClientError } from './client-error.ts';

export interface RangeChoice {
  /** The first key that is not meant any more. */
  readonly end?: string | undefined;
  readonly prefix?: boolean | undefined;
  readonly fromKey?: boolean | undefined;
}

export interface KeyRange {
  readonly key: Uint8Array;
  /** Empty: only `key`. One zero byte: everything from `key` on. */
  readonly rangeEnd: Uint8Array;
}

const zero = Uint8Array.of(0);

/** @throws ClientError when more than one kind of range is asked for. */
export function keyRange(text: string, { end, prefix = false, fromKey = false }: RangeChoice): KeyRange {
  if ([end !== undefined, prefix, fromKey].filter(Boolean).length > 1) {
    throw new ClientError('an end, --prefix and --from-key exclude each other: give one of them');
  }
  const key = bytesOf(text);
  if (end !== undefined) return { key, rangeEnd: bytesOf(end) };
  if (!prefix && !fromKey) return { key, rangeEnd: new Uint8Array(0) };
  // The empty key is none: from there on is from the first key there can be.
  if (key.length === 0) return { key: zero, rangeEnd: zero };
  return { key, rangeEnd: prefix ? prefixEnd(key) : zero };
}

/** The first key behind all that begin with these bytes. Text as UTF-8 has no 0xff, so there is one. */
function prefixEnd(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return end;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

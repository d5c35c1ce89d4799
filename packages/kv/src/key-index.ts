// All keys in order, in memory: a map for one key, and a list of sorted chunks for ranges. Each chunk knows how many of its
// keys are alive, so that counting a range costs an addition per chunk instead of a visit per key (every paged read is
// asked for the count of its whole range).

import type { Key } from './api.ts';
import { compareKeys } from './bytes.ts';
import { assert } from './invariant.ts';
import { KeyHistory } from './key-history.ts';

/** [from, to); `to` undefined is without end. */
export interface KeySpan {
  readonly from: Key;
  readonly to: Key | undefined;
}

interface Chunk {
  readonly histories: KeyHistory[];
  live: number;
}

const chunkLengthMax = 512;

export class KeyIndex {
  readonly #byKey = new Map<Key, KeyHistory>();
  #chunks: Chunk[] = [];
  #live = 0;

  /** From histories in any order; each key once. */
  static of(histories: readonly KeyHistory[]): KeyIndex {
    const index = new KeyIndex();
    const sorted = [...histories].sort((left, right) => compareKeys(left.key, right.key));
    // Half full, so that the first inserts do not split every chunk.
    for (let at = 0; at < sorted.length; at += chunkLengthMax / 2) {
      const part = sorted.slice(at, at + chunkLengthMax / 2);
      index.#chunks.push({ histories: part, live: countLive(part, 0, part.length) });
    }
    for (const history of sorted) {
      index.#byKey.set(history.key, history);
      if (history.live) index.#live++;
    }
    return index;
  }

  /** Keys with any history, deleted ones included. */
  get size(): number {
    return this.#byKey.size;
  }

  get live(): number {
    return this.#live;
  }

  get(key: Key): KeyHistory | undefined {
    return this.#byKey.get(key);
  }

  put(key: Key, main: number, sub: number): KeyHistory {
    const history = this.#byKey.get(key) ?? this.#insert(key);
    const born = !history.live;
    history.put(main, sub);
    if (born) this.#adjustLive(key, 1);
    return history;
  }

  delete(history: KeyHistory, main: number, sub: number): void {
    assert(history.live, 'only a live key can be deleted');
    history.delete(main, sub);
    this.#adjustLive(history.key, -1);
  }

  /** Takes out a key without history. */
  remove(history: KeyHistory): void {
    assert(history.empty && !history.live, 'a key leaves the index only when nothing is known of it');
    const at = this.#chunkOf(history.key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    chunk.histories.splice(lowerBound(chunk.histories, history.key), 1);
    if (chunk.histories.length === 0) this.#chunks.splice(at, 1);
    this.#byKey.delete(history.key);
  }

  /** How many keys of the span are alive now. */
  count(span: KeySpan): number {
    if (span.to !== undefined && span.to <= span.from) return 0;
    let count = 0;
    for (let at = this.#chunkOf(span.from); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at];
      const first = chunk?.histories[0];
      const last = chunk?.histories[chunk.histories.length - 1];
      if (chunk === undefined || first === undefined || last === undefined) break;
      if (span.to !== undefined && first.key >= span.to) break;
      if (first.key >= span.from && (span.to === undefined || last.key < span.to)) {
        count += chunk.live;
      } else {
        const end = span.to === undefined ? chunk.histories.length : lowerBound(chunk.histories, span.to);
        count += countLive(chunk.histories, lowerBound(chunk.histories, span.from), end);
      }
    }
    return count;
  }

  /** In key order, deleted keys included, until `visit` answers false. `visit` must not add or remove keys. */
  visit(span: KeySpan, visit: (history: KeyHistory) => boolean): void {
    for (let at = this.#chunkOf(span.from); at < this.#chunks.length; at++) {
      const histories = this.#chunks[at]?.histories ?? [];
      const first = histories[0];
      for (
        let i = first !== undefined && first.key >= span.from ? 0 : lowerBound(histories, span.from);
        i < histories.length;
        i++
      ) {
        const history = histories[i];
        if (history === undefined || (span.to !== undefined && history.key >= span.to)) return;
        if (!visit(history)) return;
      }
    }
  }

  #insert(key: Key): KeyHistory {
    const history = new KeyHistory(key);
    this.#byKey.set(key, history);
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push({ histories: [history], live: 0 });
      return history;
    }
    const { histories } = chunk;
    const last = histories[histories.length - 1];
    if (last !== undefined && last.key < key) histories.push(history);
    else histories.splice(lowerBound(histories, key), 0, history);
    if (histories.length > chunkLengthMax) this.#split(at, chunk);
    return history;
  }

  #split(at: number, chunk: Chunk): void {
    // Keys that only grow fill the last chunk: splitting it in the middle would leave every chunk half empty.
    const growing = at === this.#chunks.length - 1;
    const cut = growing ? chunk.histories.length - 1 : chunk.histories.length >>> 1;
    const right = chunk.histories.splice(cut);
    const rightLive = countLive(right, 0, right.length);
    chunk.live -= rightLive;
    this.#chunks.splice(at + 1, 0, { histories: right, live: rightLive });
  }

  #adjustLive(key: Key, by: number): void {
    this.#live += by;
    const chunk = this.#chunks[this.#chunkOf(key)];
    if (chunk !== undefined) chunk.live += by;
  }

  /** The chunk that holds `key` or would: the last one that begins at or before it, or the first. */
  #chunkOf(key: Key): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#chunks[middle]?.histories[0];
      if (first !== undefined && first.key <= key) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : low - 1;
  }
}

/** The first place whose key is not below `key`. */
function lowerBound(histories: readonly KeyHistory[], key: Key): number {
  let low = 0;
  let high = histories.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const history = histories[middle];
    if (history !== undefined && history.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countLive(histories: readonly KeyHistory[], from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (histories[i]?.live === true) count++;
  return count;
}

/** The span that etcd's pair of key and range end means. */
export function spanOf(key: Key, rangeEnd: Key): KeySpan {
  if (rangeEnd === '') return { from: key, to: `${key}\0` };
  return { from: key, to: rangeEnd === '\0' ? undefined : rangeEnd };
}

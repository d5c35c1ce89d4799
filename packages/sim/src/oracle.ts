// The one history that all members must tell alike: what was applied anywhere, revision by revision, learned from whoever
// has it first and compared with whoever comes later. Linearizable reads, acknowledgements and watches are judged by it.

import { decodeKeyValue, type Key, type KeyValue, type Store } from '@kontiki/kv';
import { sameBytes } from './checkers/bytes.ts';
import type { ReportViolation } from './checkers/names.ts';

export interface Change {
  readonly revision: number;
  readonly type: 'put' | 'delete';
  readonly key: Key;
  /** The event as it goes to watchers. */
  readonly encoded: Uint8Array;
  /** Of a put: the pair as reads return it. */
  readonly kv: Uint8Array | undefined;
  readonly decoded: KeyValue | undefined;
  /** Of a delete: what was deleted. */
  readonly before: KeyValue | undefined;
}

/** What is asked of a store: its history, as far as it has kept it. */
export type TellingStore = Pick<Store, 'revision' | 'compactRevision' | 'eventsFrom'>;

export interface OracleHooks {
  readonly learned: (revision: number, changes: readonly Change[]) => void;
  readonly violation: ReportViolation;
}

const limits = { revisions: 500, bytes: 1_000_000 };
const deletionsWithin = 100;
/** A fresh store is at 1. */
const firstRevision = 2;

export class Oracle {
  readonly #hooks: OracleHooks;
  readonly #revisions: (readonly Change[])[] = [[], []];
  readonly #keys = new Map<Key, Change[]>();

  constructor(hooks: OracleHooks) {
    this.#hooks = hooks;
  }

  /** The newest revision that any member has applied. */
  get revision(): number {
    return this.#revisions.length - 1;
  }

  /** Compares what the member has from `from` on, and learns what is new. Answers from where to go on next time. */
  hear(who: string, store: TellingStore, from: number): number {
    let next = Math.max(from, firstRevision);
    while (next <= store.revision) {
      const told = store.eventsFrom(next, limits);
      if (told.kind === 'compacted') {
        if (told.compactRevision > this.revision) {
          this.#hooks.violation(
            'KnownLogOracle',
            `${who} has compacted ${told.compactRevision}, known are ${this.revision} revisions`,
          );
          return store.revision + 1;
        }
        next = told.compactRevision;
        continue;
      }
      for (const { revision, events } of told.revisions) {
        if (revision !== next) {
          this.#hooks.violation('KnownLogOracle', `${who} tells of revision ${revision} where ${next} comes next`);
          return store.revision + 1;
        }
        next = revision + 1;
        this.#take(who, revision, events);
      }
      if (told.revisions.length === 0) {
        this.#hooks.violation(
          'KnownLogOracle',
          `${who} is at revision ${store.revision} and has no events from ${next} on`,
        );
        return store.revision + 1;
      }
      next = told.next;
    }
    return next;
  }

  /** Compares what the member has left of the oldest revision that may be asked for: a compaction leaves it whole. */
  hearOldest(who: string, store: TellingStore): void {
    const { compactRevision } = store;
    if (compactRevision < firstRevision || compactRevision > this.revision) return;
    const told = store.eventsFrom(compactRevision, { revisions: 1, bytes: limits.bytes });
    if (told.kind === 'compacted') return;
    const events = told.revisions.find(({ revision }) => revision === compactRevision)?.events ?? [];
    this.#take(who, compactRevision, events);
  }

  /** The newest revision up to `revision`, and not long before it, that deletes something. */
  deletionBefore(revision: number): number | undefined {
    for (let at = revision; at > Math.max(1, revision - deletionsWithin); at -= 1) {
      if (this.changesOf(at).some(({ type }) => type === 'delete')) return at;
    }
    return undefined;
  }

  changesOf(revision: number): readonly Change[] {
    return this.#revisions[revision] ?? [];
  }

  /** What `key` was at a revision. */
  at(key: Key, revision: number): Change | undefined {
    const change = this.#lastChange(key, revision);
    return change?.type === 'put' ? change : undefined;
  }

  /** Everything in [from, end) at a revision, in the order of the keys. */
  range(from: Key, end: Key, revision: number): readonly Change[] {
    const found: Change[] = [];
    for (const key of this.#keys.keys()) {
      const change = key >= from && key < end ? this.at(key, revision) : undefined;
      if (change !== undefined) found.push(change);
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #take(
    who: string,
    revision: number,
    events: readonly { readonly type: 'put' | 'delete'; readonly key: Key; readonly encoded: Uint8Array }[],
  ): void {
    const known = this.#revisions[revision];
    if (known === undefined) {
      this.#learn(revision, events);
      return;
    }
    if (known.length !== events.length) {
      this.#hooks.violation(
        'KnownLogOracle',
        `${who} has ${events.length} changes at revision ${revision}, others have ${known.length}`,
      );
      return;
    }
    for (const [at, event] of events.entries()) {
      const other = known[at];
      if (other !== undefined && sameBytes(other.encoded, event.encoded)) continue;
      this.#hooks.violation(
        'KnownLogOracle',
        `${who} has another change of ${event.key} at revision ${revision} than others`,
      );
      return;
    }
  }

  #learn(
    revision: number,
    events: readonly { readonly type: 'put' | 'delete'; readonly key: Key; readonly encoded: Uint8Array }[],
  ): void {
    const changes = events.map(({ type, key, encoded }): Change => {
      const kv = type === 'put' ? pairOf(encoded) : undefined;
      const decoded = kv === undefined ? undefined : decodeKeyValue(kv);
      const before = type === 'put' ? undefined : this.at(key, revision - 1)?.decoded;
      return { revision, type, key, encoded: encoded.slice(), kv, decoded, before };
    });
    this.#revisions.push(changes);
    for (const change of changes) {
      const { decoded } = change;
      const last = this.#lastChange(change.key, revision - 1);
      const version = last?.type === 'put' ? (last.decoded?.version ?? 0) + 1 : 1;
      if (change.type === 'delete' && last?.type !== 'put') {
        this.#hooks.violation('KnownLogOracle', `revision ${revision} deletes ${change.key}, which was not there`);
      }
      if (decoded !== undefined && (decoded.version !== version || decoded.modRevision !== revision)) {
        this.#hooks.violation(
          'KnownLogOracle',
          `${change.key} has version ${decoded.version} at revision ${revision}, not ${version}`,
        );
      }
      const changesOfKey = this.#keys.get(change.key);
      if (changesOfKey === undefined) this.#keys.set(change.key, [change]);
      else changesOfKey.push(change);
    }
    this.#hooks.learned(revision, changes);
  }

  #lastChange(key: Key, revision: number): Change | undefined {
    const changes = this.#keys.get(key);
    if (changes === undefined) return undefined;
    let low = 0;
    let high = changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return changes[low - 1];
  }
}

/** The KeyValue inside an encoded event of a put: field 2, the only one. */
function pairOf(encoded: Uint8Array): Uint8Array {
  let at = 1;
  while ((encoded[at] ?? 0) >= 128) at += 1;
  return encoded.slice(at + 1);
}

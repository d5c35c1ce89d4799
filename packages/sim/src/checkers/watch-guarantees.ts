// The guarantees of etcd's watch, told apart: events come in order, once, without gaps, whole revisions at a time, and all
// of this also across a break. What should have come is known from the one history of the cluster.

import { sameBytes } from './bytes.ts';
import type { CheckerName, ReportViolation } from './names.ts';

/** One change of the history, or one event of a watch. */
export interface WatchedChange {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** The event as it goes to watchers. */
  readonly encoded: Uint8Array;
}

export interface WatchedEvent extends WatchedChange {
  readonly modRevision: number;
}

/** One watch over all keys, for all of its life, across whatever connections it had. */
export class WatchGuarantees {
  readonly #name: string;
  readonly #changesOf: (revision: number) => readonly WatchedChange[];
  readonly #report: ReportViolation;
  #through: number | undefined;
  #isFirstAfterBreak = false;

  constructor(name: string, changesOf: (revision: number) => readonly WatchedChange[], report: ReportViolation) {
    this.#name = name;
    this.#changesOf = changesOf;
    this.#report = report;
  }

  /** Everything up to here has been told. */
  get through(): number {
    return this.#through ?? 0;
  }

  /** The watch was created at `revision` and tells of everything after it. Only the first one counts. */
  created(revision: number): void {
    this.#through ??= revision;
  }

  /** The watch goes on with another connection. */
  resumed(): void {
    this.#isFirstAfterBreak = true;
  }

  /** Compaction was faster: the watch goes on at `compactRevision`. */
  overtaken(compactRevision: number): void {
    if (compactRevision <= this.through + 1) {
      this.#say('WatchResumable', `lost ${this.through + 1} to compaction ${compactRevision}`);
    }
    this.#through = Math.max(this.through, compactRevision - 1);
  }

  /** Nothing up to `revision` is left to be told. */
  progress(revision: number): void {
    this.#told(revision, [], `progress to ${revision}`);
  }

  /** One response of a store at `revision`. The history must be known up to the last event. */
  events(revision: number, events: readonly WatchedEvent[]): void {
    const last = events.at(-1)?.modRevision ?? this.through;
    if (revision < last) this.#say('WatchOrdered', `was told of ${last} by a store at ${revision}`);
    this.#told(last, events, undefined);
  }

  #told(last: number, events: readonly WatchedEvent[], claim: string | undefined): void {
    const before = this.through;
    if (last < before) this.#say(this.#broken('WatchOrdered'), `was told of ${last} after ${before}`);
    else if (this.#isInOrder(events)) this.#compare(before, last, events, claim);
    this.#through = last;
    this.#isFirstAfterBreak = false;
  }

  #isInOrder(events: readonly WatchedEvent[]): boolean {
    for (let at = 1; at < events.length; at += 1) {
      const [one, next] = [events[at - 1], events[at]];
      if (one === undefined || next === undefined || one.modRevision <= next.modRevision) continue;
      this.#say('WatchOrdered', `was told of revision ${next.modRevision} after ${one.modRevision}`);
      return false;
    }
    return true;
  }

  /** `events` must be all changes after `before` up to and with `last`. */
  #compare(before: number, last: number, events: readonly WatchedEvent[], claim: string | undefined): void {
    let at = 0;
    for (let next = before + 1; next <= last; next += 1) {
      for (const change of this.#changesOf(next)) {
        const event = events[at];
        if (event?.modRevision === next && sameBytes(event.encoded, change.encoded)) {
          at += 1;
          continue;
        }
        const what = `${change.type} ${change.key} of revision ${next}`;
        const instead = event === undefined ? (claim ?? 'nothing') : nameOf(event);
        this.#say(this.#kindOf(events, at, next, before), `was told ${instead} where ${what} comes`);
        return;
      }
    }
    const extra = events[at];
    if (extra !== undefined) this.#say(this.#broken('WatchUnique'), `was told ${nameOf(extra)} once more`);
  }

  /** Which guarantee is broken when `events[at]` is not the change of revision `wanted` that comes next. */
  #kindOf(events: readonly WatchedEvent[], at: number, wanted: number, before: number): CheckerName {
    const event = events[at];
    const last = events[at - 1];
    if (event !== undefined && event.modRevision <= before) return this.#broken('WatchUnique');
    if (event !== undefined && last !== undefined && sameBytes(event.encoded, last.encoded)) return 'WatchUnique';
    if (events.some(({ modRevision }) => modRevision === wanted)) return 'WatchAtomic';
    return this.#broken('WatchReliable');
  }

  /** What goes wrong right after a break is the fault of resuming. */
  #broken(usual: CheckerName): CheckerName {
    return this.#isFirstAfterBreak ? 'WatchResumable' : usual;
  }

  #say(checker: CheckerName, text: string): void {
    this.#report(checker, `${this.#name} ${text}`);
  }
}

function nameOf({ type, key, modRevision }: WatchedEvent): string {
  return `${type} ${key} of revision ${modRevision}`;
}

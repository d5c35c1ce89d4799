// Callers who wait for a change of the members to end: until the configuration that they asked for is committed and in force
// alone.
//
// A change is one entry, or two when voters change: C_old,new where the caller was told, and C_new behind it, appended by
// whoever leads then. No other configuration can stand between the two (thesis §4.3).

import type { Configuration, Entry, LogId, SnapshotMeta } from '../core/api.ts';
import { sameConfiguration } from '../core/configuration.ts';
import { NotLeaderError, OutcomeUnknownError } from './errors.ts';
import type { Completion } from './ports.ts';

interface Waiter {
  readonly at: LogId;
  readonly to: Configuration;
  readonly deadline: number;
  readonly done: Completion<Configuration>;
}

export class MembershipWaiters {
  #waiters: Waiter[] = [];

  /** `at` is where the first entry of the change stands, which is not yet applied. */
  add(at: LogId, to: Configuration, deadline: number, done: Completion<Configuration>): void {
    this.#waiters.push({ at, to, deadline, done });
  }

  /** The next entry is committed, and applied here. */
  applied(entry: Entry): void {
    if (this.#waiters.length === 0) return;
    for (const waiter of this.#waiters) {
      const { at, done } = waiter;
      if (entry.index === at.index && entry.term !== at.term) {
        const lost = `another leader put its own entry at ${at.index}: the change is lost`;
        this.#end(waiter, () => done({ kind: 'failed', error: new NotLeaderError(undefined, lost) }));
      } else if (
        entry.index >= at.index &&
        entry.kind === 'configuration' &&
        entry.configuration.outgoing.length === 0
      ) {
        this.#end(waiter, () => done({ kind: 'done', value: entry.configuration }));
      }
    }
  }

  /** A snapshot replaced everything up to its end. */
  restored({ last, configuration }: SnapshotMeta): void {
    for (const waiter of this.#waiters) {
      const { at, to, done } = waiter;
      if (at.index > last.index) continue;
      const isReached = sameConfiguration(configuration, to);
      const unknown = new OutcomeUnknownError(
        `a snapshot replaced entry ${at.index} before the change was known to end`,
      );
      this.#end(waiter, () => done(isReached ? { kind: 'done', value: to } : { kind: 'failed', error: unknown }));
    }
  }

  expire(now: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.deadline > now) continue;
      const late = new OutcomeUnknownError('the change was not committed in time; it may be later');
      this.#end(waiter, () => waiter.done({ kind: 'failed', error: late }));
    }
  }

  failAll(error: OutcomeUnknownError): void {
    for (const waiter of this.#waiters) this.#end(waiter, () => waiter.done({ kind: 'failed', error }));
  }

  #end(waiter: Waiter, answer: () => void): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    answer();
  }
}

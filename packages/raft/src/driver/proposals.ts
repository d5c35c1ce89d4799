// Callers who wait for the result of their command, keyed by the entry it stands in.
//
// An index is decided when an entry is applied there: the same term is ours (Log Matching, §5.3), any other term means
// that ours was overwritten and will never be applied. Losing leadership decides nothing: the entry may yet be committed
// by the next leader. A snapshot that jumps over the index decides it without telling us.

import type { Index, LogId } from '../core/api.ts';
import { NotLeaderError, OutcomeUnknownError } from './errors.ts';
import type { Completion } from './ports.ts';
import type { DriverRules } from './rules.ts';

interface Waiter<Result> {
  readonly at: LogId;
  readonly deadline: number;
  readonly done: Completion<Result>;
}

export interface ProposalCounts {
  readonly pending: number;
  readonly applied: number;
  readonly failed: number;
}

export class Proposals<Result> {
  readonly #rules: DriverRules;
  readonly #byIndex = new Map<Index, Waiter<Result>[]>();
  #pending = 0;
  #applied = 0;
  #failed = 0;
  /** No waiter's time runs out before this tick. */
  #earliest = Number.POSITIVE_INFINITY;

  constructor(rules: DriverRules) {
    this.#rules = rules;
  }

  get counts(): ProposalCounts {
    return { pending: this.#pending, applied: this.#applied, failed: this.#failed };
  }

  get pending(): number {
    return this.#pending;
  }

  add(at: LogId, deadline: number, done: Completion<Result>): void {
    const waiter = { at, deadline, done };
    const others = this.#byIndex.get(at.index);
    if (others === undefined) this.#byIndex.set(at.index, [waiter]);
    else others.push(waiter);
    this.#pending += 1;
    this.#earliest = Math.min(this.#earliest, deadline);
  }

  /** A command was applied, and this is its result. */
  applied(at: LogId, result: Result): void {
    for (const waiter of this.#take(at.index)) {
      if (!this.#rules.isAwaited(waiter.at, at)) {
        this.#overwritten(waiter);
        continue;
      }
      this.#applied += 1;
      waiter.done({ kind: 'done', value: result });
    }
  }

  /** Something that is not a command was applied here: a waiter for this index has lost it to another leader. */
  passed(index: Index): void {
    for (const waiter of this.#take(index)) this.#overwritten(waiter);
  }

  /** A snapshot replaced everything up to here. */
  jumped(through: Index): void {
    const indexes = [...this.#byIndex.keys()].filter((index) => index <= through).sort((a, b) => a - b);
    for (const index of indexes) {
      for (const waiter of this.#take(index)) {
        this.#giveUp(
          waiter,
          'jumped',
          new OutcomeUnknownError(`a snapshot replaced entry ${index} before its result was known`),
        );
      }
    }
  }

  expire(now: number): void {
    if (now < this.#earliest) return;
    this.#earliest = Number.POSITIVE_INFINITY;
    const due: Waiter<Result>[] = [];
    for (const [index, waiters] of this.#byIndex) {
      const left = waiters.filter((waiter) => waiter.deadline > now);
      due.push(...waiters.filter((waiter) => waiter.deadline <= now));
      if (left.length === 0) this.#byIndex.delete(index);
      else this.#byIndex.set(index, left);
      for (const waiter of left) this.#earliest = Math.min(this.#earliest, waiter.deadline);
    }
    this.#pending -= due.length;
    for (const waiter of due) {
      this.#giveUp(
        waiter,
        'late',
        new OutcomeUnknownError(`entry ${waiter.at.index} was not committed in time; it may be later`),
      );
    }
  }

  failAll(error: OutcomeUnknownError): void {
    const waiters = [...this.#byIndex.values()].flat();
    this.#byIndex.clear();
    this.#pending = 0;
    for (const waiter of waiters) this.#giveUp(waiter, 'stopped', error);
  }

  #take(index: Index): readonly Waiter<Result>[] {
    const waiters = this.#byIndex.get(index);
    if (waiters === undefined) return [];
    this.#byIndex.delete(index);
    this.#pending -= waiters.length;
    return waiters;
  }

  #overwritten(waiter: Waiter<Result>): void {
    const { index } = waiter.at;
    this.#fail(waiter, new NotLeaderError(undefined, `another leader put its own entry at ${index}: this one is lost`));
  }

  /** Nobody knows what becomes of it. */
  #giveUp(waiter: Waiter<Result>, fate: Parameters<DriverRules['isHarmless']>[0], error: OutcomeUnknownError): void {
    if (this.#rules.isHarmless(fate)) this.#overwritten(waiter);
    else this.#fail(waiter, error);
  }

  #fail(waiter: Waiter<Result>, error: Error): void {
    this.#failed += 1;
    waiter.done({ kind: 'failed', error });
  }
}

// Reads in the order of their strength: which question is put to the core first, which waits for a session, which is asked
// at once, and what the state machine then answers. Whether the core confirms a read is its own affair.

import type { Index, Input, Ready, Verdict } from '../core/api.ts';
import { unreachable } from '../core/assert.ts';
import type { ReadOptions } from './driver-api.ts';
import { asError, OverloadedError, UnsupportedError } from './errors.ts';
import type { Completion, Outcome, Ticker } from './ports.ts';
import { ReadSession } from './read-session.ts';
import { type ReadMode, Reads } from './reads.ts';
import type { DriverRules } from './rules.ts';
import { SessionReads } from './session-reads.ts';
import type { DriverSettings } from './settings.ts';

export interface ReadingParts<Query, Answer> {
  readonly boot: number;
  readonly settings: DriverSettings;
  readonly rules: DriverRules;
  readonly ticker: Ticker;
  /** The state machine's answer. */
  readonly query: (query: Query) => Answer;
  /** How far the state machine is at the start. */
  readonly applied: Index;
  readonly isRestoring: () => boolean;
  readonly step: (input: Input) => Verdict;
  /** Sees to it that a turn comes, at the end of which reads are put to the core. */
  readonly schedule: () => void;
  readonly now: () => number;
  /** What is answered once the node has stopped. */
  readonly stopped: () => Error | undefined;
}

export class Reading<Query, Answer> {
  readonly #parts: ReadingParts<Query, Answer>;
  readonly #reads: Reads;
  readonly #sessionReads: SessionReads;
  /** How far the state machine is. */
  #applied: Index;

  constructor(parts: ReadingParts<Query, Answer>) {
    const { step, boot, settings, rules, applied } = parts;
    this.#parts = parts;
    this.#reads = new Reads(step, boot, settings.pendingReads, rules);
    this.#sessionReads = new SessionReads(settings.pendingReads, rules);
    this.#applied = applied;
  }

  get pending(): number {
    return this.#reads.pending + this.#sessionReads.pending;
  }

  read(query: Query, options: ReadOptions, done: Completion<Answer>): void {
    const { consistency = 'linearizable', timeoutTicks, session } = options;
    const { settings, ticker } = this.#parts;
    const answer = (outcome: Outcome<unknown>): void => {
      if (outcome.kind === 'failed') done(outcome);
      else this.#query(query, session, timeoutTicks, done);
    };
    const later = (outcome: Outcome<undefined>): void => ticker.defer(() => answer(outcome));
    switch (consistency) {
      case 'linearizable':
        this.confirm('readIndex', timeoutTicks, answer);
        return;
      case 'lease':
        if (settings.leaseReads !== undefined) this.confirm('lease', timeoutTicks, answer);
        else later(failedWith(leaseReadsAreOff()));
        return;
      case 'session':
        if (session === undefined)
          later(failedWith(new TypeError("a read with consistency 'session' needs a session")));
        else this.#query(query, session, timeoutTicks, done);
        return;
      case 'stale': {
        const stopped = this.#parts.stopped();
        later(stopped === undefined ? { kind: 'done', value: undefined } : failedWith(stopped));
        return;
      }
      default:
        unreachable(consistency);
    }
  }

  /** Answers once this node has applied everything that was acknowledged anywhere before the call. */
  confirm(mode: ReadMode, timeoutTicks: number | undefined, done: Completion<Index>): void {
    const { ticker, schedule } = this.#parts;
    const later = (error: Error): void => ticker.defer(() => done(failedWith(error)));
    const stopped = this.#parts.stopped();
    if (stopped !== undefined) later(stopped);
    else if (this.#reads.add(mode, this.#deadline(timeoutTicks), done)) schedule();
    else later(new OverloadedError(`${this.#reads.pending} reads wait already`));
  }

  /** At the end of a turn, before `ready`. */
  ask(): void {
    this.#reads.ask();
  }

  /** What the core says of reads that were put to it. */
  settle(reads: Ready['reads']): void {
    this.#reads.settle(reads);
  }

  /** The state machine has applied everything through `through`. */
  applied(through: Index): void {
    this.#applied = through;
    this.#sessionReads.serve(through);
  }

  tick(): void {
    const now = this.#parts.now();
    this.#reads.retry(now);
    this.#sessionReads.expire(now);
  }

  /** There is another leader: what had none is put to the core again. */
  leaderChanged(): void {
    if (this.#reads.retry(this.#parts.now())) this.#parts.schedule();
  }

  failAll(error: Error): void {
    this.#reads.failAll(error);
    this.#sessionReads.failAll(error);
  }

  #deadline(timeoutTicks: number | undefined): number {
    return this.#parts.now() + (timeoutTicks ?? this.#parts.settings.timeoutTicks);
  }

  /**
   * Never of a state that a snapshot is just replacing. With a session, only of one that has all that the session has seen,
   * and the session has then seen it.
   */
  #query(
    query: Query,
    session: ReadSession | undefined,
    timeoutTicks: number | undefined,
    done: Completion<Answer>,
  ): void {
    const { isRestoring, rules, ticker } = this.#parts;
    if (session === undefined && !isRestoring()) {
      done(this.#answer(query));
      return;
    }
    const reader = session ?? new ReadSession();
    const answer = (outcome: Outcome<Index>): void => {
      if (outcome.kind === 'failed') {
        done(outcome);
        return;
      }
      reader.saw(outcome.value);
      done(this.#answer(query));
    };
    ticker.defer(() => {
      const stopped = this.#parts.stopped();
      if (stopped !== undefined) answer(failedWith(stopped));
      else if (!isRestoring() && rules.servesSession(this.#applied, reader.index)) {
        answer({ kind: 'done', value: this.#applied });
      } else if (!this.#sessionReads.add(reader, this.#deadline(timeoutTicks), answer)) {
        answer(failedWith(new OverloadedError(`${this.#sessionReads.pending} reads wait already`)));
      }
    });
  }

  /** A question changes nothing, so a machine that cannot answer it is not broken: the asker is told. */
  #answer(query: Query): Outcome<Answer> {
    try {
      return { kind: 'done', value: this.#parts.query(query) };
    } catch (error: unknown) {
      return failedWith(asError(error));
    }
  }
}

function leaseReadsAreOff(): UnsupportedError {
  return new UnsupportedError(
    "reads with consistency 'lease' are off: set settings.leaseReads to the clock drift that they may rely on, on all members",
  );
}

function failedWith(error: Error): { readonly kind: 'failed'; readonly error: Error } {
  return { kind: 'failed', error };
}

// Readers who wait until this member has applied what their session has seen. They ask nobody: the entries are on their way
// already, because somebody has seen them committed.

import type { Index } from '../core/api.ts';
import { UnavailableError } from './errors.ts';
import type { Completion } from './ports.ts';
import type { ReadSession } from './read-session.ts';
import type { DriverRules } from './rules.ts';

interface Reader {
  readonly session: ReadSession;
  readonly deadline: number;
  readonly done: Completion<Index>;
}

export class SessionReads {
  readonly #pendingMax: number;
  readonly #rules: DriverRules;
  #readers: Reader[] = [];

  constructor(pendingMax: number, rules: DriverRules) {
    this.#pendingMax = pendingMax;
    this.#rules = rules;
  }

  get pending(): number {
    return this.#readers.length;
  }

  /** `false`: too many wait already. */
  add(session: ReadSession, deadline: number, done: Completion<Index>): boolean {
    if (this.#readers.length >= this.#pendingMax) return false;
    this.#readers.push({ session, deadline, done });
    return true;
  }

  /** The state machine has applied everything through `applied`. */
  serve(applied: Index): void {
    for (const { done } of this.#take(({ session }) => this.#rules.servesSession(applied, session.index))) {
      done({ kind: 'done', value: applied });
    }
  }

  expire(now: number): void {
    for (const { session, done } of this.#take(({ deadline }) => deadline <= now)) {
      const error = new UnavailableError(`this member did not come to entry ${session.index} in time`);
      done({ kind: 'failed', error });
    }
  }

  failAll(error: Error): void {
    for (const { done } of this.#take(() => true)) done({ kind: 'failed', error });
  }

  #take(isOver: (reader: Reader) => boolean): readonly Reader[] {
    if (this.#readers.length === 0) return [];
    const over: Reader[] = [];
    const left: Reader[] = [];
    for (const reader of this.#readers) (isOver(reader) ? over : left).push(reader);
    this.#readers = left;
    return over;
  }
}

// Callbacks read as a straight line: a generator that yields operations and is resumed by their completions. It adds no
// turn of its own, so the order of events stays the scheduler's.

import type { Completion, Done, Outcome } from '@kontiki/raft';
import { assert } from './errors.ts';

export type Operation = (resume: () => void) => void;
/** Steps towards a T. Run by `run`, used within another by `yield*`. */
export type Sequence<T> = Generator<Operation, T, void>;

/** One operation with a value, as a step. Throws what it failed with. */
export function* take<T>(start: (completion: Completion<T>) => void): Sequence<T> {
  const answer: { outcome?: Outcome<T> } = {};
  yield (resume) =>
    start((outcome) => {
      assert(answer.outcome === undefined, 'an operation completes once');
      answer.outcome = outcome;
      resume();
    });
  const { outcome } = answer;
  assert(outcome !== undefined, 'a step is resumed by its completion');
  if (outcome.kind === 'failed') throw outcome.error;
  return outcome.value;
}

/** One operation without a value, as a step. */
export function* call(start: (done: Done) => void): Sequence<void> {
  yield* take<undefined>((completion) =>
    start((error) => completion(error === undefined ? { kind: 'done', value: undefined } : { kind: 'failed', error })),
  );
}

/** Runs the steps to their end. The body must have at least one operation, or the completion comes too early. */
export function run<T>(body: Sequence<T>, completion: Completion<T>): void {
  const advance = (): void => {
    let step: IteratorResult<Operation, T>;
    try {
      step = body.next();
    } catch (error: unknown) {
      completion({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
      return;
    }
    if (step.done === true) completion({ kind: 'done', value: step.value });
    else step.value(advance);
  };
  advance();
}

/** The other direction: a completion out of a `Done`. */
export function completing(done: Done): Completion<unknown> {
  return (outcome) => done(outcome.kind === 'failed' ? outcome.error : undefined);
}

// The calls of the clients of one test, in the order in which they began and were answered, and the verdict on them. A search
// that ran out of its budget counts as a failure.

import { checkLinearizability } from '../../linearizability/checker.ts';
import type { History, Model, Operation } from '../../linearizability/model.ts';
import type { Body } from '../threads.ts';

interface Entry<Input, Output> {
  readonly client: string;
  readonly input: Input;
  readonly began: number;
  answer: Operation<Input, Output>['answer'];
}

export class KvHistory<State, Input, Output> {
  readonly #modelOf: (history: History<Input, Output>) => Model<State, Input, Output>;
  readonly #entries: Entry<Input, Output>[] = [];
  /** Threads take turns, so the order of events is time enough, and finer than milliseconds. */
  #clock = 0;

  /** The specification may use the history to guess the order, never to judge it. */
  constructor(modelOf: (history: History<Input, Output>) => Model<State, Input, Output>) {
    this.#modelOf = modelOf;
  }

  /** Calls so far. */
  get length(): number {
    return this.#entries.length;
  }

  /** The call itself, written down. */
  *call<T>(client: string, input: Input, body: Body<T>, outputOf: (result: T) => Output): Body<T> {
    const entry: Entry<Input, Output> = { client, input, began: this.#tick(), answer: undefined };
    this.#entries.push(entry);
    const result = yield* body;
    entry.answer = { at: this.#tick(), output: outputOf(result) };
    return result;
  }

  /** Throws unless there is an order of the calls that explains every answer. */
  check(): void {
    const verdict = checkLinearizability(this.#modelOf(this.#entries), this.#entries);
    if (verdict.kind !== 'linearizable') throw new Error(`not linearizable: ${verdict.text}`);
  }

  #tick(): number {
    this.#clock += 1;
    return this.#clock;
  }
}

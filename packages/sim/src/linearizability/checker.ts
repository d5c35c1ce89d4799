// Is there an order of the calls that explains every answer? Wing and Gong's search with Lowe's cache: calls that no
// unplaced call precedes are tried one after the other; what was placed, together with the state it led to, is never tried
// twice. Deciding it is NP-complete (Gibbons and Korach), so the search has a budget, and a search that ran out of it is
// *not* an answer: whoever asks must take it for a failure.
//
// Limits: up to about 10 clients at a time on one part of the history, any number of parts; with 5,000 calls on one part
// some per cent may be without an answer. Beyond that, expect `undecided`.
//
// Three things keep the search small. A call that leaves the state as it is, answer and all, is placed as soon as it can
// be, without looking back: whatever order of the others is found later, it fits at the front. Calls without an answer are
// tried only where none with an answer will do. And one of these that changes nothing is never placed.

import { describeFailure } from './describe.ts';
import type { History, Model, Operation } from './model.ts';
import { PlacedSet } from './placed-set.ts';

export interface Budget {
  /** How often the model may be asked, for the whole history. */
  readonly steps: number;
  /** How many pairs of placed calls and state are remembered, for one part. */
  readonly cached: number;
}

export const defaultBudget: Budget = { steps: 5_000_000, cached: 1_000_000 };

export interface Effort {
  readonly operations: number;
  readonly parts: number;
  readonly steps: number;
  /** Of all parts together. */
  readonly cached: number;
}

export type Verdict =
  | { readonly kind: 'linearizable'; readonly effort: Effort }
  /** `text` shows how far an order can be found, and which calls fit nowhere. */
  | { readonly kind: 'illegal'; readonly effort: Effort; readonly part: string; readonly text: string }
  /** The budget ran out: nothing was shown, which is a failure. */
  | { readonly kind: 'undecided'; readonly effort: Effort; readonly part: string; readonly text: string };

export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
  budget: Budget = defaultBudget,
): Verdict {
  const parts = partsOf(model, history);
  let steps = 0;
  let cached = 0;
  const effort = (): Effort => ({ operations: history.length, parts: parts.size, steps, cached });
  for (const [part, operations] of parts) {
    const search = new Search(model, operations, { ...budget, steps: budget.steps - steps });
    const found = search.run();
    steps += search.steps;
    cached += search.cached;
    if (found === 'linearizable') continue;
    const where = part === '' ? '' : `${part}: `;
    if (found === 'undecided') {
      const text = `${where}undecided after ${steps} steps with ${search.cached} states kept, for ${operations.length} calls`;
      return { kind: 'undecided', effort: effort(), part, text };
    }
    return { kind: 'illegal', effort: effort(), part, text: `${where}${describeFailure(model, search.furthest)}` };
  }
  return { kind: 'linearizable', effort: effort() };
}

function partsOf<Input, Output>(
  model: { partOf?(input: Input): string },
  history: History<Input, Output>,
): ReadonlyMap<string, readonly Operation<Input, Output>[]> {
  const parts = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const part = model.partOf?.(operation.input) ?? '';
    const operations = parts.get(part);
    if (operations === undefined) parts.set(part, [operation]);
    else operations.push(operation);
  }
  return parts;
}

/** How far an order was found, and what could have come next. */
export interface Furthest<State, Input, Output> {
  readonly placed: readonly Operation<Input, Output>[];
  readonly state: State;
  /** Every one of them is impossible there, or leads nowhere. */
  readonly next: readonly Operation<Input, Output>[];
}

/** The beginning or the answer of a call that has one, in a list from which placed calls are taken out and put back. */
interface Event {
  readonly call: number;
  readonly isAnswer: boolean;
  readonly at: number;
  before: Event | undefined;
  after: Event | undefined;
}

/** A call that was placed, and what else could be tried in its stead. */
interface Placement<State> {
  readonly event: Event | undefined;
  readonly call: number;
  readonly state: State;
  readonly successors: readonly State[];
  readonly successor: number;
  /** Nothing need be tried in its stead. */
  readonly isFree: boolean;
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #budget: Budget;
  /** With an answer, in the order in which they began; then those without one, in that order. */
  readonly #calls: readonly Operation<Input, Output>[];
  readonly #answered: number;
  readonly #head: Event = { call: -1, isAnswer: false, at: 0, before: undefined, after: undefined };
  readonly #answers: Event[] = [];
  readonly #placed: PlacedSet;
  readonly #seen = new Set<string>();
  readonly #stack: Placement<State>[] = [];
  readonly #stateIds = new Map<string, number>();
  #open: number;
  #furthest: Furthest<State, Input, Output>;
  steps = 0;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[], budget: Budget) {
    this.#model = model;
    this.#budget = budget;
    const byBeginning = operations.toSorted((a, b) => a.began - b.began);
    const answered = byBeginning.filter(({ answer }) => answer !== undefined);
    this.#calls = [...answered, ...byBeginning.filter(({ answer }) => answer === undefined)];
    this.#answered = answered.length;
    this.#open = answered.length;
    this.#placed = new PlacedSet(answered.length, operations.length - answered.length);
    this.#furthest = { placed: [], state: model.initial, next: [] };
    this.#link();
  }

  get cached(): number {
    return this.#seen.size;
  }

  get furthest(): Furthest<State, Input, Output> {
    return this.#furthest;
  }

  run(): 'linearizable' | 'illegal' | 'undecided' {
    let state = this.#model.initial;
    let event = this.#head.after;
    /** Which call without an answer is tried next; those with one come first. */
    let loose = -1;
    while (this.#open > 0) {
      if (this.steps > this.#budget.steps || this.#seen.size > this.#budget.cached) return 'undecided';
      let placed: Placement<State> | undefined;
      if (loose < 0) {
        if (event === undefined || event.isAnswer) {
          loose = this.#answered;
          continue;
        }
        placed = this.#place(state, event.call, event);
        event = event.after;
      } else if (loose < this.#calls.length && this.#mayPlace(loose)) {
        placed = this.#placed.has(loose) ? undefined : this.#place(state, loose, undefined);
        loose += 1;
      } else {
        const back = this.#back(state);
        if (back === undefined) return 'illegal';
        ({ state, event, loose } = back);
        const { retry } = back;
        if (retry !== undefined) placed = this.#enter(retry);
      }
      if (placed === undefined) continue;
      state = placed.successors[placed.successor] ?? state;
      event = this.#head.after;
      loose = -1;
    }
    return 'linearizable';
  }

  /** Tries one call in this state. Answers nothing when it is impossible, or was tried before. */
  #place(state: State, call: number, event: Event | undefined): Placement<State> | undefined {
    const operation = this.#calls[call];
    if (operation === undefined) return undefined;
    this.steps += 1;
    const all = this.#model.step(state, operation.input, operation.answer?.output);
    const successors = event === undefined ? all.filter((next) => next !== state) : all;
    if (successors.length === 0) return undefined;
    const isFree = successors.length === 1 && successors[0] === state;
    return this.#enter({ event, call, state, successors, successor: 0, isFree });
  }

  /** Places the call with the first successor from here on that leads to something new. */
  #enter(from: Placement<State>): Placement<State> | undefined {
    this.#placed.add(from.call);
    for (let successor = from.successor; successor < from.successors.length; successor += 1) {
      const state = from.successors[successor];
      if (state === undefined) break;
      const key = `${this.#placed.key()} ${this.#idOf(state)}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      const placement = { ...from, successor };
      this.#stack.push(placement);
      if (from.event !== undefined) {
        this.#open -= 1;
        this.#lift(from.event);
      }
      return placement;
    }
    this.#placed.delete(from.call);
    return undefined;
  }

  /** Takes back the last call for which there is something else to try. */
  #back(state: State):
    | {
        readonly state: State;
        readonly event: Event | undefined;
        readonly loose: number;
        readonly retry: Placement<State> | undefined;
      }
    | undefined {
    if (this.#stack.length >= this.#furthest.placed.length) this.#note(state);
    let last = this.#stack.pop();
    while (last !== undefined) {
      this.#placed.delete(last.call);
      if (last.event !== undefined) {
        this.#open += 1;
        this.#unlift(last.event);
      }
      if (!last.isFree) break;
      last = this.#stack.pop();
    }
    if (last === undefined) return undefined;
    const { event, call, successor, successors } = last;
    const retry = successor + 1 < successors.length ? { ...last, successor: successor + 1 } : undefined;
    const loose = event === undefined ? call + 1 : -1;
    return { state: last.state, event: event?.after, loose, retry };
  }

  /** A call without an answer may be placed unless a call has to come first that is not placed. */
  #mayPlace(call: number): boolean {
    const first = this.#firstAnswer();
    return first === undefined || (this.#calls[call]?.began ?? 0) <= first.at;
  }

  #firstAnswer(): Event | undefined {
    let event = this.#head.after;
    while (event !== undefined && !event.isAnswer) event = event.after;
    return event;
  }

  #note(state: State): void {
    const placed = this.#stack.flatMap(({ call }) => this.#calls[call] ?? []);
    const next: Operation<Input, Output>[] = [];
    for (let event = this.#head.after; event !== undefined && !event.isAnswer; event = event.after) {
      const operation = this.#calls[event.call];
      if (operation !== undefined) next.push(operation);
    }
    this.#furthest = { placed, state, next };
  }

  #idOf(state: State): number {
    const key = this.#model.keyOf(state);
    const known = this.#stateIds.get(key);
    if (known !== undefined) return known;
    this.#stateIds.set(key, this.#stateIds.size);
    return this.#stateIds.size - 1;
  }

  #link(): void {
    const events: Event[] = [];
    for (let call = 0; call < this.#answered; call += 1) {
      const { began = 0, answer } = this.#calls[call] ?? {};
      if (answer !== undefined && answer.at < began) {
        throw new RangeError(`a call that began at ${began} was answered before, at ${answer.at}`);
      }
      const answered: Event = { call, isAnswer: true, at: answer?.at ?? 0, before: undefined, after: undefined };
      this.#answers.push(answered);
      events.push({ call, isAnswer: false, at: began, before: undefined, after: undefined }, answered);
    }
    events.sort((a, b) => a.at - b.at || Number(a.isAnswer) - Number(b.isAnswer) || a.call - b.call);
    let last = this.#head;
    for (const event of events) {
      last.after = event;
      event.before = last;
      last = event;
    }
  }

  #lift(event: Event): void {
    for (const one of [event, this.#answers[event.call]]) {
      if (one?.before !== undefined) one.before.after = one.after;
      if (one?.after !== undefined) one.after.before = one.before;
    }
  }

  /** In the order opposite to that of `lift`, so that the two events find their neighbours again. */
  #unlift(event: Event): void {
    for (const one of [this.#answers[event.call], event]) {
      if (one?.before !== undefined) one.before.after = one;
      if (one?.after !== undefined) one.after.before = one;
    }
  }
}

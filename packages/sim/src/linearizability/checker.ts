// Is there an order of the calls that explains every answer? Wing and Gong's search with Lowe's cache: calls that no
// unplaced call precedes are tried one after the other; what was placed, together with the state it led to, is never tried
// twice. Deciding it is NP-complete (Gibbons and Korach), so the search has a budget, and a search that ran out of it is
// *not* an answer: whoever asks must take it for a failure.
//
// Limits: up to about 10 clients at a time on one part of the history, any number of parts; with 5,000 calls on one part
// some per cent may be without an answer. Beyond that, expect `undecided`.
//
// Three things keep the search small. A read that fits is placed at once, without looking back: whatever order of the
// others is found later, it fits at the front. Calls without an answer are
// tried only where none with an answer will do. And one of these whose effect the next call neither sees nor leaves is not
// placed: without it, the same is reached, and it may still come later.

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

/** Where the search is: after some calls, with these to be tried next. */
interface Place<State> {
  readonly state: State;
  readonly calls: number[];
  next: number;
  hasLoose: boolean;
}

/** A call that was placed. */
interface Step<State> {
  readonly from: Place<State>;
  readonly call: number;
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
  readonly #beginnings: Event[] = [];
  readonly #answers: Event[] = [];
  readonly #placed: PlacedSet;
  readonly #seen = new Set<string>();
  readonly #steps: Step<State>[] = [];
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
    let place = this.#placeAt(this.#model.initial);
    while (this.#open > 0) {
      if (this.steps > this.#budget.steps || this.#seen.size > this.#budget.cached) return 'undecided';
      let step = this.#advance(place);
      if (step === undefined) {
        const back = this.#back(place.state);
        if (back === undefined) return 'illegal';
        place = back.from;
        step = this.#enter({ ...back, successor: back.successor + 1 });
      }
      // A state may well be `undefined`.
      if (step !== undefined) place = this.#placeAt(step.successors[step.successor] as State);
    }
    return 'linearizable';
  }

  /** The calls with an answer that may come next: no call that has to come first is left. */
  #placeAt(state: State): Place<State> {
    return { state, calls: this.#minimal(), next: 0, hasLoose: false };
  }

  #minimal(): number[] {
    const calls: number[] = [];
    for (let event = this.#head.after; event !== undefined && !event.isAnswer; event = event.after) {
      calls.push(event.call);
    }
    const rank = this.#model.rank?.bind(this.#model);
    if (rank === undefined || calls.length < 2) return calls;
    const rankOf = (call: number): number => {
      const { input, answer } = this.#calls[call] ?? {};
      return input === undefined || answer === undefined ? 0 : rank(input, answer.output);
    };
    return calls.sort((a, b) => rankOf(a) - rankOf(b) || a - b);
  }

  /** Tries the next calls of this place until one can be placed. */
  #advance(place: Place<State>): Step<State> | undefined {
    for (;;) {
      if (place.next === place.calls.length && !place.hasLoose) {
        place.hasLoose = true;
        place.calls.push(...this.#loose());
      }
      const call = place.calls[place.next];
      if (call === undefined) return undefined;
      place.next += 1;
      const step = this.#try(place, call);
      if (step !== undefined) return step;
    }
  }

  /** Calls without an answer that may come next. */
  #loose(): readonly number[] {
    let first = this.#head.after;
    while (first !== undefined && !first.isAnswer) first = first.after;
    const calls: number[] = [];
    for (let call = this.#answered; call < this.#calls.length; call += 1) {
      if (first !== undefined && (this.#calls[call]?.began ?? 0) > first.at) break;
      if (!this.#placed.has(call)) calls.push(call);
    }
    return calls;
  }

  #try(from: Place<State>, call: number): Step<State> | undefined {
    const operation = this.#calls[call];
    if (operation === undefined) return undefined;
    const { input, answer } = operation;
    const { state } = from;
    this.steps += 1;
    const all = this.#model.step(state, input, answer?.output);
    const useful = answer === undefined ? all.filter((next) => next !== state) : all;
    const successors = useful.length === 0 ? useful : this.#notWithout(useful, operation);
    if (successors.length === 0) return undefined;
    const isRead = answer !== undefined && this.#model.isRead(input, answer.output);
    const isFree = isRead && successors.length === 1 && successors[0] === state;
    return this.#enter({ from, call, successors, successor: 0, isFree });
  }

  /** Without the states to which the call leads as well if the one before it, which has no answer, never happens. */
  #notWithout(states: readonly State[], { input, answer }: Operation<Input, Output>): readonly State[] {
    const last = this.#steps.at(-1);
    if (last === undefined || last.call < this.#answered) return states;
    this.steps += 1;
    const without = this.#model.step(last.from.state, input, answer?.output).map((state) => this.#idOf(state));
    return without.length === 0 ? states : states.filter((state) => !without.includes(this.#idOf(state)));
  }

  /** Places the call with the first successor from here on that leads to something new. */
  #enter(step: Step<State>): Step<State> | undefined {
    const { call, successors } = step;
    this.#placed.add(call);
    this.#lift(call);
    for (let successor = step.successor; successor < successors.length; successor += 1) {
      const state = successors[successor] as State;
      const key = `${this.#placed.key()} ${this.#idOf(state)}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      if (this.#isHopeless(state)) continue;
      const entered = { ...step, successor };
      this.#steps.push(entered);
      return entered;
    }
    this.#unlift(call);
    this.#placed.delete(call);
    return undefined;
  }

  /** Whether a call that has to come soon can come no more. */
  #isHopeless(state: State): boolean {
    const isTooLate = this.#model.isTooLate?.bind(this.#model);
    if (isTooLate === undefined) return false;
    for (let event = this.#head.after; event !== undefined && !event.isAnswer; event = event.after) {
      const { input, answer } = this.#calls[event.call] ?? {};
      if (input !== undefined && answer !== undefined && isTooLate(state, input, answer.output)) return true;
    }
    return false;
  }

  /** Takes back calls up to and with the last one in whose stead something else could be tried. */
  #back(state: State): Step<State> | undefined {
    if (this.#steps.length >= this.#furthest.placed.length) this.#note(state);
    let last = this.#steps.pop();
    while (last !== undefined) {
      this.#unlift(last.call);
      this.#placed.delete(last.call);
      if (!last.isFree) return last;
      last = this.#steps.pop();
    }
    return undefined;
  }

  #note(state: State): void {
    const placed = this.#steps.flatMap(({ call }) => this.#calls[call] ?? []);
    const next = this.#minimal().flatMap((call) => this.#calls[call] ?? []);
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
      const beginning: Event = { call, isAnswer: false, at: began, before: undefined, after: undefined };
      const answered: Event = { call, isAnswer: true, at: answer?.at ?? 0, before: undefined, after: undefined };
      this.#beginnings.push(beginning);
      this.#answers.push(answered);
      events.push(beginning, answered);
    }
    events.sort((a, b) => a.at - b.at || Number(a.isAnswer) - Number(b.isAnswer) || a.call - b.call);
    let last = this.#head;
    for (const event of events) {
      last.after = event;
      event.before = last;
      last = event;
    }
  }

  #lift(call: number): void {
    if (call >= this.#answered) return;
    this.#open -= 1;
    for (const event of [this.#beginnings[call], this.#answers[call]]) {
      if (event?.before !== undefined) event.before.after = event.after;
      if (event?.after !== undefined) event.after.before = event.before;
    }
  }

  /** In the order opposite to that of `lift`, so that the two events find their neighbours again. */
  #unlift(call: number): void {
    if (call >= this.#answered) return;
    this.#open += 1;
    for (const event of [this.#answers[call], this.#beginnings[call]]) {
      if (event?.before !== undefined) event.before.after = event;
      if (event?.after !== undefined) event.after.before = event;
    }
  }
}

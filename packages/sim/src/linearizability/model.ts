// What a history is, and what a sequential specification of the service says about it. Herlihy and Wing: a history is
// linearizable if each call can be given one moment between its beginning and its answer, so that the calls in the order
// of these moments are a run of the specification.

/** One call of one client, as seen from outside. */
export interface Operation<Input, Output> {
  readonly client: string;
  readonly input: Input;
  /** When it began. Any clock will do that all clients share; what happens at one time counts as concurrent. */
  readonly began: number;
  /** `undefined`: no answer came. It may have happened at any time after it began, or it never does. */
  readonly answer: { readonly at: number; readonly output: Output } | undefined;
}

/** In any order. Calls that certainly had no effect are left out. */
export type History<Input, Output> = readonly Operation<Input, Output>[];

/** A specification. States are values: a step makes a new one, or gives back the very same when nothing changes. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** What may be judged apart, because no call touches two parts (Herlihy and Wing: linearizability is local). */
  partOf?(input: Input): string;
  /**
   * The states that the call can lead to when it is answered with `output`; none when it cannot be answered so. Without
   * an answer, anything that the service may do.
   */
  step(state: State, input: Input, output: Output | undefined): readonly State[];
  /** Whether a call with this answer changes nothing, in whatever state it comes; states may know more after it. */
  isRead(input: Input, output: Output): boolean;
  /** Of calls that may come next, those of lower rank are tried first: a good guess saves the search from going back. */
  rank?(input: Input, output: Output): number;
  /** Whether the call can be answered so neither in this state nor in any that follows. Saves looking. */
  isTooLate?(state: State, input: Input, output: Output): boolean;
  /** Equal for equal states, and only for them. */
  keyOf(state: State): string;
  /** For people: `put a = 3`, `read a: 3`. */
  describe(input: Input, output: Output | undefined): string;
}

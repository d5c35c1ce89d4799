// A history that is right by construction: clients call, each call happens at one moment between its beginning and its
// answer, and some answers are lost.

import type { Chance } from '../../src/chance.ts';
import type { History, Model, Operation } from '../../src/linearizability/model.ts';

export interface Making<State, Input, Output> {
  readonly calls: number;
  readonly clients: number;
  /** Per cent of calls without an answer; half of these never happen. */
  readonly silent: number;
  readonly chance: Chance;
  readonly input: (chance: Chance) => Input;
  readonly answer: (state: State, input: Input) => Output;
}

interface Open<Input, Output> {
  readonly client: string;
  readonly input: Input;
  readonly began: number;
  output: Output | undefined;
}

export function madeHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  { calls, clients, silent, chance, input, answer }: Making<State, Input, Output>,
): History<Input, Output> {
  const history: Operation<Input, Output>[] = [];
  const open = new Map<number, Open<Input, Output>>();
  let state = model.initial;
  let begun = 0;
  const happens = (call: Open<Input, Output>): void => {
    call.output = answer(state, call.input);
    state = model.step(state, call.input, call.output)[0] ?? state;
  };
  for (let now = 1; history.length < calls; now += 1) {
    const client = chance.below(clients);
    const call = open.get(client);
    if (call === undefined) {
      if (begun === calls) continue;
      begun += 1;
      open.set(client, { client: `c${client}`, input: input(chance), began: now, output: undefined });
      continue;
    }
    const isSilent = call.output === undefined && chance.percent(silent);
    if (!isSilent && call.output === undefined) {
      happens(call);
      continue;
    }
    if (isSilent && chance.oneIn(2)) happens(call);
    open.delete(client);
    const answered = isSilent || call.output === undefined ? undefined : { at: now, output: call.output };
    history.push({ client: call.client, input: call.input, began: call.began, answer: answered });
  }
  return history;
}

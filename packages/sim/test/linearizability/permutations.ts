// The definition of linearizability, taken at its word: some order of the calls, keeping those apart that did not overlap,
// explains every answer; a call without one may be anywhere after it began, or nowhere.

import type { History, Model } from '../../src/linearizability/model.ts';

export function hasOrder<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
  state: State = model.initial,
): boolean {
  if (history.every(({ answer }) => answer === undefined)) return true;
  return history.some((operation, at) => {
    const others = history.toSpliced(at, 1);
    const mayBeFirst = others.every(({ answer }) => answer === undefined || answer.at >= operation.began);
    if (!mayBeFirst) return false;
    const states = model.step(state, operation.input, operation.answer?.output);
    return states.some((next) => hasOrder(model, others, next));
  });
}

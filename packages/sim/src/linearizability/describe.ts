// What to tell people of a history that has no order: how far one can be found, and which calls fit nowhere there.

import type { Furthest } from './checker.ts';
import type { Model, Operation } from './model.ts';

const shownPlaced = 8;
const shownNext = 10;

export function describeFailure<State, Input, Output>(
  model: Model<State, Input, Output>,
  { placed, state, next }: Furthest<State, Input, Output>,
): string {
  const line = ({ client, input, began, answer }: Operation<Input, Output>): string => {
    const until = answer === undefined ? 'no answer' : `${answer.at}`;
    return `  ${client} [${began}, ${until}] ${model.describe(input, answer?.output)}`;
  };
  const earlier = Math.max(0, placed.length - shownPlaced);
  const more = Math.max(0, next.length - shownNext);
  return [
    `${placed.length} calls have an order, no call can come next`,
    ...(earlier > 0 ? [`  … ${earlier} earlier`] : []),
    ...placed.slice(-shownPlaced).map(line),
    `  the state is then ${model.keyOf(state)}; one of these has to be next:`,
    ...next.slice(0, shownNext).map((operation) => `${line(operation)}${whyNot(model, state, operation)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ].join('\n');
}

function whyNot<State, Input, Output>(
  model: Model<State, Input, Output>,
  state: State,
  { input, answer }: Operation<Input, Output>,
): string {
  const isPossible = model.step(state, input, answer?.output).length > 0;
  return isPossible ? ' — possible here, but nothing follows' : ' — impossible here';
}

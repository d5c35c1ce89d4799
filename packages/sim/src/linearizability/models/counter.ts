// A counter: add tells the new count, read the count. An add that is applied twice shows.

import type { Model } from '../model.ts';

export type CounterInput = { readonly kind: 'add'; readonly by: number } | { readonly kind: 'read' };

export const counterModel: Model<number, CounterInput, number> = {
  initial: 0,
  step: (state, input, output) => {
    const next = input.kind === 'add' ? state + input.by : state;
    return output === undefined || output === next ? [next] : [];
  },
  isRead: (input) => input.kind === 'read',
  keyOf: (state) => `${state}`,
  describe: (input, output) => {
    const call = input.kind === 'add' ? `add ${input.by}` : 'read';
    return output === undefined ? call : `${call}: ${output}`;
  },
};

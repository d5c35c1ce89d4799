// A list that grows: append, and read of the whole. Every read shows the order of all appends before it.

import type { Model } from '../model.ts';

export type ListInput = { readonly kind: 'append'; readonly key: string; readonly value: string } | ListRead;
export interface ListRead {
  readonly kind: 'read';
  readonly key: string;
}

/** Of a read; an append is answered with nothing. */
export type ListOutput = readonly string[];

export const listModel: Model<readonly string[], ListInput, ListOutput> = {
  initial: [],
  partOf: ({ key }) => key,
  step: (state, input, output) => {
    if (input.kind === 'append') return [[...state, input.value]];
    const isSame =
      output === undefined || (output.length === state.length && output.every((one, at) => one === state[at]));
    return isSame ? [state] : [];
  },
  isRead: (input) => input.kind === 'read',
  keyOf: (state) => JSON.stringify(state),
  describe: (input, output) => {
    if (input.kind === 'append') return `append ${input.value} to ${input.key}`;
    return `read ${input.key}${output === undefined ? '' : `: ${output.join(' ')}`}`;
  },
};

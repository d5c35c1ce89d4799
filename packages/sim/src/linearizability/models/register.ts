// A register for each key: write, read, and compare-and-set.

import type { Model } from '../model.ts';

export type RegisterInput =
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'write'; readonly key: string; readonly value: string }
  | { readonly kind: 'cas'; readonly key: string; readonly from: string; readonly to: string };

export type RegisterOutput =
  | { readonly kind: 'value'; readonly value: string | undefined }
  | { readonly kind: 'written' }
  | { readonly kind: 'swapped'; readonly isSwapped: boolean };

/** `undefined`: never written. */
export type RegisterState = string | undefined;

export const registerModel: Model<RegisterState, RegisterInput, RegisterOutput> = {
  initial: undefined,
  partOf: ({ key }) => key,
  step: (state, input, output) => {
    switch (input.kind) {
      case 'read':
        return output === undefined || (output.kind === 'value' && output.value === state) ? [state] : [];
      case 'write':
        return output === undefined || output.kind === 'written' ? [input.value] : [];
      case 'cas': {
        const isSwapped = state === input.from;
        if (output !== undefined && (output.kind !== 'swapped' || output.isSwapped !== isSwapped)) return [];
        return [isSwapped ? input.to : state];
      }
    }
  },
  isRead: (input, output) => input.kind === 'read' || (output.kind === 'swapped' && !output.isSwapped),
  keyOf: (state) => (state === undefined ? 'nothing' : JSON.stringify(state)),
  describe: (input, output) => {
    switch (input.kind) {
      case 'read':
        return `read ${input.key}${output?.kind === 'value' ? `: ${output.value ?? 'nothing'}` : ''}`;
      case 'write':
        return `write ${input.key} = ${input.value}`;
      case 'cas': {
        const swapped = output?.kind === 'swapped' ? `: ${output.isSwapped ? 'swapped' : 'other'}` : '';
        return `change ${input.key} from ${input.from} to ${input.to}${swapped}`;
      }
    }
  },
};

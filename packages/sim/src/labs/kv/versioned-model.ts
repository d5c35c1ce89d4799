// What clients of 6.5840's store may see: for each key, a value with its version. The labs' own model compares values only;
// this one compares versions as well.

import type { Model } from '../../linearizability/model.ts';
import type { Versioned, VersionedRequest } from './versioned-machine.ts';

/** `errMaybe`: the put was sent more than once, and may have been carried out once or not at all. */
export type VersionedOutput =
  | { readonly kind: 'value'; readonly value: string; readonly version: number }
  | { readonly kind: 'ok' | 'errVersion' | 'errNoKey' | 'errMaybe' };

const initial: Versioned = { value: '', version: 0 };

export const versionedModel: Model<Versioned, VersionedRequest, VersionedOutput> = {
  initial,
  partOf: ({ key }) => key,
  step: (state, input, output) => {
    if (input.kind === 'get') return output === undefined || isSeen(state, output) ? [state] : [];
    const fits = input.version === state.version;
    const kind = output?.kind;
    if (kind !== undefined && kind !== 'errMaybe' && kind !== answerTo(state, input.version)) return [];
    return [fits ? { value: input.value, version: state.version + 1 } : state];
  },
  isRead: (input, output) => input.kind === 'get' || output.kind === 'errVersion' || output.kind === 'errNoKey',
  rank: (input, output) => (output.kind === 'value' ? output.version : input.kind === 'put' ? input.version + 0.5 : 0),
  // Versions never fall.
  isTooLate: ({ version }, input, output) => {
    if (output.kind === 'value') return output.version < version;
    return output.kind === 'ok' && input.kind === 'put' && input.version < version;
  },
  keyOf: ({ value, version }) => `${version} ${value}`,
  describe: (input, output) => {
    const seen = output === undefined ? '' : `: ${output.kind === 'value' ? nameOf(output) : output.kind}`;
    return input.kind === 'get' ? `get ${input.key}${seen}` : `put ${input.key} ${nameOf(input)}${seen}`;
  },
};

function isSeen({ value, version }: Versioned, output: VersionedOutput): boolean {
  if (output.kind === 'value') return output.value === value && output.version === version;
  return output.kind === 'errNoKey' && version === 0;
}

function answerTo(state: Versioned, version: number): 'ok' | 'errVersion' | 'errNoKey' {
  if (version === state.version) return 'ok';
  return state.version === 0 ? 'errNoKey' : 'errVersion';
}

function nameOf({ value, version }: Versioned): string {
  return `"${value}" at ${version}`;
}

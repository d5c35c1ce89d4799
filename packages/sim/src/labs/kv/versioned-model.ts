// What clients of 6.5840's store may see: for each key, a value with its version. The labs' own model compares values only;
// this one compares versions as well.

import type { History, Model } from '../../linearizability/model.ts';
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

/**
 * The same, knowing what the history says each version was: an answered put or a read tells. A version is there once, so a
 * state that has another value at it leads nowhere; and a put that may have happened did not, if its version has another value.
 * Without that, twenty clients who put to one key and are not told what came of it leave too many orders to try.
 */
export function versionedModelOf(
  history: History<VersionedRequest, VersionedOutput>,
): Model<Versioned, VersionedRequest, VersionedOutput> {
  const known = new Map<string, string>();
  for (const { input, answer } of history) {
    const output = answer?.output;
    if (output?.kind === 'value') known.set(`${output.version} ${input.key}`, output.value);
    if (output?.kind === 'ok' && input.kind === 'put') known.set(`${input.version + 1} ${input.key}`, input.value);
  }
  const isLost = (input: VersionedRequest): boolean => {
    if (input.kind === 'get') return false;
    return (known.get(`${input.version + 1} ${input.key}`) ?? input.value) !== input.value;
  };
  const { step, isRead, rank } = versionedModel;
  return {
    ...versionedModel,
    step: (state, input, output) => step(state, input, output).filter((next) => next === state || !isLost(input)),
    isRead: (input, output) => isRead(input, output) || isLost(input),
    rank: (input, output) => (isLost(input) ? 0 : (rank?.(input, output) ?? 0)),
  };
}

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

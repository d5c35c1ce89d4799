// What clients of 6.824's store may see: for each key, a text that is put, appended to, and read.

import type { History, Model } from '../../linearizability/model.ts';

export interface AppendInput {
  readonly kind: 'get' | 'put' | 'append';
  readonly key: string;
  /** Empty for a get. */
  readonly value: string;
}

/** Of a get, what was read. `undefined` where the answer says nothing: of puts always, of appends in all years but 2024. */
export interface AppendOutput {
  readonly value: string | undefined;
}

export const appendModel: Model<string, AppendInput, AppendOutput> = {
  initial: '',
  partOf: ({ key }) => key,
  step: (state, { kind, value }, output) => {
    if (output?.value !== undefined && output.value !== state) return [];
    switch (kind) {
      case 'get':
        return [state];
      case 'put':
        return [value];
      case 'append':
        return [state + value];
    }
  },
  isRead: ({ kind }) => kind === 'get',
  keyOf: (state) => state,
  describe: ({ kind, key, value }, output) => {
    const seen = output?.value === undefined ? '' : `: "${output.value}"`;
    return kind === 'get' ? `get ${key}${seen}` : `${kind} ${key} "${value}"${seen}`;
  },
};

/**
 * The same with a guess at the order, taken from what was read: appends come in the order of their values in the texts.
 * Fifty appends that only the last read orders would otherwise be tried in every order there is.
 */
export function appendModelOf(history: History<AppendInput, AppendOutput>): Model<string, AppendInput, AppendOutput> {
  const texts = textsOf(history);
  const places = new Map<string, number>();
  const placeOf = (key: string, value: string): number => {
    const name = `${key} ${value}`;
    const known = places.get(name);
    if (known !== undefined) return known;
    const found = (texts.get(key) ?? []).map((text) => text.indexOf(value)).find((at) => at >= 0) ?? 0;
    places.set(name, found);
    return found;
  };
  return {
    ...appendModel,
    rank: ({ kind, key, value }, output) =>
      kind === 'get' ? (output.value ?? '').length - 0.5 : kind === 'append' ? placeOf(key, value) : 0,
  };
}

/** What was read of each key, without texts that are the beginning of the next one. */
function textsOf(history: History<AppendInput, AppendOutput>): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>();
  for (const { input, answer } of history) {
    const text = answer?.output.value;
    if (input.kind !== 'get' || text === undefined) continue;
    const known = texts.get(input.key) ?? [];
    const last = known.at(-1);
    if (last !== undefined && text.startsWith(last)) known.pop();
    known.push(text);
    texts.set(input.key, known);
  }
  return texts;
}

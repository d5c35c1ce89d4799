// The whole of etcd's store as far as its revision goes: every change takes the next one, so an answer leaves little to
// choose, and calls over several keys can be judged. Whoever uses it must know of all writers; leases that end, for one,
// take revisions of their own.

import type { Model } from '../model.ts';

export interface KeyCondition {
  readonly key: string;
  /** Last changed at this revision; 0: not there. */
  readonly modRevision: number;
}

export type KeyChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string };

export type KeyValuesInput =
  /** All keys with the prefix. */
  | { readonly kind: 'range'; readonly prefix: string }
  /** The changes of `success` if all conditions hold, else those of `failure`; one revision for all of them. */
  | {
      readonly kind: 'txn';
      readonly when: readonly KeyCondition[];
      readonly success: readonly KeyChange[];
      readonly failure: readonly KeyChange[];
    };

export type KeyValuesOutput =
  | { readonly kind: 'range'; readonly revision: number; readonly found: readonly KeyValueAt[] }
  | { readonly kind: 'txn'; readonly revision: number; readonly succeeded: boolean };

export interface KeyValueAt {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
  readonly version: number;
}

export interface KeyValuesState {
  readonly revision: number;
  readonly keys: ReadonlyMap<string, Omit<KeyValueAt, 'key'>>;
}

export const keyValuesModel: Model<KeyValuesState, KeyValuesInput, KeyValuesOutput> = {
  // A fresh store is at 1.
  initial: { revision: 1, keys: new Map() },
  step: (state, input, output) => {
    if (input.kind === 'range') return output === undefined || isRange(state, input.prefix, output) ? [state] : [];
    const succeeded = input.when.every(
      ({ key, modRevision }) => (state.keys.get(key)?.modRevision ?? 0) === modRevision,
    );
    const next = change(state, succeeded ? input.success : input.failure);
    if (output === undefined) return [next];
    const isSo = output.kind === 'txn' && output.succeeded === succeeded && output.revision === next.revision;
    return isSo ? [next] : [];
  },
  isRead: (input) => input.kind === 'range',
  rank: (_input, output) => output.revision - (output.kind === 'txn' ? 0.5 : 0),
  isTooLate: ({ revision }, _input, output) => output.revision < revision,
  keyOf: ({ revision, keys }) => `${revision} ${JSON.stringify(sorted(keys))}`,
  describe: (input, output) => {
    const at = output === undefined ? '' : `: revision ${output.revision}`;
    if (input.kind === 'range') {
      const found =
        output?.kind === 'range' ? `, ${output.found.map(({ key, value }) => `${key} = ${value}`).join(', ')}` : '';
      return `range ${input.prefix}*${at}${found}`;
    }
    const done = output?.kind === 'txn' && input.when.length > 0 ? (output.succeeded ? ', then' : ', otherwise') : '';
    const when = input.when.map(({ key, modRevision }) => `${key} changed at ${modRevision}`).join(' and ');
    const condition = when === '' ? '' : `if ${when}: `;
    const otherwise = input.failure.length === 0 ? '' : `, otherwise ${input.failure.map(nameOf).join(' and ')}`;
    return `${condition}${input.success.map(nameOf).join(' and ')}${otherwise}${at}${done}`;
  },
};

function change(state: KeyValuesState, changes: readonly KeyChange[]): KeyValuesState {
  const revision = state.revision + 1;
  const keys = new Map(state.keys);
  let hasChanged = false;
  for (const one of changes) {
    if (one.kind === 'delete') hasChanged = keys.delete(one.key) || hasChanged;
    else {
      const version = (keys.get(one.key)?.version ?? 0) + 1;
      keys.set(one.key, { value: one.value, version, modRevision: revision });
      hasChanged = true;
    }
  }
  return hasChanged ? { revision, keys } : state;
}

function isRange(state: KeyValuesState, prefix: string, output: KeyValuesOutput): boolean {
  if (output.kind !== 'range' || output.revision !== state.revision) return false;
  const expected = sorted(state.keys).filter(([key]) => key.startsWith(prefix));
  return (
    expected.length === output.found.length &&
    expected.every(([key, { value, version, modRevision }], at) => {
      const found = output.found[at];
      return (
        found?.key === key && found.value === value && found.version === version && found.modRevision === modRevision
      );
    })
  );
}

function sorted(keys: KeyValuesState['keys']): readonly (readonly [string, Omit<KeyValueAt, 'key'>])[] {
  return [...keys].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function nameOf(one: KeyChange): string {
  return one.kind === 'put' ? `put ${one.key} = ${one.value}` : `delete ${one.key}`;
}

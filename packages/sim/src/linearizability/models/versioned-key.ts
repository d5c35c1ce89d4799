// One key of etcd's store at a time: value, version, and the revision of its last change. Other keys take revisions that
// this model does not see, so revisions may skip but never repeat or fall; where a write had no answer its revision is not
// known until somebody reads it.

import type { Model } from '../model.ts';

export type VersionedInput =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'read'; readonly key: string }
  /** A put that happens only if the key was last changed at `expected`; 0: if it is not there. */
  | { readonly kind: 'putIf'; readonly key: string; readonly expected: number; readonly value: string };

/** `revision` is the store's, as every answer of etcd carries it. */
export type VersionedOutput =
  | { readonly kind: 'put'; readonly revision: number }
  | { readonly kind: 'delete'; readonly revision: number; readonly deleted: number }
  | { readonly kind: 'read'; readonly revision: number; readonly found: VersionedValue | undefined }
  | { readonly kind: 'putIf'; readonly revision: number; readonly succeeded: boolean };

export interface VersionedValue {
  readonly value: string;
  readonly version: number;
  readonly modRevision: number;
}

export interface VersionedState {
  /** `undefined`: not there. */
  readonly value: string | undefined;
  readonly version: number;
  /** Between which revisions the last change was; the same twice once it is known. */
  readonly changedFrom: number;
  readonly changedTo: number;
  /** The newest revision that the store is known to have reached. */
  readonly reached: number;
}

const initial: VersionedState = { value: undefined, version: 0, changedFrom: 0, changedTo: 0, reached: 1 };

export const versionedKeyModel: Model<VersionedState, VersionedInput, VersionedOutput> = {
  initial,
  partOf: ({ key }) => key,
  step: (state, input, output) => {
    switch (input.kind) {
      case 'put':
        return output === undefined || output.kind === 'put' ? changed(state, input.value, output?.revision) : [];
      case 'delete':
        return remove(state, output);
      case 'read':
        return output === undefined ? [state] : read(state, output);
      case 'putIf':
        return putIf(state, input, output);
    }
  },
  isRead: (_input, output) => !isChange(output),
  // The revision of an answer tells the place of its call: a change is the first at its revision.
  rank: (_input, output) => (isChange(output) ? output.revision - 0.5 : output.revision),
  isTooLate: ({ reached }, _input, output) => output.revision < reached + (isChange(output) ? 1 : 0),
  keyOf: ({ value, version, changedFrom, changedTo, reached }) => {
    const what = value === undefined ? 'nothing' : `${JSON.stringify(value)} version ${version}`;
    const at = changedFrom === changedTo ? `${changedFrom}` : `${changedFrom} to ${changedTo}`;
    return `${what}, changed at ${at}, revision ${reached} reached`;
  },
  describe: (input, output) => `${nameOf(input)}${output === undefined ? '' : `: ${answerOf(output)}`}`,
};

function isChange(output: VersionedOutput): boolean {
  switch (output.kind) {
    case 'put':
      return true;
    case 'delete':
      return output.deleted > 0;
    case 'read':
      return false;
    case 'putIf':
      return output.succeeded;
  }
}

/** The key becomes `value` at a revision that is new, and known if there was an answer. */
function changed(state: VersionedState, value: string | undefined, revision: number | undefined): VersionedState[] {
  const version = value === undefined ? 0 : state.version + 1;
  if (revision === undefined) {
    const changedFrom = state.reached + 1;
    return [{ value, version, changedFrom, changedTo: Number.POSITIVE_INFINITY, reached: changedFrom }];
  }
  if (revision <= state.reached) return [];
  return [{ value, version, changedFrom: revision, changedTo: revision, reached: revision }];
}

/** The key stays, and the store is known to be at `revision`. */
function unchanged(state: VersionedState, revision: number): VersionedState[] {
  if (revision < state.reached) return [];
  const changedTo = Math.min(state.changedTo, revision);
  if (revision === state.reached && changedTo === state.changedTo) return [state];
  return [{ ...state, changedTo, reached: revision }];
}

function remove(state: VersionedState, output: VersionedOutput | undefined): VersionedState[] {
  const isThere = state.value !== undefined;
  if (output === undefined) return isThere ? changed(state, undefined, undefined) : [state];
  if (output.kind !== 'delete' || output.deleted !== (isThere ? 1 : 0)) return [];
  return isThere ? changed(state, undefined, output.revision) : unchanged(state, output.revision);
}

function read(state: VersionedState, output: VersionedOutput): VersionedState[] {
  if (output.kind !== 'read') return [];
  const { found, revision } = output;
  if (found === undefined) return state.value === undefined ? unchanged(state, revision) : [];
  if (found.value !== state.value || found.version !== state.version) return [];
  return unchanged(state, revision).flatMap((next) => known(next, found.modRevision));
}

/** The last change is known to have been at `revision`. */
function known(state: VersionedState, revision: number): VersionedState[] {
  if (revision < state.changedFrom || revision > state.changedTo) return [];
  return state.changedFrom === state.changedTo ? [state] : [{ ...state, changedFrom: revision, changedTo: revision }];
}

function putIf(
  state: VersionedState,
  { expected, value }: Extract<VersionedInput, { readonly kind: 'putIf' }>,
  output: VersionedOutput | undefined,
): VersionedState[] {
  if (output !== undefined && output.kind !== 'putIf') return [];
  const equal = compare(state, expected);
  const states: VersionedState[] = [];
  if (output?.succeeded !== false && equal !== 'no') states.push(...changed(state, value, output?.revision));
  if (output?.succeeded !== true && equal !== 'yes') {
    states.push(...(output === undefined ? [state] : unchanged(state, output.revision)));
  }
  return states;
}

function compare({ value, changedFrom, changedTo }: VersionedState, expected: number): 'yes' | 'no' | 'unknown' {
  if (value === undefined) return expected === 0 ? 'yes' : 'no';
  if (expected < changedFrom || expected > changedTo) return 'no';
  return changedFrom === changedTo ? 'yes' : 'unknown';
}

function nameOf(input: VersionedInput): string {
  switch (input.kind) {
    case 'put':
      return `put ${input.key} = ${input.value}`;
    case 'delete':
      return `delete ${input.key}`;
    case 'read':
      return `read ${input.key}`;
    case 'putIf':
      return `put ${input.key} = ${input.value} if changed at ${input.expected}`;
  }
}

function answerOf(output: VersionedOutput): string {
  switch (output.kind) {
    case 'put':
      return `revision ${output.revision}`;
    case 'delete':
      return `${output.deleted} deleted, revision ${output.revision}`;
    case 'read': {
      const { found, revision } = output;
      if (found === undefined) return `nothing, revision ${revision}`;
      return `${found.value} version ${found.version} of ${found.modRevision}, revision ${revision}`;
    }
    case 'putIf':
      return `${output.succeeded ? 'done' : 'other'}, revision ${output.revision}`;
  }
}

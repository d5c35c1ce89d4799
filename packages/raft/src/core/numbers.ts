// The branded numbers: where a plain number becomes an index or a term, it is checked. A value above 2^53 is refused,
// never rounded: 2^53 itself is refused too, because nothing can come after it.

import type { Index, NodeId, Term } from './api.ts';

/** Whether a number can be counted with: a whole number from 0 that has a successor. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;
}

/** Makes an index of a number, or throws RangeError. */
export function asIndex(value: number): Index {
  if (!isCount(value)) throw new RangeError(`not an index: ${value}`);
  return value as Index;
}

/** Makes a term of a number, or throws RangeError. */
export function asTerm(value: number): Term {
  if (!isCount(value)) throw new RangeError(`not a term: ${value}`);
  return value as Term;
}

/** Makes a node's name of a text, or throws RangeError. */
export function asNodeId(value: string): NodeId {
  if (value === '') throw new RangeError('a node id is not empty');
  return value as NodeId;
}

export function plus(index: Index, count: number): Index {
  return (index + count) as Index;
}

export function lower(a: Index, b: Index): Index {
  return a < b ? a : b;
}

export function higher(a: Index, b: Index): Index {
  return a > b ? a : b;
}

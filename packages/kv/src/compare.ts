// The guards of a transaction, asked of the state before it. A guard over a range holds when it holds for every key there;
// over no key it is asked of zeros, but a value guard over no key never holds.

import type { Compare } from './api.ts';
import { compareBytes } from './bytes.ts';
import type { KeyHistory } from './key-history.ts';
import { decodeKeyValue } from './key-value.ts';
import { latestOf, liveHistories, type Picture } from './range.ts';

export function holds(picture: Picture, compare: Compare): boolean {
  const histories = liveHistories(picture.index, compare.key, compare.rangeEnd);
  if (histories.length === 0) {
    return compare.target !== 'value' && holdsFor(compare, orderOf(picture, compare, undefined));
  }
  return histories.every((history) => holdsFor(compare, orderOf(picture, compare, history)));
}

/** Below, at or above zero: how what is there stands to the operand. */
function orderOf(picture: Picture, compare: Compare, history: KeyHistory | undefined): number {
  switch (compare.target) {
    case 'version':
      return (history?.version ?? 0) - compare.operand;
    case 'create':
      return (history?.createRevision ?? 0) - compare.operand;
    case 'mod':
      return (history?.modRevision ?? 0) - compare.operand;
    case 'lease': {
      const id = history?.lease?.id ?? 0n;
      return id < compare.operand ? -1 : id > compare.operand ? 1 : 0;
    }
    case 'value': {
      const encoded = latestOf(picture, history);
      return encoded === undefined ? -1 : compareBytes(decodeKeyValue(encoded).value, compare.operand);
    }
  }
}

function holdsFor(compare: Compare, order: number): boolean {
  switch (compare.result) {
    case 'equal':
      return order === 0;
    case 'notEqual':
      return order !== 0;
    case 'greater':
      return order > 0;
    case 'less':
      return order < 0;
  }
}

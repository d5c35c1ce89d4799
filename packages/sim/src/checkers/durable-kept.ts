// What a disk has acknowledged is there after a restart (figure 2: persistent state). A write without an answer may be there
// or not, and may have cut off what came before it.

import type { Persist, RecoveredLog } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';

export function durableKept({ report }: Watched): Checker {
  return {
    started: (node, recovered) => {
      const lost = lostHardState(node, recovered) ?? lostEntry(node, recovered);
      if (lost !== undefined) report('DurableKept', `${node.id} starts ${lost}`);
    },
  };
}

function lostHardState({ hardDurable }: NodeRecord, { hardState }: RecoveredLog): string | undefined {
  if (hardDurable === undefined) return undefined;
  const { term, votedFor } = hardDurable;
  if (hardState.term < term) return `in term ${hardState.term}, ${term} was on its disk`;
  if (hardState.term > term || votedFor === undefined || hardState.votedFor === votedFor) return undefined;
  return `with a vote for ${hardState.votedFor ?? 'nobody'} in term ${term}, one for ${votedFor} was on its disk`;
}

function lostEntry({ durable, unanswered }: NodeRecord, { base, entries }: RecoveredLog): string | undefined {
  if (base.last.index < durable.base.index) {
    return `from entry ${base.last.index}, its log had been based on ${durable.base.index}`;
  }
  const end = Math.min(durable.lastIndex, ...unanswered.map((write) => cutOf(write, durable) - 1));
  const offset = base.last.index + 1;
  for (let index = offset; index <= end; index += 1) {
    const found = entries[index - offset]?.term;
    if (found === durable.termAt(index)) continue;
    const instead = found === undefined ? 'without' : `with ${index}@${found} instead of`;
    return `${instead} ${index}@${durable.termAt(index)}, which was on its disk`;
  }
  return undefined;
}

/** From where on the write may have replaced what was there. */
function cutOf({ base, entries }: Persist, durable: NodeRecord['durable']): number {
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  if (base === undefined || durable.has(base.last.index, base.last.term)) return first;
  return Math.min(first, durable.base.index + 1);
}

// What arrives from outside is input, not our state: every number in a message is checked before it is counted with.
// A codec has proved the shape already; a value above 2^53 must never come this far, and goes no further.

import type { LogId, Message } from './api.ts';
import { isCount } from './numbers.ts';

/** Whether all numbers of a message can be counted with. */
export function isKnown(message: Message): boolean {
  if (!isCount(message.term)) return false;
  switch (message.kind) {
    case 'requestVote':
      return isPlace(message.last);
    case 'appendEntries':
      // Entries follow `prev` one by one and their terms lie between known ones; the handler checks that.
      return isPlace(message.prev) && isCount(message.commit) && isCount(message.round);
    case 'appendEntriesReply': {
      const { outcome, round } = message;
      if (!isCount(round)) return false;
      if (outcome.kind === 'matched') return isCount(outcome.match);
      return isCount(outcome.rejected) && isCount(outcome.tryIndex) && isCount(outcome.conflictTerm ?? 0);
    }
    case 'installSnapshot':
      return isPlace(message.snapshot.last) && isCount(message.round);
    case 'readIndex':
      return isCount(message.readId);
    case 'readIndexReply':
      return isCount(message.readId) && isCount(message.index ?? 0);
    default:
      return true;
  }
}

function isPlace({ term, index }: LogId): boolean {
  return isCount(term) && isCount(index);
}

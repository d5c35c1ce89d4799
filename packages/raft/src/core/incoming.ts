// What arrives from outside is input, not our state: every number in a message is checked before it is counted with.
// A codec has proved the shape already; a value above 2^53 must never come this far, and goes no further.

import type { Message } from './api.ts';
import { isCount } from './numbers.ts';

/** Whether all numbers of a message can be counted with. */
export function isKnown(message: Message): boolean {
  return isCount(message.term) && numbersOf(message).every(isCount);
}

function numbersOf(message: Message): readonly number[] {
  switch (message.kind) {
    case 'requestVote':
      return [message.last.term, message.last.index];
    case 'appendEntries':
      // Entries follow `prev` one by one and their terms lie between known ones; the handler checks that.
      return [message.prev.term, message.prev.index, message.commit, message.round];
    case 'appendEntriesReply': {
      const { outcome, round } = message;
      if (outcome.kind === 'matched') return [round, outcome.match];
      return [round, outcome.rejected, outcome.tryIndex, outcome.conflictTerm ?? 0];
    }
    case 'installSnapshot':
      return [message.snapshot.last.term, message.snapshot.last.index, message.round];
    case 'readIndex':
      return [message.readId];
    case 'readIndexReply':
      return [message.readId, message.index ?? 0];
    default:
      return [];
  }
}

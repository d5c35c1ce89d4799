// A follower acknowledges to its leader only what its own disk has (§5.3, thesis §10.2.1): the leader commits on its word.

import type { Checker, Watched } from './checker.ts';

export function acknowledgedDurable({ report }: Watched): Checker {
  return {
    sent: (node, message) => {
      if (message.kind !== 'appendEntriesReply' || message.outcome.kind !== 'matched') return;
      const { match } = message.outcome;
      const { lastIndex } = node.durable;
      if (match > lastIndex)
        report('AcknowledgedDurable', `${node.id} acknowledged ${match}, its disk has ${lastIndex}`);
      const { term = 0 } = node.hardDurable ?? {};
      if (match > 0 && term < message.term) {
        report('AcknowledgedDurable', `${node.id} answered in term ${message.term}, its disk has ${term}`);
      }
    },
  };
}

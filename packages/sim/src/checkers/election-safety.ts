// Election Safety (figure 3, §5.2) over a cluster: who was leader at the end of a turn, and who spoke as one.

import type { Violation } from '@kontiki/raft/story';
import { ElectionSafety } from '@kontiki/raft/story';
import type { Checker, Watched } from './checker.ts';

export function electionSafety({ report }: Watched): Checker {
  const leaders = new ElectionSafety();
  const tell = (violation: Violation | undefined): void => {
    if (violation !== undefined) report('ElectionSafety', violation.text);
  };
  return {
    turnEnded: (_, status) => tell(leaders.observe({ status })),
    sent: (_, message) => {
      if (message.kind !== 'appendEntries' && message.kind !== 'installSnapshot') return;
      tell(leaders.leads(message.from, message.term));
    },
  };
}

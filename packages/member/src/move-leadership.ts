// etcd's MoveLeader: hand leadership to a named member (thesis §3.10) and wait until it has it.

import type { Driver, NodeId, Ticker } from '@kontiki/raft';
import { MemberError } from './api.ts';

type Transferring = Pick<Driver<never, never, never>, 'id' | 'status' | 'onLeadership' | 'transferLeadership'>;

/** Rejects with `MemberError`: `notLeader`, `badTransferee`, `leaderChanged` (somebody else took over) or `timedOut`. */
export function moveLeadership(driver: Transferring, to: NodeId, ticker: Ticker, timeoutTicks: number): Promise<void> {
  const { role, configuration } = driver.status();
  if (role !== 'leader') return Promise.reject(new MemberError('notLeader', 'only the leader can hand over'));
  if (!configuration.voters.includes(to)) {
    return Promise.reject(new MemberError('badTransferee', `${to} is no voting member of this cluster`));
  }
  if (to === driver.id) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (error: MemberError | undefined): void => {
      cancelListener();
      cancelTimer();
      if (error === undefined) resolve();
      else reject(error);
    };
    const cancelListener = driver.onLeadership(({ leader }) => {
      if (leader === to) finish(undefined);
      else if (leader !== undefined && leader !== driver.id) {
        finish(new MemberError('leaderChanged', `${leader} leads now`));
      }
    });
    const cancelTimer = ticker.after(timeoutTicks, () => {
      finish(new MemberError('timedOut', `${to} did not take over in time`));
    });
    if (driver.transferLeadership(to).kind === 'refused') {
      finish(new MemberError('badTransferee', 'a hand-over is under way'));
    }
  });
}

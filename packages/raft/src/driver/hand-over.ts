// Before a leader goes: the follower that is furthest takes over, so that nobody has to wait for an election timeout
// (thesis §3.10).

import type { NodeId, Status, Verdict } from '../core/api.ts';
import type { Leadership } from './driver-api.ts';
import type { Cancel, Ticker } from './ports.ts';

export interface Leaving {
  readonly id: NodeId;
  readonly settings: { readonly electionTicks: number };
  status(): Status;
  transferLeadership(to: NodeId): Verdict;
  onLeadership(listener: (leadership: Leadership) => void): Cancel;
}

/** Goes on with `next` when another one leads, at once when there is nothing to hand over, at latest after one timeout. */
export function handOver(node: Leaving, ticker: Ticker, next: () => void): void {
  const status = node.status();
  const heir = status.role === 'leader' ? heirOf(status) : undefined;
  if (heir === undefined || node.transferLeadership(heir).kind === 'refused') {
    next();
    return;
  }
  let isOver = false;
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    cancelListener();
    next();
  };
  const cancelTimer = ticker.after(node.settings.electionTicks, finish);
  const cancelListener = node.onLeadership(({ leader }) => {
    if (leader !== node.id) ticker.defer(finish);
  });
}

/** The voter that is furthest, so that it has least to catch up before it may take over. */
function heirOf(status: Extract<Status, { readonly role: 'leader' }>): NodeId | undefined {
  const voters = status.progress.filter(([id]) => status.configuration.voters.includes(id));
  const [first, ...others] = voters;
  return others.reduce((best, next) => (best === undefined || next[1].match > best[1].match ? next : best), first)?.[0];
}

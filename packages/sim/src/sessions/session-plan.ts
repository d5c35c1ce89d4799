// What a seed decides before a run of sessions: how many there are, what goes wrong, and what is read how.

import { Chance } from '../chance.ts';

export interface SessionPlan {
  readonly seed: number;
  readonly members: number;
  readonly clients: number;
  /** The run lasts until so many processes were killed. */
  readonly kills: number;
  /** Processes stand still for a while, and do not know it. */
  readonly sleeps: boolean;
  /** Members are cut off from each other, and not from clients. */
  readonly cuts: boolean;
  /** By how many per mille the clock of each member may be wrong. */
  readonly driftMax: number;
  /** By how many per cent clocks may part within an election timeout, for reads by lease; undefined without those. */
  readonly leaseDriftPercent: number | undefined;
}

export function sessionPlanOf(seed: number): SessionPlan {
  const chance = new Chance(seed, 'sessions');
  const hasLeases = chance.oneIn(2);
  return {
    seed,
    members: chance.pick([3, 3, 5]),
    clients: chance.between(6, 14),
    kills: chance.between(20, 50),
    sleeps: chance.oneIn(2),
    cuts: chance.oneIn(2),
    // Two clocks that are wrong by that much in opposite directions are still within what a lease assumes.
    driftMax: chance.pick([0, 40]),
    leaseDriftPercent: hasLeases ? 10 : undefined,
  };
}

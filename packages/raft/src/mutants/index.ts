// Known bugs of Raft implementations, one at a time: each shows that the simulator and its checkers can go red. No server,
// driver or member reaches this entry point.
//
// The pure functions here keep no state, so a run with a mutant is as repeatable as one without.

import { candidateMutants, voterMutants } from './elections.ts';
import { membershipMutants } from './membership.ts';
import type { Mutant } from './mutant.ts';
import { persistenceMutants } from './persistence.ts';
import { readMutants } from './reads.ts';
import { followerMutants, leaderMutants } from './replication.ts';
import { snapshotMutants } from './snapshots.ts';

// The right records, which each mutant departs from in what it is named for.
export { paperRules } from '../core/rules.ts';
export { driverRules } from '../driver/rules.ts';
export type { Mutant } from './mutant.ts';
export { type SessionMutant, sessionMutants } from './sessions.ts';

export const mutants: readonly Mutant[] = [
  ...voterMutants,
  ...candidateMutants,
  ...leaderMutants,
  ...followerMutants,
  ...persistenceMutants,
  ...readMutants,
  ...snapshotMutants,
  ...membershipMutants,
];

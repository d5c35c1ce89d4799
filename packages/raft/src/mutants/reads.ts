// Bugs in reads: each answers with less than was acknowledged before the question.

import { unsafeLessons } from '../teaching/index.ts';
import { coreMutant, driverMutant, type Mutant } from './mutant.ts';

/** What is told of leases rests on reads, too. */
const stale = ['KnownLogOracle', 'Linearizability', 'LeaseNotEarly'];

export const readMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'readBeforeNoop',
      about: 'A leader serves reads before it has committed an entry of its own term (§8; etcd#7331).',
      caughtBy: stale,
    },
    { ...unsafeLessons['read-before-noop'] },
  ),
  coreMutant(
    {
      name: 'earlierRoundConfirms',
      about: 'Answers to rounds that were sent before a read came confirm it (thesis §6.4; etcd#20418).',
      caughtBy: ['ReadConfirmed', ...stale],
    },
    // Each peer has rounds of its own, so the newest of all is no majority's: any that was answered must do.
    { firstRoundOfRead: () => 0 },
  ),
  coreMutant(
    {
      name: 'readBeforeApplied',
      about: 'A confirmed read is served before the state machine has applied its index (thesis §6.4, step 4).',
      caughtBy: stale,
    },
    { isApplied: () => true },
  ),
  coreMutant(
    {
      name: 'deposedLeaderServes',
      about: 'A leader that steps down serves the reads that it could not confirm (thesis §6.4; etcd#21375).',
      caughtBy: stale,
    },
    { servesWhenDeposed: () => true },
  ),
  driverMutant(
    {
      name: 'readJoinsOlderRead',
      about:
        'A reader joins a read that was under way when it came, and gets an index from before it asked (thesis §6.4).',
      caughtBy: stale,
    },
    { joinsOlderRead: () => true },
  ),
];

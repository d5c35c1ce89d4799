// Bugs in changes of membership: two majorities that share nobody, and servers that nobody can do without.

import { coreMutant, type Mutant } from './mutant.ts';

const split = ['ConfigurationOverlap', 'MajorityDurable', 'ElectionSafety', 'LeaderCompleteness', 'StateMachineSafety'];

export const membershipMutants: readonly Mutant[] = [
  coreMutant(
    {
      name: 'singleServerTooSoon',
      about:
        'One server is added or removed without C_old,new by a leader that has committed nothing yet (Ongaro 2015).',
      caughtBy: split,
    },
    { firstStep: (_from, to) => to, mayChange: () => true },
  ),
  coreMutant(
    {
      name: 'jointByNewMajority',
      about: 'While joint, a majority of C_new decides alone, for votes as for commit (thesis §4.3).',
      caughtBy: split,
    },
    { voterSets: ({ voters }) => ({ voters, outgoing: [] }) },
  ),
  coreMutant(
    {
      name: 'jointReadByNewMajority',
      about: 'While joint, a majority of C_new confirms reads alone (thesis §4.3; scylladb#29226).',
      caughtBy: ['ReadConfirmed', 'KnownLogOracle', 'Linearizability'],
    },
    { voterSets: (configuration, use) => (use === 'contact' ? { ...configuration, outgoing: [] } : configuration) },
  ),
  coreMutant(
    {
      name: 'learnerCounted',
      about: 'Learners count towards a majority, though nobody asks for their votes (thesis §4.2.1).',
      caughtBy: [...split, 'Liveness'],
    },
    {
      voterSets: ({ voters, outgoing, learners }) => ({
        voters: [...voters, ...learners.filter((id) => !voters.includes(id))],
        outgoing,
      }),
    },
  ),
  coreMutant(
    {
      name: 'configurationOnCommit',
      about: 'A configuration is in force once it is committed, not as soon as it is in the log (thesis §4.1).',
      caughtBy: [...split, 'Liveness', 'FailStop'],
    },
    { configurationInForce: (log, commit) => log.configurationAt(commit) },
  ),
  coreMutant(
    {
      name: 'configurationKeptOverCut',
      about: 'A configuration stays in force when the entry that brought it is cut off (thesis §4.1).',
      caughtBy: [...split, 'Liveness', 'FailStop'],
    },
    { rollsBack: () => false },
  ),
  coreMutant(
    {
      name: 'configurationKeptOverSnapshot',
      about:
        'A snapshot that replaces the log leaves the configuration of before in force (scylladb#9551, openraft#1808).',
      caughtBy: ['SnapshotConfiguration', ...split, 'Liveness', 'FailStop'],
    },
    { configurationAfterRestore: (_ofSnapshot, before) => before },
  ),
  coreMutant(
    {
      name: 'changeWhilePending',
      about: 'A change of membership begins while the last one is not committed (thesis §4.1).',
      caughtBy: [...split, 'FailStop'],
    },
    { isChangePending: () => false },
  ),
  coreMutant(
    {
      name: 'jointLeftTooSoon',
      about: 'C_new follows C_old,new before that is committed (thesis §4.3).',
      caughtBy: split,
    },
    { mayLeaveJoint: () => true },
  ),
  coreMutant(
    {
      name: 'removedCannotCampaign',
      about:
        'A server that is not in its newest configuration never campaigns, though it alone may have it (braft#432).',
      caughtBy: ['Liveness'],
    },
    { mayCampaign: ({ isVoter }) => isVoter },
  ),
];

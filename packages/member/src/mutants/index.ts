// Known bugs between clients and the log, one at a time: each is the right record but for the decision that its bug got
// wrong, and shows that the simulator and its checkers can go red. No server reaches this entry point.

import { type MemberRules, memberRules } from '../rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and by which sentence of the paper or in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly member: MemberRules };
}

const commands: readonly Mutant[] = [
  mutant(
    'lostCommandGivenAgain',
    'A command whose link broke is given again, though it may have arrived (§8: executed several times).',
    ['KnownLogOracle', 'Linearizability'],
    { afterLost: () => 'held' },
  ),
  mutant(
    'commandLostWithLeader',
    'A command is given again as soon as its leader is gone, though the next one may have it in its log (§8).',
    ['KnownLogOracle', 'Linearizability'],
    { isLostWithLeader: () => true },
  ),
  mutant(
    'snapshotTakenForOverwrite',
    'A command that a snapshot covers counts as overwritten and is given again (§7, §8).',
    ['KnownLogOracle', 'Linearizability'],
    { isHidden: () => false },
  ),
  mutant(
    'waiterBySequence',
    'Whoever waits is answered by any command with the same number, whoever gave it (MIT lab 3: index reused).',
    ['KnownLogOracle', 'Linearizability', 'NoStrayRejection'],
    { isOurs: () => true },
  ),
];

const reads: readonly Mutant[] = [
  mutant(
    'readWithoutBarrier',
    'A linearizable read is answered from what the member happens to have applied (§8; RedisRaft#19).',
    ['KnownLogOracle', 'Linearizability'],
    { readsWait: () => false },
  ),
];

const leases: readonly Mutant[] = [
  mutant(
    'expiryByDeposedLeader',
    'A leader that was deposed ends a lease through its successor, who has renewed it (etcd#12528, etcd#15247).',
    ['LeaseNotEarly'],
    { fencesExpiry: () => false },
  ),
  mutant(
    'renewalUnconfirmed',
    'A leader that was deposed renews a lease without asking whether it still leads (etcd#16822).',
    ['LeaseNotEarly'],
    { confirmsLeadership: () => false },
  ),
  mutant(
    'newLeaderCutsTtl',
    'A new leader takes less time for what is left of a lease than its holder was promised (etcd#13491, etcd#17132).',
    ['LeaseNotEarly'],
    { ttlOfNewLeader: (granted) => granted / 2 },
  ),
  mutant(
    'leasesRunTwiceAsFast',
    'The clock of leases runs at twice the speed of the time that was promised.',
    ['LeaseNotEarly'],
    { leaseSecond: (ticksPerSecond) => ticksPerSecond / 2 },
  ),
];

export const mutants: readonly Mutant[] = [...commands, ...reads, ...leases];

function mutant(
  name: string,
  about: string,
  caughtBy: readonly string[],
  wrong: Partial<Omit<MemberRules, 'name'>>,
): Mutant {
  return { name, about, caughtBy, rules: { member: { ...memberRules, ...wrong, name } } };
}

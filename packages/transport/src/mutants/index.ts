// Known bugs of transports between members, one at a time: each is the right record but for the decision that its bug got
// wrong, and shows that the simulator and its checkers can go red. No server reaches this entry point.

import { type TransportRules, transportRules } from '../rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and by which sentence of the paper or in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly transport: TransportRules };
}

export const mutants: readonly Mutant[] = [
  mutant(
    'wipedMemberWelcomed',
    'A member that lost its disk comes back under its old id, and votes again (openraft#1042; RethinkDB 2.1.5).',
    ['ElectionSafety', 'LeaderCompleteness', 'VoteOncePerTerm', 'MajorityDurable', 'KnownLogOracle'],
    { isSameDisk: () => true },
  ),
  mutant(
    'garbledFrameTaken',
    'The bytes of a frame are taken as they come, whatever its checksum says.',
    ['LogMatching', 'StateMachineSafety', 'KnownLogOracle', 'FailStop'],
    { isWhole: () => true },
  ),
  mutant(
    'sentRequestCalledRefused',
    'A request that has left is called refused when its connection breaks, so that its sender repeats it (§8).',
    ['KnownLogOracle', 'Linearizability'],
    { withoutConnection: () => 'refused' },
  ),
  mutant(
    'answersInOrder',
    'An answer goes to the oldest open request and not to the one it names (as etcd#20418 took one round for another).',
    ['KnownLogOracle', 'LeaseNotEarly', 'Linearizability'],
    {
      answered: (_number, open) => {
        for (const oldest of open) return oldest;
        return undefined;
      },
    },
  ),
];

function mutant(
  name: string,
  about: string,
  caughtBy: readonly string[],
  wrong: Partial<Omit<TransportRules, 'name'>>,
): Mutant {
  return { name, about, caughtBy, rules: { transport: { ...transportRules, ...wrong, name } } };
}

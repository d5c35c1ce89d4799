// The known bugs of all packages in one list, each with its package: what a campaign has to find.

import { mutants as ofKv } from '@kontiki/kv/mutants';
import { mutants as ofMember } from '@kontiki/member/mutants';
import { mutants as ofRaft, sessionMutants } from '@kontiki/raft/mutants';
import { mutants as ofTransport } from '@kontiki/transport/mutants';
import { mutants as ofWal } from '@kontiki/wal/mutants';
import type { RulesBundle } from './rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and by which sentence of the paper or in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: RulesBundle;
  readonly package: string;
  /** Whose seeds shall show it: those of `npm run sim`, of clusters of members or of clients with sessions. */
  readonly swarm: 'cluster' | 'sessions';
}

export const mutants: readonly Mutant[] = [
  ...of('raft', ofRaft),
  // Their room is part of the package raft.
  ...of('sessions', sessionMutants, 'sessions'),
  ...of('wal', ofWal),
  ...of('transport', ofTransport),
  ...of('kv', ofKv),
  ...of('member', ofMember),
];

function of(
  name: string,
  mutants: readonly Omit<Mutant, 'package' | 'swarm'>[],
  swarm: Mutant['swarm'] = 'cluster',
): readonly Mutant[] {
  return mutants.map((mutant) => ({ ...mutant, package: name, swarm }));
}

export function mutantNamed(name: string): Mutant {
  const mutant = mutants.find((one) => one.name === name);
  if (mutant === undefined) throw new RangeError(`there is no mutant ${name}`);
  return mutant;
}

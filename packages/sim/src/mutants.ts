// The known bugs of all packages in one list, each with its package: what a campaign has to find.

import { mutants as ofKv } from '@kontiki/kv/mutants';
import { mutants as ofMember } from '@kontiki/member/mutants';
import { mutants as ofRaft } from '@kontiki/raft/mutants';
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
}

export const mutants: readonly Mutant[] = [
  ...ofRaft.map((mutant) => ({ ...mutant, package: 'raft' })),
  ...ofWal.map((mutant) => ({ ...mutant, package: 'wal' })),
  ...ofTransport.map((mutant) => ({ ...mutant, package: 'transport' })),
  ...ofKv.map((mutant) => ({ ...mutant, package: 'kv' })),
  ...ofMember.map((mutant) => ({ ...mutant, package: 'member' })),
];

export function mutantNamed(name: string): Mutant {
  const mutant = mutants.find((one) => one.name === name);
  if (mutant === undefined) throw new RangeError(`there is no mutant ${name}`);
  return mutant;
}

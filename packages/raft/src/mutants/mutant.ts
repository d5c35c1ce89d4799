// A known bug as a record of rules that differs from the right one in the decision that the bug got wrong.

import { paperRules, type Rules } from '../core/rules.ts';
import { type DriverRules, driverRules } from '../driver/rules.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, and by which sentence of the paper or in which project's history. */
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly core?: Rules; readonly driver?: DriverRules };
}

interface Description {
  readonly name: string;
  readonly about: string;
  readonly caughtBy: readonly string[];
}

export function coreMutant(description: Description, wrong: Partial<Omit<Rules, 'name'>>): Mutant {
  return { ...description, rules: { core: { ...paperRules, ...wrong, name: description.name } } };
}

export function driverMutant(description: Description, wrong: Partial<Omit<DriverRules, 'name'>>): Mutant {
  return { ...description, rules: { driver: { ...driverRules, ...wrong, name: description.name } } };
}

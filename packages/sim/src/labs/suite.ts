// Every test of the lectures' labs as data: what it is, and how it is run on a seed. Whoever knows tests of one lab adds them to
// the list here.

import type { Planted } from './cluster.ts';
import { appendTests, versionedTests } from './kv/kvraft-tests.ts';
import { rsmTests } from './kv/rsm-tests.ts';
import { singleTests } from './kv/single-tests.ts';
import { agreementTests } from './raft-agreement.ts';
import { electionTests } from './raft-elections.ts';
import type { Numbers } from './raft-lab.ts';
import { persistenceTests } from './raft-persistence.ts';
import { snapshotTests } from './raft-snapshots.ts';
import { type SettingName, settingNames } from './settings.ts';

export interface LabTest {
  /** Unique, and what `--only` takes. */
  readonly name: string;
  /** What it is about, in a few words. */
  readonly title: string;
  /** Where the courses have it: the part of 6.824 and of 6.5840; absent where a course has it not. */
  readonly part: { readonly mit6824?: string; readonly mit65840?: string };
  readonly peers: number;
  /** `reliable`, `unreliable`, … for a table. */
  readonly network: string;
  readonly settings: readonly SettingName[];
  /** Chance decides nothing in it: many seeds would be one run many times. */
  readonly isSeedless?: boolean;
  /** Runs it to the end; throws what did not hold. */
  readonly run: (setting: SettingName, seed: number, planted?: Planted) => Numbers;
}

export const raftTests: readonly LabTest[] = [
  ...electionTests,
  ...agreementTests,
  ...persistenceTests,
  ...snapshotTests,
];

export const kvTests: readonly LabTest[] = [...singleTests, ...rsmTests, ...appendTests, ...versionedTests];

export const labTests: readonly LabTest[] = [...raftTests, ...kvTests];

/** Those of `tests` that have these names; all, when there are no names. */
export function labTestsNamed(names: readonly string[], tests: readonly LabTest[] = labTests): readonly LabTest[] {
  for (const name of names) {
    if (!tests.some((test) => test.name === name)) {
      throw new RangeError(`there is no test ${name}; there are ${tests.map((test) => test.name).join(', ')}`);
    }
  }
  return names.length === 0 ? tests : tests.filter((test) => names.includes(test.name));
}

export { settingNames };

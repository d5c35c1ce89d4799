// A run as text: what it was planned as, what was found, and every input with its virtual time, so that it can be read,
// cut by hand, and played again.

import { type CheckerName, isCheckerName } from './checkers/names.ts';
import { inputOf, lineOf, type TimedInput } from './inputs.ts';
import type { Plan } from './plan.ts';
import { type PlantedFault, plantedFaults } from './planted.ts';

export interface RunStory {
  readonly version: string;
  readonly plan: Plan;
  /** Whose rules the members had; the right ones if it is absent. */
  readonly mutant: string | undefined;
  readonly planted: readonly PlantedFault[];
  readonly checker: CheckerName;
  readonly text: string;
  readonly inputs: readonly TimedInput[];
}

export function printStory(story: RunStory): string {
  const { version, plan, mutant, planted, checker, text, inputs } = story;
  const head = [
    `# ${checker}: ${text.split('\n')[0]}`,
    `# ${inputs.length} inputs; one tick is 10 ms of virtual time`,
    `version ${version}`,
    `seed ${plan.seed}`,
    `checker ${checker}`,
    ...(mutant === undefined ? [] : [`mutant ${mutant}`]),
    ...planted.map((fault) => `planted ${fault}`),
    `plan ${JSON.stringify(plan)}`,
    '',
  ];
  return `${[...head, ...inputs.map(lineOf)].join('\n')}\n`;
}

/** Throws `SyntaxError` for what `printStory` does not print. */
export function parseStory(text: string): RunStory {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const first = lines.findIndex((line) => /^\d/.test(line));
  const head = first < 0 ? lines : lines.slice(0, first);
  const values = (name: string): readonly string[] =>
    head.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [checker = ''] = values('checker');
  const [plan] = values('plan');
  if (!isCheckerName(checker) || plan === undefined) throw new SyntaxError('a story names its checker and its plan');
  return {
    version: values('version')[0] ?? '',
    plan: JSON.parse(plan) as Plan,
    mutant: values('mutant')[0],
    planted: plantedFaults.filter((fault) => values('planted').includes(fault)),
    checker,
    text: '',
    inputs: first < 0 ? [] : lines.slice(first).map(inputOf),
  };
}

// How long nobody got a write through: the longest time between two acknowledgements that follow each other. Pure.

import type { WriteRecord } from '../crash/record.ts';

export interface Step {
  readonly what: string;
  readonly fromMs: number;
}

export interface Gap {
  readonly ms: number;
  /** The step that was under way when the gap ended. */
  readonly during: string;
}

/** The longest gap of each step, in the order of the steps; each gap counts for the step in which it ends. */
export function gapsOf(records: readonly WriteRecord[], steps: readonly Step[]): readonly Gap[] {
  const answers = records
    .filter(({ outcome }) => outcome.kind === 'acknowledged')
    .map(({ answeredMs }) => answeredMs)
    .sort((a, b) => a - b);
  return steps.map(({ what, fromMs }, i) => {
    const endMs = steps[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    let longest = 0;
    answers.forEach((answeredMs, at) => {
      const before = answers[at - 1];
      if (before === undefined || answeredMs < fromMs || answeredMs >= endMs) return;
      longest = Math.max(longest, answeredMs - before);
    });
    return { ms: longest, during: what };
  });
}

// One run, from an empty cluster to a verdict: `run` plays a seed, or the inputs that an earlier run has left.

import type { Raft } from '@kontiki/raft';
import type { CheckerName } from './checkers/names.ts';
import type { Host } from './host.ts';
import type { TimedInput } from './inputs.ts';
import type { KeyCall } from './key-history.ts';
import { type Plan, planOf, type Size, usualSize } from './plan.ts';
import type { PlantedFault } from './planted.ts';
import type { RulesBundle } from './rules.ts';
import { World } from './world.ts';

export interface RunOptions {
  readonly host: Host;
  /** How many lines of the trace a violation carries; 1 unless given. */
  readonly traceLines?: number;
  /** Gets every line of the trace as it happens. */
  readonly print?: (line: string) => void;
  readonly size?: Size;
  /** Other decisions than the right ones. */
  readonly rules?: RulesBundle;
  readonly planted?: readonly PlantedFault[];
  readonly plan?: Partial<Plan>;
  /** Stands around each core: for who writes a run down. */
  readonly around?: (core: Raft) => Raft;
  /** What is done to the cluster, instead of what the seed draws. */
  readonly inputs?: readonly TimedInput[];
  /** Ends the run there, as if all were well. */
  readonly untilTick?: number;
}

export interface Violation {
  readonly checker: CheckerName;
  readonly text: string;
}

/** What a run has seen, so that a test can tell whether it was worth its time. */
export interface Report {
  readonly counts: Readonly<Record<string, number>>;
  /** Faults by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
  readonly ticks: number;
  readonly traceHash: string;
  readonly plan: Plan;
  /** All that was done to the cluster: drives the same run again. */
  readonly inputs: readonly TimedInput[];
  /** What clients asked of single keys, and were answered. */
  readonly calls: readonly KeyCall[];
}

export class ViolationError extends Error {
  readonly code = 'VIOLATION';
  readonly violations: readonly Violation[];
  readonly report: Report;

  constructor(violations: readonly Violation[], report: Report, trace: readonly string[]) {
    const texts = violations.slice(0, 5).map(({ checker, text }) => `${checker}: ${text}`);
    super([`seed ${report.plan.seed}: ${texts.join('; ')}`, ...trace].join('\n'));
    this.name = 'ViolationError';
    this.violations = violations;
    this.report = report;
  }
}

/** Rejects with `ViolationError` as soon as a checker has found something. */
export async function run(seed: number, options: RunOptions): Promise<Report> {
  const world = new World({ ...planOf(seed, options.size ?? usualSize), ...options.plan }, options);
  const cancel = options.host.onStray((reason) => {
    const text = reason instanceof Error ? reason.stack : String(reason);
    world.violation('NoStrayRejection', `a promise was rejected and nobody heard: ${text}`);
  });
  try {
    return await world.play();
  } finally {
    cancel();
  }
}

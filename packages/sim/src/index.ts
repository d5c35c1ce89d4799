export { type CheckerName, checkerClaims, checkerNames, isCheckerName } from './checkers/names.ts';
export type { Host } from './host.ts';
export { type Input, inputOf, lineOf, type TimedInput } from './inputs.ts';
export { type Plan, planOf, type Size, ticksPerSecond, usualSize } from './plan.ts';
export type { RulesBundle } from './rules.ts';
export { type Report, type RunOptions, run, type Violation, ViolationError } from './run.ts';
export { traceSeed } from './tla-trace/of-seed.ts';
export { traceStory } from './tla-trace/of-story.ts';

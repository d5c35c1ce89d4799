export { type CheckerName, checkerClaims, checkerNames, isCheckerName } from './checkers/names.ts';
export type { Host } from './host.ts';
export { type Input, inputOf, lineOf, type TimedInput } from './inputs.ts';
export { checkLinearizability, type Verdict } from './linearizability/checker.ts';
export type { History, Model, Operation } from './linearizability/model.ts';
export {
  type VersionedInput,
  type VersionedOutput,
  versionedKeyModel,
} from './linearizability/models/versioned-key.ts';
export { type Plan, planOf, type Size, ticksPerSecond, usualSize } from './plan.ts';
export type { RulesBundle } from './rules.ts';
export { type Report, type RunOptions, run, type Violation, ViolationError } from './run.ts';
export { traceSeed } from './tla-trace/of-seed.ts';
export { traceStory } from './tla-trace/of-story.ts';

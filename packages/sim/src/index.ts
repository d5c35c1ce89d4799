export { type CheckerName, checkerClaims, checkerNames, isCheckerName } from './checkers/names.ts';
export type { Host } from './host.ts';
export { type Plan, planOf } from './plan.ts';
export { type Report, type RunOptions, run, type Violation, ViolationError } from './run.ts';

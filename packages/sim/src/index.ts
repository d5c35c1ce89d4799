export type { Host } from './host.ts';
export { type Plan, planOf } from './plan.ts';
export { type Report, type RunOptions, run, ViolationError } from './run.ts';

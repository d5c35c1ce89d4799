export type * from './core/api.ts';
export { assert, InvariantError, unreachable } from './core/assert.ts';
export { canonicalHash } from './core/dump.ts';
export { asIndex, asNodeId, asTerm, isCount } from './core/numbers.ts';
export type { RaftCore } from './core/raft.ts';
export { createRaft, load } from './core/raft.ts';
export type { Rules } from './core/rules.ts';
export { type Why, type WhyRule, whyRules } from './core/why.ts';
export type * from './driver/ports.ts';

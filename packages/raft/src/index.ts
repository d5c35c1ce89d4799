export type * from './core/api.ts';
export { assert, InvariantError, unreachable } from './core/assert.ts';
export { canonicalHash } from './core/dump.ts';
export { asIndex, asNodeId, asTerm, isCount } from './core/numbers.ts';
export type { RaftCore } from './core/raft.ts';
export { createRaft, load } from './core/raft.ts';
export type { Rules } from './core/rules.ts';
export { type Why, type WhyRule, whyRules } from './core/why.ts';
export type { ApplyListener, ApplyMessage } from './driver/applying.ts';
export {
  type Applied,
  type Driver,
  type DriverMetrics,
  type DriverOptions,
  type Leadership,
  openDriver,
  type Started,
  type StopReason,
} from './driver/driver.ts';
export {
  NotLeaderError,
  OutcomeUnknownError,
  OverloadedError,
  RecoveryError,
  StoppedError,
  UnavailableError,
  UnsupportedError,
} from './driver/errors.ts';
export type * from './driver/ports.ts';
export { type CallOptions, RaftNode, type ReadOptions, type StartResult } from './driver/raft-node.ts';
export { type DriverSettings, defaultSettings } from './driver/settings.ts';

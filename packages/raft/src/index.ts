export type * from './core/api.ts';
export { assert, InvariantError, unreachable } from './core/assert.ts';
export { addressBytesMax, members, membersMax, promoted, withLearner, without } from './core/configuration.ts';
export { canonicalHash } from './core/dump.ts';
export { asIndex, asNodeId, asTerm, isCount } from './core/numbers.ts';
export type { RaftCore } from './core/raft.ts';
export { createRaft, load } from './core/raft.ts';
export type { Rules } from './core/rules.ts';
export { type Why, type WhyRule, whyRules } from './core/why.ts';
export type { ApplyListener, ApplyMessage } from './driver/applying.ts';
export type { Driver } from './driver/driver.ts';
export type {
  Applied,
  CallOptions,
  ChangeRefusal,
  ChangeStarted,
  Consistency,
  DriverMetrics,
  DriverOptions,
  Leadership,
  ReadOptions,
  Started,
  StopReason,
} from './driver/driver-api.ts';
export {
  CatchUpError,
  ChangeRefusedError,
  NotLeaderError,
  OutcomeUnknownError,
  OverloadedError,
  RecoveryError,
  StoppedError,
  UnavailableError,
  UnsupportedError,
} from './driver/errors.ts';
export { openDriver } from './driver/open-driver.ts';
export type * from './driver/ports.ts';
export { RaftNode, type StartResult } from './driver/raft-node.ts';
export { ReadSession } from './driver/read-session.ts';
export type { DriverRules } from './driver/rules.ts';
export { type DriverSettings, defaultSettings } from './driver/settings.ts';

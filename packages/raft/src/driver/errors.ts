// How a call can fail, by what the caller must decide. Codes are stable, wording is not.

import type { NodeId } from '../core/api.ts';

/** This node cannot take the command: ask `leader`, if it is known. The command certainly has no effect. */
export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError';
  readonly code = 'NOT_LEADER';
  readonly leader: NodeId | undefined;

  constructor(leader: NodeId | undefined, message?: string) {
    super(message ?? (leader === undefined ? 'no leader is known here' : `the leader is ${leader}`));
    this.leader = leader;
  }
}

/**
 * The members cannot be changed like this, or not now. `changePending` and `noCommitInTerm` pass: wait, then repeat. The call
 * certainly has no effect.
 */
export class ChangeRefusedError extends Error {
  override readonly name = 'ChangeRefusedError';
  readonly code = 'CHANGE_REFUSED';
  readonly reason: 'changePending' | 'noCommitInTerm' | 'invalid';

  constructor(reason: ChangeRefusedError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A new server does not keep up with the log (thesis §4.2.1). It stays a learner: wait, make it faster, or remove it. */
export class CatchUpError extends Error {
  override readonly name = 'CatchUpError';
  readonly code = 'CATCH_UP';
}

/** Too much is under way: wait, then repeat. The call certainly has no effect. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError';
  readonly code = 'OVERLOADED';
}

/** The command may have been applied, or may still be: repeat it only if applying it twice does no harm. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';
  readonly code = 'OUTCOME_UNKNOWN';
}

/** No majority could be reached in time. Only calls without effect fail this way: repeat at will. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly code = 'UNAVAILABLE';
}

/** The node has stopped, or stopped itself (`cause`). The call certainly has no effect. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly code = 'STOPPED';

  constructor(cause: Error | undefined) {
    super(cause === undefined ? 'the node was stopped' : `the node stopped itself: ${cause.message}`, { cause });
  }
}

/** This version does not do that. The call certainly has no effect. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly code = 'UNSUPPORTED';
}

/** A node cannot start, or cannot go on, with what its disk holds. The message says what is missing and what to do. */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError';
  readonly code = 'RECOVERY';
}

/** What somebody else's code has thrown. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

// How a call of a session can fail besides the ways of any call (driver/errors.ts), by what the caller must decide.

/**
 * The cluster does not know this session: it was idle for too long, or made room for others, or was closed. Nothing more
 * can be done in it; `register` begins another one, in which the same command would be a new command. `effect` says whether
 * this command may have been executed before the session ended.
 */
export class SessionExpiredError extends Error {
  override readonly name = 'SessionExpiredError';
  readonly code = 'SESSION_EXPIRED';
  readonly effect: 'none' | 'unknown';

  constructor(effect: 'none' | 'unknown') {
    const fate = effect === 'none' ? 'the command had no effect' : 'the command may have had its effect before';
    super(`the session has ended; ${fate}`);
    this.effect = effect;
  }
}

/** The command was executed, once, and its reply is no longer kept. Repeating it in this session changes nothing. */
export class ReplyDroppedError extends Error {
  override readonly name = 'ReplyDroppedError';
  readonly code = 'REPLY_DROPPED';

  constructor() {
    super('the command was executed once, and its reply is no longer kept');
  }
}

/** Bytes that are not what they should be: not written by this package, or damaged on the way. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
  readonly code = 'MALFORMED';
}

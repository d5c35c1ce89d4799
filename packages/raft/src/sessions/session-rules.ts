// The leaf decisions of sessions as one record of pure functions, as core/rules.ts is for the algorithm. Other records
// (mutants) live in an entry point of their own, which no server reaches; this file knows only the right answers.

export interface SessionRules {
  readonly name: string;
  /** §8: whether a command of a session is executed. `wasExecuted`: its reply is kept; `wasAnswered`: its client has it. */
  readonly mayExecute: (command: { readonly wasExecuted: boolean; readonly wasAnswered: boolean }) => boolean;
  /** thesis §6.3: whether a command of a session that nobody knows is executed all the same. */
  readonly executesUnknown: () => boolean;
  /** §8, thesis §6.3: whether replies are part of what a snapshot holds. */
  readonly keepsRepliesInSnapshot: () => boolean;
  /** thesis §6.3: the time that sessions expire by, given what the log says and what the clock of this member says. */
  readonly expiryTime: (time: { readonly cluster: number; readonly local: number }) => number;
}

export const sessionRules: SessionRules = {
  name: 'sessions',
  mayExecute: ({ wasExecuted, wasAnswered }) => !wasExecuted && !wasAnswered,
  // It may have been executed while the session was known: only the client can tell what that means.
  executesUnknown: () => false,
  // A member that starts from a snapshot must recognise what was executed before it.
  keepsRepliesInSnapshot: () => true,
  // All members must forget the same sessions at the same entry.
  expiryTime: ({ cluster }) => cluster,
};

// Bugs in exactly-once commands and in the reads of a session. They show only where somebody keeps sessions, so they are a
// list of their own: a run over etcd's API, which has none, could not see them.

import { type DriverRules, driverRules } from '../driver/rules.ts';
import { type SessionRules, sessionRules } from '../sessions/session-rules.ts';

export interface SessionMutant {
  readonly name: string;
  readonly about: string;
  /** The checkers that may see it; at least one of them must. */
  readonly caughtBy: readonly string[];
  readonly rules: { readonly sessions?: SessionRules; readonly driver?: DriverRules };
}

function mutant(description: Omit<SessionMutant, 'rules'>, wrong: Partial<Omit<SessionRules, 'name'>>): SessionMutant {
  return { ...description, rules: { sessions: { ...sessionRules, ...wrong, name: description.name } } };
}

export const sessionMutants: readonly SessionMutant[] = [
  mutant(
    {
      name: 'sessionsOff',
      about: 'A command that comes a second time is executed a second time (§8).',
      caughtBy: ['KnownLogOracle'],
    },
    { mayExecute: () => true },
  ),
  mutant(
    {
      name: 'repliesNotInSnapshot',
      about: 'A snapshot leaves out what was answered, so whoever starts from it executes copies again (thesis §6.3).',
      caughtBy: ['KnownLogOracle', 'EqualHash'],
    },
    { keepsRepliesInSnapshot: () => false },
  ),
  mutant(
    {
      name: 'expiryByLocalClock',
      about: 'Each member forgets idle sessions by its own clock, at another entry than the others (thesis §6.3).',
      caughtBy: ['EqualHash', 'KnownErrors'],
    },
    { expiryTime: ({ local }) => local },
  ),
  mutant(
    {
      name: 'unknownSessionExecutes',
      about: 'A command of a session that has expired is executed, perhaps for the second time (thesis §6.3).',
      caughtBy: ['KnownLogOracle'],
    },
    { executesUnknown: () => true },
  ),
  {
    name: 'sessionReadDoesNotWait',
    about: 'A member answers a session that has seen more than it has applied (read-your-writes, monotonic reads).',
    caughtBy: ['KnownLogOracle'],
    rules: { driver: { ...driverRules, servesSession: () => true, name: 'sessionReadDoesNotWait' } },
  },
];

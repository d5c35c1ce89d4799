// Which corners a run has been in: kinds of faults, messages by the role of their receiver, rows of the recovery table of
// the log, and the rules of the core that fired. What no run of many reaches is tested by none of them.

import { type Message, type Status, type WhyRule, whyRules } from '@kontiki/raft';
import { type InputKind, inputFields } from './inputs.ts';

export type Mark =
  | `input ${InputKind}`
  | `message ${Message['kind']} to ${Status['role']}`
  | `wal ${string}`
  | `why ${WhyRule}`;

export class Marks {
  readonly #counts = new Map<string, number>();

  hit(mark: Mark): void {
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + 1);
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const kinds: readonly Message['kind'][] = [
  'requestVote',
  'requestVoteReply',
  'appendEntries',
  'appendEntriesReply',
  'installSnapshot',
  'readIndex',
  'readIndexReply',
  'timeoutNow',
];
const roles: readonly Status['role'][] = ['follower', 'preCandidate', 'candidate', 'leader', 'learner'];
const rows = 'ABCDEFGHIJKLMNOPQR';

/** Everything that runs are expected to reach. */
export const expectedMarks: readonly string[] = [
  ...Object.keys(inputFields).map((kind) => `input ${kind}`),
  ...kinds.flatMap((kind) => roles.map((role) => `message ${kind} to ${role}`)),
  ...[...rows].map((row) => `wal ${row}`),
  ...Object.keys(whyRules).map((rule) => `why ${rule}`),
];

/** What no run of the simulator can reach, and why that is right. */
export const unreachable: Readonly<Record<string, string>> = {};

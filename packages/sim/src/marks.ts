// Which corners a run has been in: kinds of faults, messages by the role of their receiver, rows of the recovery table of
// the log, and the rules of the core that fired. What no run of many reaches is tested by none of them.

import { type Message, type Status, type WhyRule, whyRules } from '@kontiki/raft';
import { type InputKind, inputFields } from './inputs.ts';

export class Marks {
  // Maps of their own, so that what happens most often costs no new text.
  readonly #rules = new Map<WhyRule, number>();
  readonly #messages = new Map<Message['kind'], Map<Status['role'], number>>();
  readonly #others = new Map<string, number>();

  rule(rule: WhyRule): void {
    this.#rules.set(rule, (this.#rules.get(rule) ?? 0) + 1);
  }

  message(kind: Message['kind'], receiver: Status['role']): void {
    let roles = this.#messages.get(kind);
    if (roles === undefined) {
      roles = new Map();
      this.#messages.set(kind, roles);
    }
    roles.set(receiver, (roles.get(receiver) ?? 0) + 1);
  }

  hit(mark: `input ${InputKind}` | `wal ${string}`): void {
    this.#others.set(mark, (this.#others.get(mark) ?? 0) + 1);
  }

  counts(): Readonly<Record<string, number>> {
    const all: [string, number][] = [...this.#others];
    for (const [rule, count] of this.#rules) all.push([`why ${rule}`, count]);
    for (const [kind, roles] of this.#messages) {
      for (const [role, count] of roles) all.push([`message ${kind} to ${role}`, count]);
    }
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
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
export const unreachable: Readonly<Record<string, string>> = {
  'message timeoutNow to learner': 'leadership is handed to voters only',
  'wal A': 'no seed has files of a newer program; packages/wal/test has',
  'wal K': 'only a faulty writer gives nonsense a right checksum; packages/wal/test does',
  'why lease.renew': 'members do not offer lease reads; runs of sessions do',
  'why lease.serve': 'members do not offer lease reads; runs of sessions do',
  'why lease.expired': 'members do not offer lease reads; runs of sessions do',
  'why cfg.refuse.term': 'a member hands a change to the core only when the core will take it',
};

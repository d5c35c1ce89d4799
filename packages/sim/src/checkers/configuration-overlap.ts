// Configurations follow each other so that no two of them can decide apart (§6, thesis §4.3): the quorums of neighbours in a
// log overlap, joint ones are entered and left in order, a leader appends one only when the one before it is committed, and
// a node uses the newest one of its log, committed or not.

import type { Configuration, NodeId, Persist } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import type { ConfigurationAt } from './node-log.ts';
import type { NodeRecord } from './node-record.ts';
import { quorumsOverlap } from './quorums.ts';

export function configurationOverlap({ report }: Watched): Checker {
  const say = (text: string): void => report('ConfigurationOverlap', text);
  return {
    handedToLog: (node, write) => {
      for (const entry of write.entries) {
        if (entry.kind !== 'configuration') continue;
        const before = precedingIn(node, write, entry.index);
        const wrong = before === undefined ? undefined : wrongStep(before, entry.configuration);
        if (wrong !== undefined) say(`${node.id} has at ${entry.index} ${wrong}`);
      }
    },
    turnEnded: (node, status) => {
      const active = node.written.configuration;
      if (!node.isExact || active === undefined) return;
      if (!sameMembers(active.configuration, status.configuration)) {
        const found = `${nameOf(status.configuration)} in use, its log says ${nameOf(active.configuration)}`;
        say(`${node.id} has ${found} at ${active.index}`);
      }
      if (status.role !== 'leader' || active.term !== status.term) return;
      const [, before] = node.written.configurations;
      if (before === undefined || before.index <= status.commit) return;
      say(`${node.id} appended a configuration at ${active.index}, the one at ${before.index} is not committed`);
    },
  };
}

/** The configuration that is active just before `index`, in a log that has not taken the write yet. */
function precedingIn({ written }: NodeRecord, { base, entries }: Persist, index: number): Configuration | undefined {
  const within = entries.findLast((entry) => entry.kind === 'configuration' && entry.index < index);
  if (within?.kind === 'configuration') return within.configuration;
  const first = entries[0]?.index ?? index;
  const kept: ConfigurationAt | undefined = written.configurations.find((one) => one.index < first);
  if (base === undefined || (kept !== undefined && kept.index > base.last.index)) return kept?.configuration;
  return base.configuration;
}

/** Answers what is wrong with `next` right after `before`. */
function wrongStep(before: Configuration, next: Configuration): string | undefined {
  // Who joins has the log from its beginning and not the configuration that stood before it.
  if (before.voters.length === 0) return undefined;
  const names = `${nameOf(next)} after ${nameOf(before)}`;
  const isJoint = next.outgoing.length > 0;
  if (before.outgoing.length > 0) {
    if (isJoint && !sameVoters(before, next)) return `${names}: one change within another`;
    if (!isJoint && !sameNodes(before.voters, next.voters)) return `${names}: not what the change led to`;
  } else if (isJoint && !sameNodes(before.voters, next.outgoing)) {
    return `${names}: a change from what was not in force`;
  } else if (!isJoint && !sameNodes(before.voters, next.voters)) {
    // Safe only for one server at a time, and only for a leader that has committed in its term (Ongaro 2015).
    return `${names}: without both in between`;
  }
  return quorumsOverlap(before, next) ? undefined : `${names}: both could decide, apart`;
}

export function nameOf({ voters, outgoing, learners }: Configuration): string {
  const now = learners.length === 0 ? `{${voters.join(' ')}}` : `{${voters.join(' ')}, learning ${learners.join(' ')}}`;
  return outgoing.length === 0 ? now : `{${outgoing.join(' ')}} to ${now}`;
}

export function sameMembers(a: Configuration, b: Configuration): boolean {
  return sameVoters(a, b) && sameNodes(a.learners, b.learners);
}

function sameVoters(a: Configuration, b: Configuration): boolean {
  return a === b || (sameNodes(a.voters, b.voters) && sameNodes(a.outgoing, b.outgoing));
}

function sameNodes(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a === b || (a.length === b.length && a.every((node, at) => node === b[at]));
}

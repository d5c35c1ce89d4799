// What a leader commits is on the disks of a majority of the configuration in force, of both halves while joint (§5.3,
// §5.4.2, thesis §4.3); others take for committed, and clients are told, only what a leader has committed so.

import type { Configuration, NodeId, Status } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';
import { isQuorum } from './quorums.ts';

export function majorityDurable({ report, record }: Watched): Checker {
  /** The highest index that a leader has committed. */
  let committed = 0;
  /** Where each revision was first reached, and how far the entry was: only those that are still of use. */
  const reached: { readonly revision: number; readonly index: number }[] = [];

  const judge = (node: NodeRecord, status: Status): void => {
    const before = node.status?.commit ?? 0;
    if (status.commit <= before) return;
    const hasLed = node.status?.role === 'leader' && node.status.term === status.term;
    // thesis §4.2.2: a leader that the change removes commits it, and steps down in the same turn.
    if (status.role !== 'leader' && !hasLed) {
      // It may have committed as a leader and been deposed in one turn.
      if (node.status?.role === 'leader') committed = Math.max(committed, status.commit);
      else if (status.commit > committed) {
        report(
          'MajorityDurable',
          `${node.id} takes ${status.commit} for committed, leaders have committed ${committed}`,
        );
      }
      return;
    }
    committed = Math.max(committed, status.commit);
    // §5.4.2: whoever led this term before this turn commits by counting, and only entries of its own term.
    const term = hasLed ? status.term : node.isExact ? node.written.termAt(status.commit) : undefined;
    if (term === undefined) return;
    const has = (peer: NodeId): boolean => record(peer).holds(status.commit, term);
    const inForce = configurationsOf(node, status);
    if (inForce.some((configuration) => isQuorum(configuration, has))) return;
    const nodes = [...new Set(inForce.flatMap(({ voters, outgoing }) => [...voters, ...outgoing]))].filter(has);
    const found = `durable on ${nodes.length === 0 ? 'nobody' : nodes.join(', ')}`;
    report('MajorityDurable', `${node.id} committed ${status.commit}@${term} in term ${status.term}, ${found}`);
  };

  return {
    turnEnded: judge,
    // Whoever begins to watch a cluster that has lived before.
    started: (node, { hardState }) => {
      if (node.boot === 0) committed = Math.max(committed, hardState.commit);
    },
    applied: (_node, _commands, last, revision) => {
      if (revision > (reached.at(-1)?.revision ?? 0)) reached.push({ revision, index: last.index });
    },
    acknowledged: (node, revision) => {
      if (node.isRunning && node.revision < revision) {
        report('MajorityDurable', `${node.id} acknowledged revision ${revision} and is at ${node.revision}`);
      }
      const found = firstAt(reached, revision);
      if (found === undefined || found.index <= committed) return;
      const where = `entry ${found.index}, leaders have committed ${committed}`;
      report('MajorityDurable', `revision ${revision} was acknowledged, which is ${where}`);
    },
  };
}

/** A configuration may be replaced in the turn in which its last entry commits. */
function configurationsOf(node: NodeRecord, status: Status): readonly Configuration[] {
  const before = node.status?.configuration;
  return before === undefined || before === status.configuration
    ? [status.configuration]
    : [before, status.configuration];
}

function firstAt<T extends { readonly revision: number }>(sorted: readonly T[], revision: number): T | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle]?.revision ?? 0) < revision) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

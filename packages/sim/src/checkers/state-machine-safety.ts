// State Machine Safety (figure 3, §5.4.3) over a cluster. A state machine is given commands only; what stands between them
// is taken from the member's own log, so that a command which is left out is missed.

import type { CommittedCommand, Entry, LogId } from '@kontiki/raft';
import { entryName, StateMachineSafety, type Violation } from '@kontiki/raft/story';
import type { Checker, Watched } from './checker.ts';
import type { NodeRecord } from './node-record.ts';

export function stateMachineSafety({ report, find }: Watched): Checker {
  const machines = new StateMachineSafety();
  const tell = (violation: Violation | undefined): void => {
    if (violation !== undefined) report('StateMachineSafety', violation.text);
  };

  const applied = (node: NodeRecord, commands: readonly CommittedCommand[], last: LogId): void => {
    const given = new Map(commands.map((command) => [command.index as number, command]));
    for (let index = (node.applied?.index ?? 0) + 1; index <= last.index; index += 1) {
      const command = given.get(index);
      given.delete(index);
      const entry = command === undefined ? standing(node, index) : entryOf(command);
      if (entry === undefined) {
        report('StateMachineSafety', `${node.id} applied ${index}, which is not in its log`);
        continue;
      }
      if (command === undefined && entry.kind === 'command') {
        report('StateMachineSafety', `${node.id} left ${entryName(entry)} out`);
      }
      tell(machines.applied(node.id, entry));
    }
    for (const { index, term } of given.values()) {
      report('StateMachineSafety', `${node.id} applied ${index}@${term} right after index ${node.applied?.index ?? 0}`);
    }
  };

  const standing = ({ written }: NodeRecord, index: number): Entry | undefined => {
    const term = written.termAt(index);
    if (term !== undefined) return find({ index, term } as LogId);
    // A snapshot that came meanwhile has replaced the log under what was on its way to the state machine. Whoever sent it
    // has applied the same.
    return index <= written.base.index ? machines.at(index as LogId['index']) : undefined;
  };

  return {
    opened: (node, index) => machines.restarted(node.id, index),
    applied,
    restored: (node, last) => tell(machines.restored(node.id, last)),
  };
}

function entryOf({ term, index, command }: CommittedCommand): Entry {
  return { kind: 'command', term, index, data: command };
}

// The observer outside: remembers everything any node ever showed, and holds it against figure 3. Knows nothing of faults.

import assert from 'node:assert/strict';
import type { Configuration, Entry, Index, LogId, NodeId, Term } from '../../src/core/api.ts';
import { isUnknown, sameConfiguration } from '../../src/core/configuration.ts';
import type { RaftCore } from '../../src/core/raft.ts';
import type { Disk } from './model-disk.ts';

export class Observer {
  readonly #first: Configuration;
  readonly #diskOf: (id: NodeId) => Disk;
  readonly #leaders = new Map<Term, NodeId>();
  readonly #written = new Map<string, string>();
  readonly #committed: (LogId & { readonly key: string; readonly in: Term })[] = [];
  /** Committed configurations, oldest first. */
  readonly #configurations: { readonly index: Index; readonly configuration: Configuration }[] = [];
  readonly #states = new Map<Index, string>();
  readonly counts = { elections: 0, commits: 0 };

  constructor(first: Configuration, diskOf: (id: NodeId) => Disk) {
    this.#first = first;
    this.#diskOf = diskOf;
  }

  /** The highest index that anybody has called committed. */
  get commitIndex(): Index {
    return this.#committed.length as Index;
  }

  /** After every step of every node; `last` is where its log ended before. */
  sawStep(core: RaftCore, last: LogId | undefined): void {
    this.#checkLog(core, last);
    this.#checkLeader(core);
    this.#checkCommit(core);
    this.#checkConfiguration(core);
  }

  /** State Machine Safety (figure 3): no two machines differ after the same index. */
  sawState(id: NodeId, { index, state }: { readonly index: Index; readonly state: string }): void {
    const known = this.#states.get(index);
    assert.ok(known === undefined || known === state, `StateMachineSafety: ${id} differs at ${index}`);
    this.#states.set(index, state);
  }

  /** Election Safety and Leader Completeness (figure 3). */
  #checkLeader(core: RaftCore): void {
    const { role, term, log, settings } = core.node;
    if (role.kind !== 'leader') return;
    const known = this.#leaders.get(term);
    if (known === settings.id) return;
    assert.equal(known, undefined, `ElectionSafety: ${known} and ${settings.id} lead term ${term}`);
    this.#leaders.set(term, settings.id);
    this.counts.elections += 1;
    for (const entry of this.#committed) {
      if (entry.index < log.base.last.index || entry.in >= term) continue;
      const found = log.termAt(entry.index);
      assert.equal(
        found,
        entry.term,
        `LeaderCompleteness: leader ${settings.id} of ${term} lacks entry ${entry.index}`,
      );
    }
  }

  /** Log Matching (figure 3): an (index, term) determines the entry and the one before it, everywhere and for ever. */
  #checkLog(core: RaftCore, before: LogId | undefined): void {
    const { log } = core.node;
    const same = before !== undefined && before.index === log.last.index && before.term === log.last.term;
    const from = same ? log.lastIndex : Math.max(log.first, (before?.index ?? 0) - 12);
    for (let index = from; index <= log.lastIndex; index += 1) {
      const entry = log.at(index as Index);
      if (entry === undefined) continue;
      const value = `${log.termAt((index - 1) as Index)}|${keyOf(entry)}`;
      const known = this.#written.get(nameOf(entry));
      assert.ok(known === undefined || known === value, `LogMatching: ${nameOf(entry)} is ${known} and ${value}`);
      this.#written.set(nameOf(entry), value);
    }
  }

  /** What anybody calls committed is one log, and when it is first so called a quorum has it on disk. */
  #checkCommit(core: RaftCore): void {
    const { log, commit, term, role } = core.node;
    for (let index = Math.max(log.first, this.#committed.length + 1); index <= commit; index += 1) {
      const entry = log.at(index as Index);
      assert.ok(entry !== undefined);
      assert.equal(index, this.#committed.length + 1, 'the first to commit has the entry');
      this.#committed.push({ index: entry.index, term: entry.term, key: keyOf(entry), in: term });
      if (entry.kind === 'configuration') this.#configurations.push(entry);
      this.counts.commits += 1;
      if (role.kind === 'leader') this.#checkStored(entry, this.#configurationOf(core));
    }
    const known = this.#committed[commit - 1];
    const found = log.termAt(commit);
    if (known !== undefined) assert.equal(found, known.term, `StateMachineSafety: commit ${commit} has term ${found}`);
  }

  /** What a node takes for the configuration is the newest in its log; a server that joined may not know the first one. */
  #checkConfiguration(core: RaftCore): void {
    const { configuration, id } = core.status();
    const newest = this.#configurationOf(core);
    if (isUnknown(configuration) && newest === this.#first) return;
    assert.ok(sameConfiguration(configuration, newest), `${id} goes by another configuration than its log has`);
  }

  /** thesis §4.1: the newest in the log, whatever the node itself believes; below its base, the newest that was committed. */
  #configurationOf({ node: { log } }: RaftCore): Configuration {
    for (let index = log.lastIndex; index >= log.first; index = (index - 1) as Index) {
      const entry = log.at(index);
      if (entry?.kind === 'configuration') return entry.configuration;
    }
    return this.#configurations.findLast(({ index }) => index < log.first)?.configuration ?? this.#first;
  }

  /**
   * An entry is committed once a majority has it durable: not in memory, not on its way; and while joint, a majority of
   * each set. The newest configuration of the leader's log decides (thesis §4.1).
   */
  #checkStored(entry: LogId, { voters, outgoing }: Configuration): void {
    for (const group of [voters, outgoing]) {
      if (group.length === 0) continue;
      const holders = group.filter((id) => {
        const disk = this.#diskOf(id);
        if (disk.base.last.index >= entry.index) return true;
        return disk.entries.some((other) => other.index === entry.index && other.term === entry.term);
      });
      assert.ok(
        holders.length > group.length / 2,
        `entry ${nameOf(entry)} is called committed, but of ${group.join()} only ${holders.join()} have it durable`,
      );
    }
  }
}

export function keyOf(entry: Entry): string {
  return entry.kind === 'command'
    ? `${entry.term}:${Buffer.from(entry.data).toString()}`
    : `${entry.term}:${entry.kind}`;
}

export function nameOf({ term, index }: LogId): string {
  return `${term}/${index}`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Entry, Index, LogId, NodeId, RecoveredLog, SnapshotMeta, Term } from '@kontiki/raft';
import { planStart } from '../../src/driver/start-plan.ts';

const members: Configuration = { voters: ['a' as NodeId], outgoing: [], learners: [], addresses: [] };
const nobody: Configuration = { voters: [], outgoing: [], learners: [], addresses: [] };

function at(term: number, index: number): LogId {
  return { term: term as Term, index: index as Index };
}

/** A log that begins behind `base`, with entries of these terms. */
function log(
  base: LogId,
  terms: readonly number[],
  term = terms.at(-1) ?? base.term,
  commit = base.index,
): RecoveredLog {
  const entries = terms.map((entryTerm, n): Entry => ({ kind: 'noop', ...at(entryTerm, base.index + 1 + n) }));
  const configuration = base.index === 0 && terms.length === 0 && term === 0 ? nobody : members;
  return {
    base: { last: base, configuration },
    entries,
    hardState: { term: term as Term, votedFor: 'a' as NodeId, commit: commit as Index },
  };
}

function snapshot(term: number, index: number): SnapshotMeta {
  return { last: at(term, index), configuration: members };
}

const empty = log(at(0, 0), []);
const rows: readonly {
  readonly name: string;
  readonly log: RecoveredLog;
  readonly newest?: SnapshotMeta;
  readonly machine?: LogId;
  readonly bootstrap?: Configuration;
  readonly stops?: RegExp;
  readonly applied?: number;
  readonly writes?: boolean;
  readonly restores?: number;
}[] = [
  { name: 'a first start writes the configuration', log: empty, bootstrap: members, applied: 0, writes: true },
  { name: 'a first start without a configuration', log: empty, stops: /needs the configuration/ },
  {
    name: 'an empty log beside a snapshot',
    log: empty,
    newest: snapshot(1, 4),
    bootstrap: members,
    stops: /files are missing/,
  },
  {
    name: 'an empty log beside a state',
    log: empty,
    machine: at(1, 4),
    bootstrap: members,
    stops: /files are missing/,
  },
  { name: 'a log from the beginning', log: log(at(0, 0), [1, 1, 2]), applied: 0 },
  { name: 'a snapshot inside the log', log: log(at(1, 2), [1, 1, 2]), newest: snapshot(1, 4), applied: 4, restores: 4 },
  { name: 'a snapshot at the base', log: log(at(1, 2), [1]), newest: snapshot(1, 2), applied: 2, restores: 2 },
  {
    name: 'a snapshot before the base',
    log: log(at(1, 5), [1]),
    newest: snapshot(1, 4),
    stops: /state before 6 is missing/,
  },
  { name: 'no snapshot for the base', log: log(at(1, 5), [1]), stops: /there is no snapshot/ },
  {
    name: 'a snapshot beyond the log',
    log: log(at(1, 2), [1]),
    newest: snapshot(3, 9),
    applied: 9,
    writes: true,
    restores: 9,
  },
  {
    name: 'a snapshot that contradicts the log',
    log: log(at(1, 2), [1, 1, 1]),
    newest: snapshot(2, 4),
    applied: 4,
    writes: true,
    restores: 4,
  },
  { name: 'a state inside the log', log: log(at(1, 2), [1, 1, 2]), machine: at(1, 4), applied: 4 },
  { name: 'a state at the base', log: log(at(1, 2), [1, 1, 2]), machine: at(1, 2), applied: 2 },
  {
    name: 'a state before the base, with the snapshot between',
    log: log(at(1, 5), [2]),
    machine: at(1, 3),
    newest: snapshot(1, 5),
    applied: 5,
    restores: 5,
  },
  {
    name: 'a state before the base, without it',
    log: log(at(1, 5), [2]),
    machine: at(1, 3),
    stops: /no snapshot covers the gap/,
  },
  { name: 'a state beyond the log', log: log(at(1, 2), [1]), machine: at(1, 8), stops: /the log has lost entries/ },
  { name: 'a state of another term', log: log(at(1, 2), [1, 2]), machine: at(1, 4), stops: /different members/ },
  {
    name: 'a state before a received snapshot beyond the log',
    log: log(at(1, 2), [1]),
    machine: at(1, 3),
    newest: snapshot(3, 9),
    applied: 9,
    writes: true,
    restores: 9,
  },
];

for (const row of rows) {
  test(`${row.name} ${row.stops === undefined ? 'starts' : 'stops the node with a sentence'}`, () => {
    const plan = planStart({
      log: row.log,
      newest: row.newest,
      machine: row.machine,
      bootstrap: row.bootstrap,
      isJoining: false,
    });

    if (row.stops !== undefined) {
      assert.equal(plan.kind, 'stop');
      assert.match(plan.kind === 'stop' ? plan.reason : '', row.stops);
      return;
    }
    assert.ok(plan.kind === 'start');
    assert.equal(plan.restore.applied, row.applied);
    assert.equal(plan.write !== undefined, row.writes ?? false);
    assert.equal(plan.restoreFrom?.last.index, row.restores);
    const { hardState, base, entries, applied } = plan.restore;
    assert.ok(hardState.commit >= applied && hardState.commit >= base.last.index);
    assert.ok(hardState.term >= (entries.at(-1) ?? base.last).term);
  });
}

test('a vote of the term survives, a vote of an earlier term does not', () => {
  const same = planStart({
    log: log(at(1, 2), [1], 3),
    newest: snapshot(3, 9),
    machine: undefined,
    bootstrap: undefined,
    isJoining: false,
  });
  const later = planStart({
    log: log(at(1, 2), [1], 2),
    newest: snapshot(3, 9),
    machine: undefined,
    bootstrap: undefined,
    isJoining: false,
  });

  assert.equal(same.kind === 'start' && same.restore.hardState.votedFor, 'a');
  assert.equal(later.kind === 'start' && later.restore.hardState.votedFor, undefined);
});

test('a node that joins starts with nothing, and is not asked for a configuration', () => {
  const nothing = { log: log(at(0, 0), []), newest: undefined, machine: undefined };

  const plan = planStart({ ...nothing, bootstrap: undefined, isJoining: true });
  assert.ok(plan.kind === 'start');
  assert.equal(plan.write, undefined);
  assert.deepEqual(plan.restore.base.configuration, nobody);

  const both = planStart({ ...nothing, bootstrap: members, isJoining: true });
  assert.equal(both.kind, 'stop');
});

// The power fails at every step of a log's life, and again at every step of the recovery from it. What was acknowledged
// is there, what was not is there whole or not at all, and recovery never takes the remains for damage.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Persist, RecoveredLog } from '@kontiki/raft';
import { openWal, type Unsynced, type Wal } from '@kontiki/wal';
import { statesAfter } from './naive-log.ts';
import { generator, seedOf } from './recovery-rig.ts';
import { base, command, commands, hardState, Rig, write } from './rig.ts';

const options = { segmentBytes: 4096 };

// Appends over three segments, a conflict, a lazy commit index, a base that drops a segment, a base that replaces the log,
// a batch larger than a segment.
const life: readonly Persist[] = [
  write({ hardState: hardState(1, 0, 'a'), base: base(0, 0), entries: commands(1, 3, 1, 700) }),
  write({ hardState: hardState(1, 2, 'a'), entries: commands(4, 6, 1, 700) }),
  write({ sync: false, hardState: hardState(1, 5, 'a') }),
  write({ hardState: hardState(2, 5), entries: commands(6, 8, 2, 700) }),
  write({ entries: commands(9, 11, 2, 700) }),
  write({ sync: false, hardState: hardState(2, 10) }),
  write({ base: base(8, 2) }),
  write({ entries: commands(12, 14, 2, 700) }),
  write({ hardState: hardState(4, 10, 'c'), base: base(30, 3), entries: [command(31, 4)] }),
  write({ entries: commands(32, 36, 4, 1000) }),
  write({ sync: false, hardState: hardState(4, 36, 'c') }),
  write({ base: base(35, 4), entries: [command(37, 4)] }),
];
const states = statesAfter(life);

interface Play {
  started: number;
  /** How many writes the log cannot lose any more: up to the last synced one that was answered. */
  safe: number;
  closed: boolean;
}

/** Opens the log and appends all writes, each after the last was answered; then closes it. Nothing runs yet. */
function play(rig: Rig, writes: readonly Persist[]): Play {
  const seen: Play = { started: 0, safe: 0, closed: false };
  const next = (wal: Wal): void => {
    const write = writes[seen.started];
    if (write === undefined) {
      wal.close((error) => {
        assert.equal(error, undefined);
        seen.closed = true;
        seen.safe = writes.length;
      });
      return;
    }
    seen.started += 1;
    const number = seen.started;
    wal.append(write, (error) => {
      assert.equal(error, undefined);
      if (write.sync) seen.safe = number;
      next(wal);
    });
  };
  openWal(rig.walOptions({ ...options, later: rig.later }), (outcome) => {
    assert.equal(outcome.kind, 'done');
    next(outcome.value);
  });
  return seen;
}

function stepsOfLife(): number {
  const rig = new Rig();
  const seen = play(rig, life);
  rig.settle();
  assert.ok(seen.closed);
  return rig.steps;
}

function crashed(steps: number, keep: (unsynced: Unsynced) => boolean): { readonly rig: Rig; readonly seen: Play } {
  const rig = new Rig();
  const seen = play(rig, life);
  rig.settle(steps);
  rig.disk.crash(keep);
  return { rig, seen };
}

function assertPossible(recovered: RecoveredLog, seen: Play, where: string): void {
  const possible = states.slice(seen.safe, seen.started + 1);
  assert.ok(
    possible.some((state) => isDeepStrictEqual(state, recovered)),
    `${where}: log up to ${recovered.entries.at(-1)?.index ?? recovered.base.last.index}, ` +
      `${seen.safe} writes were safe and ${seen.started} begun`,
  );
}

const total = stepsOfLife();

test('the life of this file takes what it shall: cuts, drops, lazy claims', () => {
  const rig = new Rig();
  play(rig, life);
  rig.settle();
  assert.ok(rig.events.filter(({ kind }) => kind === 'segmentBegun').length >= 4);
  assert.ok(rig.events.filter(({ kind }) => kind === 'segmentDropped').length >= 2);
  assert.deepEqual(rig.openWal(options).recovered, states.at(-1));
});

test('a power failure at any step loses nothing that was acknowledged', () => {
  const random = generator(seedOf('power failures'));
  const policies: readonly (() => boolean)[] = [
    () => false,
    () => true,
    () => random() < 0.5,
    () => random() < 0.2,
    () => random() < 0.8,
  ];
  for (let steps = 0; steps <= total; steps++) {
    for (const [number, keep] of policies.entries()) {
      const { rig, seen } = crashed(steps, keep);
      assertPossible(rig.openWal(options).recovered, seen, `step ${steps}, policy ${number}`);
    }
  }
});

test('a power failure at any step of the recovery changes nothing', () => {
  const random = generator(seedOf('power failures of the recovery'));
  for (let steps = 0; steps <= total; steps++) {
    for (let recoverySteps = 1; ; recoverySteps++) {
      const { rig, seen } = crashed(steps, () => random() < 0.5);
      const before = rig.steps;
      let opened: RecoveredLog | undefined;
      openWal(rig.walOptions(options), (outcome) => {
        assert.equal(outcome.kind, 'done');
        opened = outcome.value.recovered;
      });
      rig.settle(recoverySteps);
      const isOver = rig.steps - before < recoverySteps;
      rig.disk.crash(() => random() < 0.5);

      const { recovered } = rig.openWal(options);

      assertPossible(recovered, seen, `step ${steps}, recovery step ${recoverySteps}`);
      // What a finished recovery has told its node is acknowledged, too.
      if (opened !== undefined) assert.deepEqual(recovered, opened);
      if (isOver) break;
    }
  }
});

test('a process that is killed, and the power after it, lose nothing that was recovered', () => {
  // The page cache outlives the process: what recovery reads there may never have reached the disk.
  for (let steps = 0; steps <= total; steps++) {
    const rig = new Rig();
    const seen = play(rig, life);
    rig.settle(steps);
    rig.disk.kill();
    const { recovered } = rig.openWal(options);
    assertPossible(recovered, seen, `step ${steps}`);
    rig.disk.crash(() => false);
    assert.deepEqual(rig.openWal(options).recovered, recovered);
  }
});

test('a log goes on after a power failure at any step', () => {
  const random = generator(seedOf('going on'));
  for (let steps = 0; steps <= total; steps += 3) {
    const { rig } = crashed(steps, () => random() < 0.5);
    const wal = rig.openWal(options);
    const { base: start, entries } = wal.recovered;
    const from = (entries.at(-1)?.index ?? start.last.index) + 1;
    const more = [
      write({ entries: commands(from, from + 2, 9, 700) }),
      write({ entries: commands(from + 3, from + 5, 9, 700) }),
    ];

    for (const batch of more) rig.append(wal, batch);
    rig.disk.crash(() => random() < 0.5);

    assert.deepEqual(rig.openWal(options).recovered.entries, [...entries, ...more.flatMap((batch) => batch.entries)]);
  }
});

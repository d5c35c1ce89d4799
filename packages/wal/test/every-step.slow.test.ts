// The power fails at every step of a log's life, and again at every step of the recovery from it. What was acknowledged
// is there, what was not is there whole or not at all, and recovery never takes the remains for damage.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecoveredLog } from '@kontiki/raft';
import { openWal, type Unsynced } from '@kontiki/wal';
import { chance } from '@kontiki/wal/testing';
import { isPossible, lifeOptions, lifeStates, type Play, play } from './life.ts';
import { statesAfter } from './naive-log.ts';
import { seedOf } from './recovery-rig.ts';
import { base, commands, Rig, write } from './rig.ts';

function stepsOfLife(): number {
  const rig = new Rig();
  const seen = play(rig.walOptions({ ...lifeOptions, later: rig.later }));
  rig.settle();
  assert.ok(seen.closed);
  return rig.steps;
}

function crashed(steps: number, keep: (unsynced: Unsynced) => boolean): { readonly rig: Rig; readonly seen: Play } {
  const rig = new Rig();
  const seen = play(rig.walOptions({ ...lifeOptions, later: rig.later }));
  rig.settle(steps);
  rig.disk.crash(keep);
  return { rig, seen };
}

function assertPossible(recovered: RecoveredLog, seen: Play, where: string): void {
  const last = recovered.entries.at(-1)?.index ?? recovered.base.last.index;
  const found = `log up to ${last}, ${seen.safe} writes were safe and ${seen.started} begun`;
  assert.ok(isPossible(recovered, seen), `${where}: ${found}`);
}

const total = stepsOfLife();

test('the life of this file takes what it shall: cuts, drops, lazy claims', () => {
  const rig = new Rig();
  play(rig.walOptions({ ...lifeOptions, later: rig.later }));
  rig.settle();
  assert.ok(rig.events.filter(({ kind }) => kind === 'segmentBegun').length >= 4);
  assert.ok(rig.events.filter(({ kind }) => kind === 'segmentDropped').length >= 2);
  assert.deepEqual(rig.openWal(lifeOptions).recovered, lifeStates.at(-1));
});

test('a power failure at any step loses nothing that was acknowledged', () => {
  const random = chance(seedOf('power failures'));
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
      assertPossible(rig.openWal(lifeOptions).recovered, seen, `step ${steps}, policy ${number}`);
    }
  }
});

test('a power failure at any step of the recovery changes nothing', () => {
  const random = chance(seedOf('power failures of the recovery'));
  for (let steps = 0; steps <= total; steps++) {
    for (let recoverySteps = 1; ; recoverySteps++) {
      const { rig, seen } = crashed(steps, () => random() < 0.5);
      const before = rig.steps;
      let opened: RecoveredLog | undefined;
      openWal(rig.walOptions(lifeOptions), (outcome) => {
        assert.equal(outcome.kind, 'done');
        opened = outcome.value.recovered;
      });
      rig.settle(recoverySteps);
      const isOver = rig.steps - before < recoverySteps;
      rig.disk.crash(() => random() < 0.5);

      const { recovered } = rig.openWal(lifeOptions);

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
    const seen = play(rig.walOptions({ ...lifeOptions, later: rig.later }));
    rig.settle(steps);
    rig.disk.kill();
    const { recovered } = rig.openWal(lifeOptions);
    assertPossible(recovered, seen, `step ${steps}`);
    rig.disk.crash(() => false);
    assert.deepEqual(rig.openWal(lifeOptions).recovered, recovered);
  }
});

test('a log goes on after a power failure at any step', () => {
  const random = chance(seedOf('going on'));
  for (let steps = 0; steps <= total; steps += 3) {
    const { rig } = crashed(steps, () => random() < 0.5);
    const wal = rig.openWal(lifeOptions);
    const { base: start, entries } = wal.recovered;
    const from = (entries.at(-1)?.index ?? start.last.index) + 1;
    const more = [
      write({ entries: commands(from, from + 2, 9, 700) }),
      write({ entries: commands(from + 3, from + 5, 9, 700) }),
    ];

    for (const batch of more) rig.append(wal, batch);
    rig.disk.crash(() => random() < 0.5);

    assert.deepEqual(rig.openWal(lifeOptions).recovered.entries, [
      ...entries,
      ...more.flatMap((batch) => batch.entries),
    ]);
  }
});

test('a base in flight drops nothing, though the segments of the base before it are just going', () => {
  const random = chance(seedOf('bases in a row'));
  const writes = [
    ...Array.from({ length: 8 }, (_, at) => write({ entries: commands(3 * at + 1, 3 * at + 3, 1, 1000) })),
    ...[4, 10, 16, 23].map((at) => write({ base: base(at) })),
  ];
  const states = statesAfter(writes);
  for (let round = 0; round < 1500; round++) {
    const rig = new Rig({}, (waiting) => Math.floor(random() * waiting));
    const seen = play(rig.walOptions(lifeOptions), writes);
    rig.settle(60 + Math.floor(random() * 120));
    rig.disk.crash(() => random() < 0.3);
    assert.ok(isPossible(rig.openWal(lifeOptions).recovered, seen, states), `round ${round}`);
  }
});

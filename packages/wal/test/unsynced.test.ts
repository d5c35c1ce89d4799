// The disk that forgets, under a log that is killed: an honest one loses nothing acknowledged, a lying one is found out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WalCorruptError } from '@kontiki/wal';
import { chance, type UnsyncedOptions, unsyncedVfs } from '@kontiki/wal/testing';
import { isPossible, lifeOptions, type Play, play } from './life.ts';
import { seedOf } from './recovery-rig.ts';
import { Rig } from './rig.ts';

type Verdict = 'kept' | 'lost' | 'corrupt';

/** A log's life on such a disk, killed after some steps, and what the next process finds. */
function killed(options: UnsyncedOptions, steps: number): Verdict {
  const rig = new Rig();
  const vfs = unsyncedVfs(rig.disk.mount(), options);
  const seen: Play = play(rig.walOptions({ ...lifeOptions, vfs, later: rig.later }));
  rig.settle(steps);
  rig.disk.kill();
  try {
    const next = unsyncedVfs(rig.disk.mount(), { seed: options.seed });
    const { recovered } = rig.openWal({ ...lifeOptions, vfs: next });
    return isPossible(recovered, seen) ? 'kept' : 'lost';
  } catch (error: unknown) {
    if (error instanceof WalCorruptError) return 'corrupt';
    throw error;
  }
}

test('a log killed at any moment keeps what it acknowledged, whatever reached the disk by itself', () => {
  const random = chance(seedOf('kills'));
  for (let round = 0; round < 120; round++) {
    const options = { seed: Math.floor(random() * 2 ** 31), early: [0, 0.1, 0.5, 1][round % 4] ?? 0 };
    const steps = Math.floor(random() * 1200);
    assert.equal(
      killed(options, steps),
      'kept',
      `round ${round}: ${JSON.stringify(options)}, killed after ${steps} steps`,
    );
  }
});

for (const lies of ['fdatasync', 'everything'] as const) {
  test(`a disk that lies about ${lies} loses acknowledged writes, and this bed shows it`, () => {
    const verdicts = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) =>
      killed({ seed, lies, early: lies === 'everything' ? 0 : 0.3 }, 700),
    );

    assert.ok(!verdicts.includes('kept'), verdicts.join());
  });
}

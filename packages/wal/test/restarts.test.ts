// A log that is opened over and over: under load, what it keeps is bounded by what its base leaves, not by how often it began;
// and where a start was cut short, the next one makes good what nobody had synced.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWal, type Unsynced } from '@kontiki/wal';
import { base, commands, directory, Rig, write } from './rig.ts';

test('two hundred restarts under load leave no more files and no longer starts than ten', () => {
  const rig = new Rig();
  let last = 0;
  const steps: number[] = [];
  const files: number[] = [];
  for (let restart = 0; restart < 200; restart += 1) {
    const before = rig.steps;
    const wal = rig.openWal();
    steps.push(rig.steps - before);
    assert.equal(wal.recovered.entries.at(-1)?.index ?? wal.recovered.base.last.index, last);
    const entries = commands(last + 1, last + 5, 1, 100);
    last += entries.length;
    rig.append(wal, write(last > 40 ? { entries, base: base(last - 40) } : { entries }));
    rig.settle();
    rig.disk.crash(() => false);
    files.push(rig.disk.files().filter(([path]) => path.startsWith(directory)).length);
  }

  const most = (values: readonly number[]): number => Math.max(...values);
  assert.ok(most(files) <= most(files.slice(0, 20)) + 1, `${most(files)} files`);
  assert.ok(most(steps) <= most(steps.slice(0, 20)) + 20, `${most(steps)} steps to start`);
});

/** A new log whose first start was killed after so many steps and whose second lost power after so many more. */
function cutShortTwice(killedAfter: number, lostAfter: number): Rig {
  const rig = new Rig();
  openWal(rig.walOptions(), () => {});
  rig.settle(killedAfter);
  rig.disk.kill();
  openWal(rig.walOptions(), () => {});
  rig.settle(lostAfter);
  return rig;
}

test('a first start that was killed, and a second without power, leave a log that opens, whatever of them stays', () => {
  const whole = new Rig();
  whole.openWal();
  let states = 0;
  for (let killedAfter = 0; killedAfter <= whole.steps; killedAfter++) {
    for (let lostAfter = 0; lostAfter <= whole.steps + 4; lostAfter++) {
      const choices = 2 ** Math.min(8, cutShortTwice(killedAfter, lostAfter).disk.unsynced().length);
      for (let choice = 0; choice < choices; choice++) {
        const rig = cutShortTwice(killedAfter, lostAfter);
        let at = 0;
        const keep = (_unsynced: Unsynced): boolean => {
          at += 1;
          return ((choice >> ((at - 1) % 8)) & 1) === 1;
        };
        rig.disk.crash(keep);
        const { recovered } = rig.openWal();
        assert.equal(recovered.entries.length, 0, `killed after ${killedAfter}, without power after ${lostAfter}`);
        states += 1;
      }
    }
  }
  assert.ok(states > 500, `${states} states`);
});

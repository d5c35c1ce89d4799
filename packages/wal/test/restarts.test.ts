// A log that is opened over and over under load: what it keeps is bounded by what its base leaves, not by how often it began.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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

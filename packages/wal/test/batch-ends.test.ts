import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zlibChecksum } from '@kontiki/wal/node';
import { batchEnds } from '@kontiki/wal/testing';
import { changeOf, record } from './recovery-rig.ts';
import { command, directory, write } from './rig.ts';

const segment = '0000000000000001.wal';
const sizes = [10, 700, 1, 40];
const states = record(
  sizes.map((size, at) => write({ entries: [command(at + 1, 1, size)] })),
  {},
);

test('the ends of batches in a segment are where its writes ended', () => {
  const last = states.at(-1)?.get(`${directory}/${segment}`) ?? new Uint8Array(0);
  const ends = batchEnds(last, zlibChecksum);

  // The first batch made the segment.
  assert.equal(ends.length, 1 + sizes.length);
  for (const at of sizes.keys()) {
    const { end } = changeOf(states[at] ?? new Map(), states[at + 1] ?? new Map(), segment);
    const behind = ends[at + 1] ?? 0;
    // The last bytes of a mark may be zeros.
    assert.ok(end <= behind && end > behind - 40, `a write that changed bytes up to ${end} ends at ${behind}`);
  }
});

test('bytes that are no segment have no batches', () => {
  assert.deepEqual(batchEnds(new Uint8Array(4096), zlibChecksum), []);
});

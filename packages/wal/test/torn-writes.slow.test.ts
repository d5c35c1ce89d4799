// Every way in which the last write of a log can be torn, and every bit of it that can flip afterwards. What must come out
// is said by comparing bytes with the files before and after the batch, not by the code that recovers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chance } from '@kontiki/wal/testing';
import { statesAfter } from './naive-log.ts';
import {
  type Change,
  changeOf,
  diskOf,
  eachFlip,
  type Files,
  record,
  seedOf,
  tryOpen,
  withBytes,
  withFlip,
} from './recovery-rig.ts';
import { commands, directory, hardState, write } from './rig.ts';

// Three entries and more than six sectors each; the fourth begins the second segment, whose second and third follow.
const options = { segmentBytes: 12_800 };
const writes = Array.from({ length: 6 }, (_, batch) =>
  write({ hardState: hardState(1, 3 * batch, 'a'), entries: commands(3 * batch + 1, 3 * batch + 3, 1, 1200) }),
);
const states = statesAfter(writes);
const recorded = record(writes, options);
const sectorBytes = 512;

function at(count: number): Files {
  const files = recorded[count];
  assert.ok(files !== undefined);
  return files;
}

function bytesOf(files: Files, file: string): Uint8Array {
  return files.get(file) ?? new Uint8Array(0);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Opens a disk on which the last of `count` batches is torn somehow, and checks outcome, content and what is kept aside. */
function checkTorn(files: Files, count: number, change: Change): void {
  const { file, start } = change;
  const found = bytesOf(files, file);
  const isWhole = equal(found, bytesOf(at(count), file));
  const isClean = isWhole || equal(found, bytesOf(at(count - 1), file));

  const opening = tryOpen(files, options);

  assert.equal(opening.kind, 'opened', opening.kind === 'corrupt' ? opening.error.message : '');
  assert.deepEqual(opening.recovered, states[isWhole ? count : count - 1]);
  assert.equal(opening.torn, isClean ? 0 : 1);
  const kept = opening.rig.disk.files().filter(([path]) => path.endsWith('.torn'));
  assert.equal(kept.length, isClean ? 0 : 1);
  for (const [, bytes] of kept) assert.ok(equal(bytes, found.subarray(start, start + bytes.length)));
  // It was made durable again: nothing of it is lost, and nothing of the tail comes back.
  opening.rig.disk.crash(() => false);
  const again = tryOpen(new Map(opening.rig.disk.files()), options);
  assert.equal(again.kind, 'opened');
  assert.equal(again.torn, 0);
  assert.deepEqual(again.recovered, opening.recovered);
}

test('a write cut after every byte leaves the batch whole or not there', () => {
  const change = changeOf(at(5), at(6), '0000000000000002.wal');
  const whole = bytesOf(at(6), change.file).subarray(change.start, change.end);
  assert.ok(whole.length > 6 * sectorBytes);

  for (let length = 0; length <= whole.length; length++) {
    checkTorn(withBytes(at(5), change.file, change.start, whole.subarray(0, length)), 6, change);
  }
});

test('every subset of the unsynced sectors leaves the batch whole or not there', () => {
  const change = changeOf(at(5), at(6), '0000000000000002.wal');
  const first = Math.floor(change.start / sectorBytes);
  const sectors = Math.ceil(change.end / sectorBytes) - first;
  assert.ok(sectors >= 6 && sectors <= 8, `${sectors} sectors`);

  for (let subset = 0; subset < 2 ** sectors; subset++) {
    checkTorn(
      withSectors(change, 6, first, sectors, (sector) => (subset & (1 << sector)) !== 0),
      6,
      change,
    );
  }
});

test('random subsets of many unsynced sectors leave the batch whole or not there', () => {
  const random = chance(seedOf('sectors of a large batch'));
  const large = [...writes.slice(0, 4), write({ entries: commands(13, 20, 1, 900) })];
  const files = record(large, options);
  const [before, after] = [files[4], files[5]];
  assert.ok(before !== undefined && after !== undefined);
  const change = changeOf(before, after, '0000000000000002.wal');
  const first = Math.floor(change.start / sectorBytes);
  const sectors = Math.ceil(change.end / sectorBytes) - first;
  assert.ok(sectors > 12);
  const expected = statesAfter(large);

  for (let round = 0; round < 2000; round++) {
    const likely = random();
    const kept = Array.from({ length: sectors }, () => random() < likely);
    let torn = before;
    for (const [sector, isKept] of kept.entries()) {
      if (!isKept) continue;
      const offset = (first + sector) * sectorBytes;
      torn = withBytes(torn, change.file, offset, bytesOf(after, change.file).subarray(offset, offset + sectorBytes));
    }
    const opening = tryOpen(torn, options);
    assert.equal(opening.kind, 'opened');
    assert.deepEqual(opening.recovered, expected[kept.every(Boolean) ? 5 : 4]);
    assert.equal(opening.torn, kept.every((isKept) => isKept === kept[0]) ? 0 : 1);
  }
});

test('a batch that begins a segment, cut after every byte, leaves a leftover and the log before it', () => {
  const file = `${directory}/0000000000000002.wal`;
  const whole = bytesOf(at(4), file);
  const { end } = changeOf(at(3), at(4), '0000000000000002.wal');

  for (let length = 0; length <= end; length++) {
    const content = new Uint8Array(whole.length);
    content.set(whole.subarray(0, length));
    const opening = tryOpen(new Map(at(3)).set(`${file}.tmp`, content), options);

    assert.equal(opening.kind, 'opened');
    assert.deepEqual(opening.recovered, states[3]);
    assert.equal(opening.rig.disk.node(`${file}.tmp`), undefined);
  }
});

test('a flipped bit at every position of an older record is named with file, offset and index', () => {
  const cases = [
    // In the older segment; in the last one with batches behind it; in the first batch of the last segment.
    { count: 2, name: '0000000000000001.wal', row: 'L', index: 4 },
    { count: 5, name: '0000000000000002.wal', row: 'N', index: 13 },
    { count: 4, name: '0000000000000002.wal', row: 'M', index: 10 },
  ];
  for (const { count, name, row, index } of cases) {
    const { file, start, end } = changeOf(at(count - 1), at(count), name);
    // The first batch of a segment comes with the segment's header.
    const from = row === 'M' ? 512 : start;
    eachFlip(at(6), file, from, roundUp(end), options, ({ damage }, bit) => {
      assert.deepEqual([damage.row, damage.file, damage.offset, damage.index], [row, file, from, index], `bit ${bit}`);
    });
  }
});

test('a flipped bit at every position of the last acknowledged batch is damage once the durable index has it', () => {
  const { file, start, end } = changeOf(at(5), at(6), '0000000000000002.wal');
  eachFlip(at(7), file, start, roundUp(end), options, ({ damage }, bit) => {
    assert.deepEqual([damage.row, damage.file, damage.offset, damage.index], ['O', file, start, 16], `bit ${bit}`);
  });
});

test('a flipped bit in the last batch before the durable index has it is taken for a torn write: the window', () => {
  const { file, start, end } = changeOf(at(5), at(6), '0000000000000002.wal');
  for (let bit = 8 * start; bit < 8 * roundUp(end); bit += 5) {
    const window = tryOpen(withFlip(at(6), file, bit), options);
    assert.equal(window.kind, 'opened');
    assert.deepEqual(window.recovered, states[5]);
    assert.equal(window.torn, 1);
  }
});

test('a flipped bit in a segment header, or behind the last batch, is found too', () => {
  for (const name of ['0000000000000001.wal', '0000000000000002.wal']) {
    const file = `${directory}/${name}`;
    eachFlip(at(7), file, 0, 512, options, ({ damage }, bit) => {
      assert.deepEqual([damage.row, damage.file], ['H', file], `bit ${bit}`);
    });
  }
  const { file, end } = changeOf(at(5), at(6), '0000000000000002.wal');
  const opening = tryOpen(withFlip(at(7), file, 8 * (roundUp(end) + 64)), options);
  assert.equal(opening.kind, 'opened');
  assert.deepEqual(opening.recovered, states[6]);
});

test('a flipped bit in one slot of the durable index costs nothing', () => {
  const file = `${directory}/durable`;
  for (const slot of [0, 4096]) {
    for (let bit = 8 * slot; bit < 8 * (slot + 64); bit++) {
      const rig = diskOf(withFlip(at(7), file, bit));
      assert.deepEqual(rig.openWal(options).recovered, states[6]);
    }
  }
});

/** The end of a batch as its frames have it: a multiple of 8. The last bytes of a mark are zero, so a difference ends sooner. */
function roundUp(end: number): number {
  return Math.ceil(end / 8) * 8;
}

function withSectors(
  { file }: Change,
  count: number,
  first: number,
  sectors: number,
  keep: (sector: number) => boolean,
): Files {
  let files = at(count - 1);
  for (let sector = 0; sector < sectors; sector++) {
    if (!keep(sector)) continue;
    const offset = (first + sector) * sectorBytes;
    files = withBytes(files, file, offset, bytesOf(at(count), file).subarray(offset, offset + sectorBytes));
  }
  return files;
}

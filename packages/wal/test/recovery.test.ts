// The decision table on real disks, row by row, and against the page that shows it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { NewerFormatError } from '@kontiki/wal';
import { zlibChecksum } from '@kontiki/wal/node';
import { columns, decide, type Facts, recoveryTable } from '../src/recovery.ts';
import { statesAfter } from './naive-log.ts';
import { changeOf, type Files, record, tryOpen, withBytes, withFlip, without } from './recovery-rig.ts';
import { base, commands, directory, hardState, Rig, write } from './rig.ts';

// Batches of three entries and more than six sectors; the fourth and the seventh begin a segment.
const options = { segmentBytes: 12_800 };
const writes = Array.from({ length: 8 }, (_, batch) =>
  write({ hardState: hardState(1, 3 * batch, 'a'), entries: commands(3 * batch + 1, 3 * batch + 3, 1, 1200) }),
);
const states = statesAfter(writes);
const recorded = record(writes, options);
const closed = at(9);
const last = '0000000000000003.wal';
const slot = `${directory}/durable`;

function at(count: number): Files {
  const files = recorded[count];
  assert.ok(files !== undefined);
  return files;
}

const hit = new Set<string>();
function corrupt(files: Files, row: string, file: string, offset: number, index: number): void {
  hit.add(row);
  const opening = tryOpen(files, options);
  assert.equal(opening.kind, 'corrupt');
  const { damage, repair, message } = opening.error;
  assert.deepEqual(
    { row: damage.row, file: damage.file, offset: damage.offset, index: damage.index },
    { row, file: `${directory}/${file}`, offset, index },
  );
  assert.match(repair, /add it again under a new id/);
  assert.ok(message.includes(damage.file) && message.includes(repair));
}

function opens(files: Files, row: string, batches: number, torn: number): void {
  hit.add(row);
  const opening = tryOpen(files, options);
  assert.equal(opening.kind, 'opened', opening.kind === 'corrupt' ? opening.error.message : '');
  assert.deepEqual(opening.recovered, states[batches]);
  assert.equal(opening.torn, torn);
}

test('the segments of this file are where its tests think', () => {
  const segments = [...closed.keys()].filter((path) => path.endsWith('.wal'));
  assert.deepEqual(
    segments,
    ['1', '2', '3'].map((sequence) => `${directory}/000000000000000${sequence}.wal`),
  );
  const { start, end } = changeOf(at(7), at(8), last);
  assert.ok(Math.ceil(end / 512) - Math.floor(start / 512) >= 6);
});

test('A: a segment or a durable index of a newer format is refused by name and version', () => {
  hit.add('A');
  for (const name of [last, 'durable']) {
    const files = new Map([...closed].map(([path, bytes]) => [path, bytes.slice()] as const));
    const bytes = files.get(`${directory}/${name}`);
    assert.ok(bytes !== undefined);
    const view = new DataView(bytes.buffer);
    for (const offset of name === last ? [0] : [0, 4096]) {
      view.setUint32(offset + 8, 2, true);
      view.setUint32(offset + 12, zlibChecksum(bytes.subarray(offset, offset + 12), 0), true);
    }
    assert.throws(
      () => tryOpen(files, options),
      (error) =>
        error instanceof NewerFormatError &&
        error.version === 2 &&
        error.message.includes(`${name} has format version 2`),
    );
  }
});

test('B: an empty directory becomes an empty log', () => opens(new Map(), 'B', 0, 0));

test('C: a durable index that claims nothing, without segments, is a creation cut short', () => {
  const initial = new Rig({
    fault: ({ kind, path }) => (kind === 'preallocate' && path.endsWith('.tmp') ? 'IO' : undefined),
  });
  assert.throws(() => initial.openWal(options), { code: 'IO' });
  initial.disk.crash(() => false);
  const files = new Map(initial.disk.files());
  assert.deepEqual([...files.keys()], [slot]);
  opens(files, 'C', 0, 0);
});

test('D: a durable index that claims batches, without segments, is a lost log', () => {
  corrupt(new Map([[slot, closed.get(slot) ?? new Uint8Array(0)]]), 'D', 'durable', 0, 1);
});

test('E: two damaged slots are damage; one is a torn write', () => {
  const bytes = closed.get(slot) ?? new Uint8Array(0);
  corrupt(new Map(closed).set(slot, new Uint8Array(bytes.length)), 'E', 'durable', 0, 1);
  opens(withFlip(closed, slot, 8 * 30), 'R', 8, 0);
  opens(withFlip(closed, slot, 8 * (4096 + 30)), 'R', 8, 0);
});

test('F: segments without a durable index are refused', () => corrupt(without(closed, slot), 'F', 'durable', 0, 25));

test('G: a missing segment between others is missed', () => {
  corrupt(without(closed, `${directory}/0000000000000002.wal`), 'G', '0000000000000002.wal', 0, 10);
});

test('H: a damaged header is refused, in any segment', () => {
  corrupt(withFlip(closed, `${directory}/0000000000000001.wal`, 8 * 17), 'H', '0000000000000001.wal', 0, 1);
  corrupt(withFlip(closed, `${directory}/${last}`, 8 * 500), 'H', last, 0, 19);
  corrupt(new Map(closed).set(`${directory}/${last}`, new Uint8Array(0)), 'H', last, 0, 19);
});

test('I: a segment that is shorter than it was made is refused', () => {
  const file = `${directory}/${last}`;
  const bytes = closed.get(file) ?? new Uint8Array(0);
  corrupt(new Map(closed).set(file, bytes.subarray(0, 12_700)), 'I', last, 12_700, 19);
});

test('J: an older segment that lost its last batch in whole is found out by the next', () => {
  const { start, end } = changeOf(at(5), at(6), '0000000000000002.wal');
  const files = withBytes(closed, `${directory}/0000000000000002.wal`, start, new Uint8Array(end - start));
  corrupt(files, 'J', last, 0, 16);
});

test('J: a segment of another log does not follow', () => {
  const others = record(
    writes.map((other) => ({
      ...other,
      entries: commands(other.entries[0]?.index ?? 1, (other.entries[0]?.index ?? 1) + 2, 1, 1201),
    })),
    options,
  );
  const foreign = others.at(-1)?.get(`${directory}/${last}`) ?? new Uint8Array(0);
  corrupt(new Map(closed).set(`${directory}/${last}`, foreign), 'J', last, 0, 19);
});

test('L: damage in an older segment is no torn tail', () => {
  const { file, start } = changeOf(at(4), at(5), '0000000000000002.wal');
  corrupt(withFlip(closed, file, 8 * (start + 100)), 'L', '0000000000000002.wal', start, 13);
});

test('M: a damaged first batch is no torn tail', () => {
  corrupt(withFlip(closed, `${directory}/${last}`, 8 * 600), 'M', last, 512, 19);
  const zeros = new Uint8Array(12_800 - 512);
  corrupt(withBytes(closed, `${directory}/${last}`, 512, zeros), 'M', last, 512, 19);
});

test('N: damage before a later batch is no torn tail', () => {
  const files = at(8);
  const { start } = changeOf(at(4), at(5), '0000000000000002.wal');
  // The second segment as the last: its second batch damaged, its third whole.
  const second = without(at(6), `${directory}/${last}`);
  assert.ok(files.size > second.size);
  corrupt(
    withFlip(second, `${directory}/0000000000000002.wal`, 8 * (start + 100)),
    'N',
    '0000000000000002.wal',
    start,
    13,
  );
});

test('O: the last acknowledged batch, damaged or gone, is missed when the durable index has it', () => {
  const { file, start, end } = changeOf(at(7), at(8), last);
  corrupt(withFlip(closed, file, 8 * (start + 100)), 'O', last, start, 22);
  corrupt(withBytes(closed, file, start, new Uint8Array(end - start)), 'O', last, start, 22);
});

test('O: a last segment that vanished is missed', () => {
  const { end } = changeOf(at(5), at(6), '0000000000000002.wal');
  const opening = tryOpen(without(at(7), `${directory}/${last}`), options);
  assert.equal(opening.kind, 'corrupt');
  assert.equal(opening.error.damage.row, 'O');
  assert.ok(opening.error.damage.offset >= end);
});

test('P: missing oldest segments are missed while the log is not based behind them', () => {
  corrupt(without(closed, `${directory}/0000000000000001.wal`), 'P', '0000000000000002.wal', 0, 25);
});

test('P: dropped segments are not missed once the log is based behind them', () => {
  const more = [...writes, write({ base: base(20) })];
  const files = record(more, options).at(-1);
  assert.ok(files !== undefined && !files.has(`${directory}/0000000000000001.wal`));

  const opening = tryOpen(files, options);

  assert.equal(opening.kind, 'opened');
  assert.deepEqual(opening.recovered, statesAfter(more).at(-1));
});

test('Q: a last batch that was never acknowledged is cut off and kept aside', () => {
  const { file, start } = changeOf(at(7), at(8), last);
  const half = (at(8).get(file) ?? new Uint8Array(0)).subarray(start, start + 2000);
  const files = withBytes(at(7), file, start, half);
  opens(files, 'Q', 7, 1);

  const opening = tryOpen(files, options);
  assert.equal(opening.kind, 'opened');
  const [torn] = opening.rig.disk.files().filter(([path]) => path.endsWith('.torn'));
  assert.deepEqual(torn?.[1], half);
});

test('Q: of the tails kept aside the newest stay', () => {
  const { file, start } = changeOf(at(7), at(8), last);
  const older = Array.from({ length: 12 }, (_, tail) => `${directory}/000000000000000${tail.toString(16)}-0.torn`);
  const files = new Map(withFlip(at(8), file, 8 * (start + 100)));
  for (const path of older) files.set(path, Uint8Array.of(1));

  const opening = tryOpen(files, options);

  assert.equal(opening.kind, 'opened');
  const kept = opening.rig.disk.files().map(([path]) => path);
  assert.deepEqual(
    older.filter((path) => kept.includes(path)),
    older.slice(5),
  );
  assert.equal(kept.filter((path) => path.endsWith('.torn')).length, 8);
});

test('Q: the window: the last batch rots before the durable index has followed', () => {
  const { file, start } = changeOf(at(7), at(8), last);
  opens(withFlip(at(8), file, 8 * (start + 100)), 'Q', 7, 1);
});

test('R: a whole log opens', () => opens(closed, 'R', 8, 0));

test('every set of facts has a row, and every row a set of facts', () => {
  const values: { readonly [C in keyof Facts]: readonly Facts[C][] } = {
    format: ['known', 'newer'],
    segments: ['none', 'some'],
    slot: ['absent', 'unreadable', 'readable'],
    header: ['sound', 'damaged', 'short'],
    link: ['follows', 'missing', 'breaks'],
    frames: ['end', 'broken', 'nonsense'],
    place: ['earlier', 'last'],
    first: ['whole', 'broken'],
    behind: ['nothing', 'laterBatch'],
    front: ['reached', 'missing'],
    claim: ['none', 'within', 'beyond'],
  };
  let all: readonly Partial<Facts>[] = [{}];
  for (const column of columns)
    all = all.flatMap((facts) => values[column].map((value) => ({ ...facts, [column]: value })));

  const rows = new Set(all.map((facts) => decide(facts as Facts).id));

  assert.equal(all.length, 15_552);
  assert.deepEqual(
    [...rows].sort(byText),
    recoveryTable.map(({ id }) => id),
  );
});

test('docs/wal-format.md shows the same table', () => {
  const page = readFileSync(new URL('../../../docs/wal-format.md', import.meta.url), 'utf8');
  const shown = page
    .split('\n')
    .filter((line) => /^\| ([A-Z]|row) +\|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const reasons = page.split('\n').filter((line) => /^[*-] \*\*[A-Z]\*\*/.test(line));

  assert.deepEqual(shown, [
    ['row', ...columns, 'outcome'],
    ...recoveryTable.map(({ id, when, outcome }) => [id, ...columns.map((column) => when[column] ?? ''), outcome]),
  ]);
  assert.deepEqual(
    reasons,
    recoveryTable.map(({ id, why }) => `- **${id}** ${why}.`),
  );
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

// Row K has a file of its own, nonsense.test.ts.
after(() =>
  assert.deepEqual(
    [...hit, 'K'].sort(byText),
    recoveryTable.map(({ id }) => id),
  ),
);

// Row K: whole batches with right checksums that say what no writer says. They are written with the package's own encoder.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zlibChecksum } from '@kontiki/wal/node';
import { batchBytes, type Draft, encodeBatch, type FrameType, frameTypes, mark, scanBatches } from '../src/frame.ts';
import { encodeBase, noConfiguration } from '../src/payload.ts';
import { readSegmentHeader, startOf } from '../src/segment.ts';
import { diskOf, type Files, record, tryOpen, withBytes } from './recovery-rig.ts';
import { commands, directory, hardState, write } from './rig.ts';

const file = `${directory}/0000000000000001.wal`;
const recorded = record([write({ hardState: hardState(5, 2, 'a'), entries: commands(1, 3, 5) })], {}).at(-1);

/** The recorded log, with one more batch. */
function withBatch(drafts: readonly Draft[]): Files {
  assert.ok(recorded !== undefined);
  const bytes = recorded.get(file) ?? new Uint8Array(0);
  const reading = readSegmentHeader(bytes, zlibChecksum);
  assert.equal(reading.kind, 'sound');
  const proof = { checksum: zlibChecksum, seed: reading.seed };
  const { end } = scanBatches(bytes, startOf(reading.header), proof);
  const batch = new Uint8Array(batchBytes(drafts));
  encodeBatch(drafts, batch, 0, end, proof);
  return withBytes(recorded, file, end.offset, batch);
}

function draft(type: number, index: number, term: number, payload: Uint8Array = new Uint8Array(0)): Draft {
  return { type: type as FrameType, index, term, payload };
}

const end = { index: 3, term: 5 };
const replaced = encodeBase('replaced', noConfiguration);
const cases: readonly (readonly [string, readonly Draft[], RegExp])[] = [
  [
    'a gap in the entries',
    [draft(frameTypes.command, 5, 5), mark({ index: 5, term: 5 })],
    /entry 5 after entry 3: a gap/,
  ],
  ['an entry at the base', [draft(frameTypes.command, 0, 5), mark(end)], /entry 0 at or before the base 0/],
  ['an unknown type', [draft(9, 4, 5), mark(end)], /unknown type 9/],
  ['a no-op with a payload', [draft(frameTypes.noop, 4, 5, Uint8Array.of(1)), mark(end)], /no-op with a payload/],
  [
    'a commit index beyond the log',
    [draft(frameTypes.hardState, 4, 5, Uint8Array.of(0)), mark(end)],
    /commit 4 beyond/,
  ],
  ['a term that falls', [draft(frameTypes.hardState, 1, 4, Uint8Array.of(0)), mark(end)], /term 4 after term 5/],
  [
    'a vote of unknown kind',
    [draft(frameTypes.hardState, 1, 5, Uint8Array.of(7)), mark(end)],
    /vote of unknown kind 7/,
  ],
  ['a vote cut short', [draft(frameTypes.hardState, 1, 5, Uint8Array.of(1, 9)), mark(end)], /bytes expected/],
  [
    'a vote with bytes behind it',
    [draft(frameTypes.hardState, 1, 5, Uint8Array.of(0, 0)), mark(end)],
    /bytes too many/,
  ],
  [
    'a name that is not UTF-8',
    [draft(frameTypes.hardState, 1, 5, Uint8Array.of(1, 2, 0, 0, 0, 0xc0, 0x80)), mark(end)],
    /not UTF-8/,
  ],
  ['a base of unknown kind', [draft(frameTypes.base, 3, 5, Uint8Array.of(9)), mark(end)], /base of unknown kind 9/],
  [
    'a base beyond the tail it keeps',
    [draft(frameTypes.base, 9, 5, encodeBase('keepsTail', noConfiguration)), mark(end)],
    /keeps a tail of a log that ends at 3/,
  ],
  [
    'a base restated that is another',
    [draft(frameTypes.base, 2, 5, encodeBase('restated', noConfiguration)), mark(end)],
    /restated where the base is 0/,
  ],
  [
    'a base that falls',
    [draft(frameTypes.base, 3, 5, replaced), draft(frameTypes.base, 2, 5, replaced), mark(end)],
    /base 2 after base 3/,
  ],
  ['a mark of another log', [mark({ index: 4, term: 5 })], /a mark at 4 of a log that ends at 3/],
  [
    'a list longer than its bytes',
    [draft(frameTypes.configuration, 4, 5, Uint8Array.of(255, 255, 255, 255)), mark({ index: 4, term: 5 })],
    /a list of 4294967295 items/,
  ],
];

for (const [name, drafts, message] of cases) {
  test(`K: ${name} is refused`, () => {
    const opening = tryOpen(withBatch(drafts), {});

    assert.equal(opening.kind, 'corrupt');
    assert.equal(opening.error.damage.row, 'K');
    assert.equal(opening.error.damage.file, file);
    assert.match(opening.error.message, message);
  });
}

test('K: a number above 2^53 - 1 is refused, not rounded', () => {
  const files = withBatch([draft(frameTypes.command, 4, 5), mark({ index: 4, term: 5 })]);
  const bytes = files.get(file)?.slice() ?? new Uint8Array(0);
  const reading = readSegmentHeader(bytes, zlibChecksum);
  assert.equal(reading.kind, 'sound');
  const { frames } = scanBatches(bytes, startOf(reading.header), { checksum: zlibChecksum, seed: reading.seed });
  const [entry, before] = [frames.at(-2), frames.at(-3)];
  assert.ok(entry !== undefined && before !== undefined);
  // The entry's term becomes 2^53, and its checksums follow.
  const view = new DataView(bytes.buffer);
  view.setUint32(entry.offset + 24, 0, true);
  view.setUint32(entry.offset + 28, 2 ** 21, true);
  const chain = zlibChecksum(
    bytes.subarray(entry.offset + 8, entry.offset + 40),
    view.getUint32(before.offset + 4, true),
  );
  view.setUint32(entry.offset + 4, chain, true);
  view.setUint32(entry.offset, zlibChecksum(bytes.subarray(entry.offset + 4, entry.offset + 40), reading.seed), true);

  const opening = tryOpen(new Map(files).set(file, bytes), {});

  assert.equal(opening.kind, 'corrupt');
  assert.equal(opening.error.damage.row, 'K');
  assert.match(opening.error.message, /above 2\^53 - 1/);
});

test('the same batch without nonsense is opened', () => {
  const drafts = [draft(frameTypes.command, 4, 5), mark({ index: 4, term: 5 })];
  const opening = tryOpen(withBatch(drafts), {});
  assert.equal(opening.kind, 'opened');
  assert.equal(opening.recovered.entries.length, 4);
  assert.ok(diskOf(withBatch(drafts)).disk.files().length > 0);
});

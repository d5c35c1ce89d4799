import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpWal } from '@kontiki/wal';
import { zlibChecksum } from '@kontiki/wal/node';
import { diskOf, type Files, record, withFlip } from './recovery-rig.ts';
import { base, command, configuration, directory, hardState, index, term, write } from './rig.ts';

const recorded = record(
  [
    write({
      hardState: hardState(2, 1, 'a'),
      base: base(0, 0),
      entries: [{ kind: 'noop', index: index(1), term: term(2) }],
    }),
    write({
      entries: [
        command(2, 2, 100),
        { kind: 'configuration', index: index(3), term: term(2), configuration: configuration('a') },
      ],
    }),
  ],
  {},
).at(-1);

function dumped(files: Files): readonly string[] {
  const rig = diskOf(files);
  const lines: string[] = [];
  rig.value((completion) =>
    dumpWal(
      { vfs: rig.disk.mount(), directory, checksum: zlibChecksum, write: (line) => lines.push(line) },
      completion,
    ),
  );
  return lines;
}

test('a dump names every frame', () => {
  assert.ok(recorded !== undefined);
  assert.deepEqual(dumped(recorded), [
    '0000000000000001.wal: 4096 bytes, from batch 1, after index 0 of term 0',
    '       512  base           index 0 term 0, restated',
    '       576  hard state     term 0, voted for nobody, commit 0',
    '       624  mark           index 0 term 0',
    '       664  hard state     term 2, voted for a, commit 1',
    '       712  base           index 0 term 0, keepsTail',
    '       824  no-op          index 1 term 2',
    '       864  mark           index 1 term 2',
    '       904  command        index 2 term 2, 100 bytes',
    '      1048  configuration  index 3 term 2, ["a"]',
    '      1128  mark           index 3 term 2',
    '      1168  end, zeros up to 4096',
    'durable: durable up to batch 3, segment 1, offset 1168, index 3 (generation 3)',
  ]);
});

test('a dump says where a log is damaged, and reads on', () => {
  assert.ok(recorded !== undefined);
  const file = `${directory}/0000000000000001.wal`;

  assert.ok(
    dumped(withFlip(recorded, file, 8 * 700)).includes(
      '       664  not whole from here to 1161: a damaged batch, a later one stands at 904',
    ),
  );
  assert.ok(
    dumped(withFlip(recorded, file, 8 * 950)).includes(
      '       904  not whole from here to 1161: a torn batch, or a damaged one',
    ),
  );
  assert.ok(dumped(withFlip(recorded, file, 0)).includes('0000000000000001.wal: damaged header'));
  assert.ok(dumped(new Map(recorded).set(`${directory}/lock`, Uint8Array.of(49))).includes('lock: not a segment'));
});

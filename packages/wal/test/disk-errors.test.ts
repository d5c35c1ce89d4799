// The disk fails: the first error ends the log, is told again to whoever asks, and is never tried again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskOperation, VfsErrorCode } from '@kontiki/wal';
import { commands, directory, failing, hardState, Rig, write } from './rig.ts';

/** A rig whose disk begins to fail on command. */
function failingRig(): {
  readonly rig: Rig;
  readonly fail: (fault: (operation: DiskOperation) => VfsErrorCode | undefined) => void;
} {
  let fault: (operation: DiskOperation) => VfsErrorCode | undefined = () => undefined;
  const rig = new Rig({ fault: (operation) => fault(operation) });
  return {
    rig,
    fail: (next) => {
      fault = next;
    },
  };
}

for (const kind of ['write', 'fdatasync'] as const) {
  test(`an error of ${kind} ends the log for good, though the disk would work again`, () => {
    const { rig, fail } = failingRig();
    const wal = rig.openWal();
    rig.append(wal, write({ entries: commands(1, 3) }));

    fail(failing(kind, '.wal.tmp'));
    const append = (from: number): void => rig.append(wal, write({ entries: commands(from, from) }));
    assert.throws(() => append(4), { code: 'IO', path: `${directory}/0000000000000001.wal.tmp` });
    fail(() => undefined);

    assert.throws(() => append(4), { code: 'IO', operation: kind });
    rig.done((done) => wal.close(done));
    rig.disk.crash(() => false);
    assert.deepEqual(rig.openWal().recovered.entries, commands(1, 3));
  });
}

test('what a failed sync left in the page cache is not believed: it is written again, or it is gone', () => {
  const { rig, fail } = failingRig();
  const wal = rig.openWal();
  rig.append(wal, write({ entries: commands(1, 3) }));
  fail(failing('fdatasync', '.wal.tmp'));
  assert.throws(() => rig.append(wal, write({ entries: commands(4, 6) })), { code: 'IO' });
  fail(() => undefined);

  // The process ends, the machine goes on: the pages count as clean, and hold what the disk does not.
  rig.disk.kill();
  const again = rig.openWal();
  assert.deepEqual(again.recovered.entries, commands(1, 6));
  rig.append(again, write({ hardState: hardState(1, 6) }));
  rig.disk.crash(() => false);

  assert.deepEqual(rig.openWal().recovered.entries, commands(1, 6));
});

test('a full disk stops the log when it begins a segment, not in the middle of one', () => {
  const rig = new Rig({ capacityBytes: 4096 + 4160 + 2000 });
  const wal = rig.openWal();
  let last = 0;
  const error = (() => {
    for (;;) {
      try {
        rig.append(wal, write({ entries: commands(last + 1, last + 1, 1, 400) }));
        last += 1;
      } catch (caught: unknown) {
        return caught;
      }
    }
  })();

  assert.ok(last > 5, `${last} entries fitted`);
  assert.ok(error instanceof Error && /no space left/.test(error.message), String(error));
  rig.disk.crash(() => false);
  // With room again, all is as it was.
  const roomy = new Rig();
  for (const [path, bytes] of rig.disk.files()) roomy.disk.put(path, bytes);
  assert.deepEqual(roomy.openWal().recovered.entries, commands(1, last, 1, 400));
});

test('an error while opening is told, frees the lock, and leaves a log that opens', () => {
  const kinds: readonly DiskOperation['kind'][] = [
    'list',
    'open',
    'read',
    'write',
    'preallocate',
    'fdatasync',
    'rename',
    'syncDirectory',
    'unlink',
  ];
  for (const kind of kinds) {
    const { rig, fail } = failingRig();
    const wal = rig.openWal();
    rig.append(wal, write({ entries: commands(1, 3) }));
    rig.disk.crash(() => false);
    rig.disk.put(`${directory}/left.tmp`, Uint8Array.of(1));

    fail((operation) => (operation.kind === kind ? 'IO' : undefined));
    assert.throws(() => rig.openWal(), { code: 'IO', operation: kind });
    fail(() => undefined);

    assert.deepEqual(rig.openWal().recovered.entries, commands(1, 3), kind);
  }
});

test('an error while dropping a segment ends the log', () => {
  const { rig, fail } = failingRig();
  const wal = rig.openWal();
  for (let at = 1; at <= 40; at++) rig.append(wal, write({ entries: commands(at, at, 1, 400) }));

  fail(failing('unlink', '0000000000000001.wal'));
  rig.append(
    wal,
    write({
      base: {
        last: { index: commands(30, 30)[0]?.index ?? wal.recovered.base.last.index, term: hardState(1, 0).term },
        configuration: wal.recovered.base.configuration,
      },
    }),
  );
  rig.settle();

  assert.throws(() => rig.append(wal, write({ entries: commands(41, 41) })), { code: 'IO', operation: 'unlink' });
});

test('an error of the durable index ends the log', () => {
  const { rig, fail } = failingRig();
  const wal = rig.openWal({ later: rig.later });
  fail(failing('write', '/durable'));

  rig.append(wal, write({ entries: commands(1, 3) }));
  rig.settle();

  assert.throws(() => rig.append(wal, write({ entries: commands(4, 4) })), {
    code: 'IO',
    path: `${directory}/durable`,
  });
});

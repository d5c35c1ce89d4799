// Snapshot files beyond the contract of the store: damage, crashes at every step, errors, large and many chunks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SnapshotMeta, SnapshotStore } from '@kontiki/raft';
import { NewerFormatError, openSnapshots, type SnapshotEvent } from '@kontiki/wal';
import { zlibChecksum } from '@kontiki/wal/node';
import { chance } from '@kontiki/wal/testing';
import { seedOf } from './recovery-rig.ts';
import { base, failing, index, Rig } from './rig.ts';

const directory = '/snapshots';
const name = (at: number, inTerm: number) =>
  `${directory}/${[at, inTerm].map((value) => value.toString(16).padStart(16, '0')).join('-')}.snap`;

function openStore(rig: Rig, events: SnapshotEvent[] = []): SnapshotStore {
  const options = {
    vfs: rig.disk.mount(),
    directory,
    checksum: zlibChecksum,
    onEvent: (event: SnapshotEvent) => events.push(event),
  };
  return rig.value((completion) => openSnapshots(options, completion));
}

function put(rig: Rig, store: SnapshotStore, meta: SnapshotMeta, chunks: readonly Uint8Array[]): void {
  const sink = store.create(meta);
  for (const chunk of chunks) rig.done((done) => sink.write(chunk, done));
  rig.done((done) => sink.commit(done));
}

function get(rig: Rig, store: SnapshotStore, { last }: SnapshotMeta): Uint8Array {
  const source = rig.value<import('@kontiki/raft').SnapshotSource>((completion) => store.open(last, completion));
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = rig.value<Uint8Array | undefined>((completion) => source.next(completion));
    if (chunk === undefined) break;
    chunks.push(chunk);
  }
  source.close();
  return Buffer.concat(chunks);
}

function bytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * seed + (at >> 8)) & 255);
}

test('a chunk larger than a frame comes back in several, the same bytes', () => {
  const rig = new Rig();
  const store = openStore(rig);

  put(rig, store, base(7), [bytes(2_500_000), bytes(10, 3)]);

  assert.ok(Buffer.concat([bytes(2_500_000), bytes(10, 3)]).equals(get(rig, store, base(7))));
});

test('a snapshot with any bit flipped is set aside, and the one before it counts', () => {
  const rig = new Rig();
  const store = openStore(rig);
  put(rig, store, base(5), [bytes(10)]);
  put(rig, store, base(7, 2), [bytes(100), bytes(50, 3)]);
  const whole = rig.disk.contents(name(7, 2));

  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    rig.disk.put(name(7, 2), flipped);
    const events: SnapshotEvent[] = [];

    const found = openStore(rig, events);

    assert.deepEqual(found.newest(), base(5), `bit ${bit}`);
    assert.deepEqual(
      events.map(({ kind, file }) => [kind, file]),
      [['snapshotBroken', name(7, 2)]],
    );
    assert.ok(rig.disk.node(`${name(7, 2)}.broken`) !== undefined);
  }
});

test('a snapshot cut short at any byte is set aside', () => {
  const rig = new Rig();
  put(rig, openStore(rig), base(7), [bytes(100)]);
  const whole = rig.disk.contents(name(7, 1));

  for (let length = 0; length < whole.length; length++) {
    rig.disk.put(name(7, 1), whole.subarray(0, length));
    assert.equal(openStore(rig).newest(), undefined, `${length} bytes`);
  }
});

test('a snapshot that rots while the store is open fails to open', () => {
  const rig = new Rig();
  const store = openStore(rig);
  put(rig, store, base(7), [bytes(100)]);
  const whole = rig.disk.contents(name(7, 1));
  whole[whole.length - 30] = 1 ^ (whole[whole.length - 30] ?? 0);
  rig.disk.put(name(7, 1), whole);

  assert.throws(() => get(rig, store, base(7)), { code: 'SNAPSHOT_UNUSABLE', file: name(7, 1) });
});

test('a snapshot of a newer format is refused', () => {
  const rig = new Rig();
  put(rig, openStore(rig), base(7), [bytes(100)]);
  const whole = rig.disk.contents(name(7, 1));
  const view = new DataView(whole.buffer);
  view.setUint32(8, 2, true);
  view.setUint32(12, zlibChecksum(whole.subarray(0, 12), 0), true);
  rig.disk.put(name(7, 1), whole);

  assert.throws(() => openStore(rig), NewerFormatError);
});

test('a power failure at any step leaves the old snapshot or the new one', () => {
  const random = chance(seedOf('snapshot crashes'));
  for (let steps = 0; steps < 60; steps++) {
    for (const keep of [() => false, () => true, () => random() < 0.5]) {
      const rig = new Rig();
      const store = openStore(rig);
      put(rig, store, base(5), [bytes(10)]);
      let committed = false;
      const sink = store.create(base(7));
      sink.write(bytes(3000), () =>
        sink.commit(() => {
          committed = true;
          store.removeBefore(index(7), () => undefined);
        }),
      );
      rig.settle(steps);
      rig.disk.crash(keep);

      const found = openStore(rig);
      const newest = found.newest();
      assert.ok(newest !== undefined);
      assert.ok(newest.last.index === 7 || !committed, `step ${steps}`);
      assert.deepEqual(get(rig, found, newest).length, newest.last.index === 7 ? 3000 : 10);
    }
  }
});

test('an error while writing a snapshot is told, and leaves the old one', () => {
  for (const kind of ['open', 'write', 'fdatasync', 'read', 'rename', 'syncDirectory'] as const) {
    let broken = false;
    const rig = new Rig({ fault: (operation) => (broken ? failing(kind, '')(operation) : undefined) });
    const store = openStore(rig);
    put(rig, store, base(5), [bytes(10)]);
    broken = true;

    assert.throws(() => put(rig, store, base(7), [bytes(3000)]), { code: 'IO', operation: kind });

    broken = false;
    assert.deepEqual(store.newest(), base(5));
    rig.disk.crash(() => false);
    assert.deepEqual(openStore(rig).newest(), base(5), kind);
  }
});

test('two snapshots may be written at once, and one aborted while it writes', () => {
  const rig = new Rig();
  const store = openStore(rig);
  const [one, other] = [store.create(base(5)), store.create(base(7))];

  one.write(bytes(10), () => one.commit(() => undefined));
  other.write(bytes(10), () => undefined);
  other.abort();
  rig.settle();

  assert.deepEqual(store.newest(), base(5));
  assert.deepEqual(
    rig.disk.files().map(([path]) => path),
    [name(5, 1)],
  );
});

test('a second chunk before the first was answered breaks the caller', () => {
  const rig = new Rig();
  const sink = openStore(rig).create(base(5));
  sink.write(bytes(10), () => undefined);
  assert.throws(() => sink.write(bytes(10), () => undefined), /after the last one was answered/);
});

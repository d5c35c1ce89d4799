// What any `SnapshotStore` must hold. Run it on yours: `snapshotStoreSuite({ test, create })`.

import type { Index, NodeId, SnapshotMeta, Term } from '../core/api.ts';
import type { Outcome, SnapshotSource, SnapshotStore } from '../driver/ports.ts';
import { check, completed, done, type Register, type Rig, same, withRig } from './suite.ts';

export interface SnapshotStoreRig extends Rig {
  /** Opens the store of this rig; the second time, as a process that starts again finds it. */
  open(): Promise<SnapshotStore>;
}

function meta(term: number, index: number): SnapshotMeta {
  return {
    last: { term: term as Term, index: index as Index },
    configuration: {
      voters: ['a', 'b'] as NodeId[],
      outgoing: [],
      learners: ['c'] as NodeId[],
      addresses: [['a' as NodeId, Uint8Array.of(9)]],
    },
  };
}

const chunks: readonly Uint8Array[] = [
  Uint8Array.of(1, 2, 3),
  new Uint8Array(300_000).fill(4),
  new Uint8Array(0),
  Uint8Array.of(5),
];

export async function readAll(rig: Rig, source: SnapshotSource): Promise<Uint8Array> {
  const bytes: number[] = [];
  for (;;) {
    const outcome = await completed<Outcome<Uint8Array | undefined>>(rig, (answer) => source.next(answer));
    if (outcome.kind === 'failed') throw outcome.error;
    if (outcome.value === undefined) return Uint8Array.from(bytes);
    for (const byte of outcome.value) bytes.push(byte);
  }
}

async function store(
  rig: Rig,
  snapshots: SnapshotStore,
  which: SnapshotMeta,
  content: readonly Uint8Array[],
): Promise<void> {
  const sink = snapshots.create(which);
  for (const chunk of content) await done(rig, (answer) => sink.write(chunk, answer));
  await done(rig, (answer) => sink.commit(answer));
}

async function open(rig: Rig, snapshots: SnapshotStore, which: SnapshotMeta): Promise<Outcome<SnapshotSource>> {
  return completed<Outcome<SnapshotSource>>(rig, (answer) => snapshots.open(which.last, answer));
}

function whole(content: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(content.flatMap((chunk) => [...chunk]));
}

export function snapshotStoreSuite(parts: {
  readonly test: Register;
  readonly create: () => Promise<SnapshotStoreRig> | SnapshotStoreRig;
}): void {
  const test = withRig(parts.test, parts.create);

  async function holds(rig: Rig, snapshots: SnapshotStore, which: SnapshotMeta, content: readonly Uint8Array[]) {
    same(snapshots.newest(), which, 'the newest snapshot');
    const opened = await open(rig, snapshots, which);
    check(opened.kind === 'done', 'the newest snapshot can be opened');
    same(opened.value.meta, which, 'the metadata of what was opened');
    same(await readAll(rig, opened.value), whole(content), 'its bytes');
    opened.value.close();
    opened.value.close();
  }

  test('a snapshot store begins empty', async (rig) => {
    same((await rig.open()).newest(), undefined, 'there is no newest');
  });

  test('a committed snapshot is the newest, whole, also after a restart', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(2, 7), chunks);
    await holds(rig, snapshots, meta(2, 7), chunks);

    await holds(rig, await rig.open(), meta(2, 7), chunks);
  });

  test('nothing of a snapshot is visible before its commit, also after a restart', async (rig) => {
    const snapshots = await rig.open();
    const sink = snapshots.create(meta(2, 7));
    await done(rig, (answer) => sink.write(Uint8Array.of(1), answer));
    same(snapshots.newest(), undefined, 'the newest before commit');

    same((await rig.open()).newest(), undefined, 'the newest after a restart');
  });

  test('an aborted snapshot leaves nothing', async (rig) => {
    const snapshots = await rig.open();
    const sink = snapshots.create(meta(2, 7));
    await done(rig, (answer) => sink.write(Uint8Array.of(1), answer));
    sink.abort();
    await store(rig, snapshots, meta(2, 8), chunks);

    await holds(rig, snapshots, meta(2, 8), chunks);
    same((await open(rig, snapshots, meta(2, 7))).kind, 'failed', 'the aborted one');
  });

  test('a snapshot without bytes is a snapshot', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(1, 1), []);

    await holds(rig, await rig.open(), meta(1, 1), []);
  });

  test('the newest is the one that ends last', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(1, 5), [Uint8Array.of(5)]);
    await store(rig, snapshots, meta(2, 9), [Uint8Array.of(9)]);

    await holds(rig, snapshots, meta(2, 9), [Uint8Array.of(9)]);
    await holds(rig, await rig.open(), meta(2, 9), [Uint8Array.of(9)]);
  });

  test('a snapshot that is not there fails to open, also one of another term', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(1, 5), chunks);

    same((await open(rig, snapshots, meta(1, 6))).kind, 'failed', 'another index');
    same((await open(rig, snapshots, meta(2, 5))).kind, 'failed', 'another term');
  });

  test('removeBefore drops what ends before the index and nothing else', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(1, 5), [Uint8Array.of(5)]);
    await store(rig, snapshots, meta(1, 9), [Uint8Array.of(9)]);
    await done(rig, (answer) => snapshots.removeBefore(9 as Index, answer));
    same((await open(rig, snapshots, meta(1, 5))).kind, 'failed', 'the older one');
    await holds(rig, await rig.open(), meta(1, 9), [Uint8Array.of(9)]);
    await done(rig, (answer) => snapshots.removeBefore(10 as Index, answer));

    same(snapshots.newest(), undefined, 'the newest after all were removed');
    same((await rig.open()).newest(), undefined, 'the same after a restart');
  });

  test('a snapshot may be received again', async (rig) => {
    const snapshots = await rig.open();
    await store(rig, snapshots, meta(1, 5), [Uint8Array.of(1)]);
    await store(rig, snapshots, meta(1, 5), [Uint8Array.of(2)]);

    await holds(rig, snapshots, meta(1, 5), [Uint8Array.of(2)]);
  });
}

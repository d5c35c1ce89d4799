// The log and the snapshots on disk pass the suites of their ports: on a disk in memory that loses what was not synced,
// and on a real one.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Completion, SnapshotStore } from '@kontiki/raft';
import { logStoreSuite, snapshotStoreSuite } from '@kontiki/raft/contracts';
import { MemoryDisk, openSnapshots, openWal, type Vfs, type Wal } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';

function opened<T>(begin: (completion: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => (outcome.kind === 'done' ? resolve(outcome.value) : reject(outcome.error)));
  });
}

function drive(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Place {
  /** What a process that starts now sees. */
  readonly mount: () => Vfs;
  readonly directory: string;
  readonly crash?: () => void;
  dispose(): Promise<void>;
}

function inMemory(): Promise<Place> {
  const disk = new MemoryDisk({ schedule: (task) => setImmediate(task) });
  const crash = (): void => disk.crash(() => false);
  return Promise.resolve({ mount: () => disk.mount(), directory: '/data', crash, dispose: () => Promise.resolve() });
}

async function onDisk(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-wal-'));
  return { mount: () => nodeVfs, directory, dispose: () => rm(directory, { recursive: true }) };
}

for (const make of [inMemory, onDisk]) {
  logStoreSuite({
    test: (name, body) => test(`${make.name}: ${name}`, body),
    create: async () => {
      const { mount, directory, ...place } = await make();
      const options = { directory, checksum: zlibChecksum, segmentBytes: 64 * 1024 };
      const open = () => opened<Wal>((completion) => openWal({ vfs: mount(), ...options }, completion));
      return { ...place, drive, open };
    },
  });

  snapshotStoreSuite({
    test: (name, body) => test(`${make.name}: ${name}`, body),
    create: async () => {
      const { mount, directory, ...place } = await make();
      const options = { directory, checksum: zlibChecksum };
      const open = () => opened<SnapshotStore>((completion) => openSnapshots({ vfs: mount(), ...options }, completion));
      return { ...place, drive, open };
    },
  });
}

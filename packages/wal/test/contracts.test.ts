// The suites of Vfs, LogStore and SnapshotStore on every disk there is: in memory, real, and the one that forgets.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { LogStore, Outcome, SnapshotStore } from '@kontiki/raft';
import { logStoreSuite, snapshotStoreSuite } from '@kontiki/raft/contracts';
import { MemoryDisk, openSnapshots, openWal } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';
import { unsyncedVfs, type VfsRig, vfsSuite } from '@kontiki/wal/testing';

type Register = (name: string, body: () => Promise<void>) => void;
const register: Register = (name, body) => {
  test(name, body);
};

function onMemory(): VfsRig {
  const tasks: (() => void)[] = [];
  const disk = new MemoryDisk({ schedule: (task) => tasks.push(task) });
  disk.makeDirectory('/disk');
  return {
    vfs: disk.mount(),
    directory: '/disk',
    drive: () => tasks.shift()?.(),
    crash: () => {
      disk.crash(() => false);
      return disk.mount();
    },
    dispose: () => undefined,
  };
}

function onNode(): VfsRig {
  const directory = mkdtempSync(join(tmpdir(), 'kontiki-wal-'));
  return {
    vfs: nodeVfs,
    directory,
    drive: () => new Promise((resolve) => setImmediate(resolve)),
    dispose: () => rmSync(directory, { recursive: true }),
  };
}

/** The forgetful disk over one in memory: what a killed process leaves is what the next one finds. */
function onUnsynced(): VfsRig {
  const tasks: (() => void)[] = [];
  const disk = new MemoryDisk({ schedule: (task) => tasks.push(task) });
  disk.makeDirectory('/disk');
  return {
    vfs: unsyncedVfs(disk.mount(), { seed: 1 }),
    directory: '/disk',
    drive: () => tasks.shift()?.(),
    crash: () => {
      disk.kill();
      return unsyncedVfs(disk.mount(), { seed: 2 });
    },
    dispose: () => undefined,
  };
}

for (const [name, create] of [
  ['in memory', onMemory],
  ['on Node', onNode],
  ['unsynced', onUnsynced],
] as const) {
  describe(`vfs ${name}`, () => vfsSuite({ test: register, create }));

  describe(`log store ${name}`, () =>
    logStoreSuite({
      test: register,
      create: () => {
        const rig = create();
        let { vfs } = rig;
        const open = async (): Promise<LogStore> =>
          opened(rig, (completion) =>
            openWal({ vfs, directory: `${rig.directory}/log`, checksum: zlibChecksum, segmentBytes: 8192 }, completion),
          );
        const { crash } = rig;
        if (crash === undefined) return { ...without(rig), open };
        return {
          ...without(rig),
          open,
          crash: () => {
            vfs = crash();
          },
        };
      },
    }));

  describe(`snapshot store ${name}`, () =>
    snapshotStoreSuite({
      test: register,
      create: () => {
        const rig = create();
        const open = async (): Promise<SnapshotStore> =>
          opened(rig, (completion) =>
            openSnapshots(
              { vfs: rig.vfs, directory: `${rig.directory}/snapshots`, checksum: zlibChecksum },
              completion,
            ),
          );
        return { ...without(rig), open };
      },
    }));
}

function without(rig: VfsRig): Pick<VfsRig, 'drive' | 'dispose'> {
  return { drive: rig.drive, dispose: rig.dispose };
}

async function opened<T>(rig: VfsRig, start: (completion: (outcome: Outcome<T>) => void) => void): Promise<T> {
  const outcomes: Outcome<T>[] = [];
  start((outcome) => outcomes.push(outcome));
  while (outcomes.length === 0) await rig.drive();
  const [outcome] = outcomes;
  if (outcome?.kind !== 'done') throw outcome?.error;
  return outcome.value;
}

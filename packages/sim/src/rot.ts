// Damage to what a disk holds: flipped bits, writes that were lost though they were confirmed, or that went to another
// place. Two promises keep it fair (the fault atlas): a majority of disks stays whole, and what no reader could ever
// notice is not done. To the member only one thing is right then: to stop and say so.

import { MemoryDisk, openWal, sectorBytes, tableChecksum } from '@kontiki/wal';
import { Chance } from './chance.ts';
import type { InputOf } from './inputs.ts';
import type { Seat } from './seat.ts';

/** What undoes the damage. */
export interface Injury {
  readonly path: string;
  readonly offset: number;
  readonly good: Uint8Array;
}

/** Damages the disk of a seat that is down. Answers what was done, if there was anything that may be done. */
export function injure(seat: Seat, { damage, draw }: InputOf<'rotDisk'>): Injury | undefined {
  const chance = new Chance(draw, `rot of ${seat.name}`);
  const files = seat.disk.files().filter(([, bytes]) => bytes.length > 0);
  if (files.length === 0) return undefined;
  const [path, bytes] = chance.pick(files);
  const sector = chance.below(Math.ceil(filledBytes(bytes) / sectorBytes) || 1);
  const offset = sector * sectorBytes;
  const good = bytes.slice(offset, offset + sectorBytes);
  const bad = damaged(bytes, good, damage, chance);
  if (!isNoticed(seat, path, offset, bad)) return undefined;
  write(seat.disk, path, offset, bad);
  return { path, offset, good };
}

export function mend(seat: Seat): void {
  const { injury, disk } = seat;
  seat.injury = undefined;
  if (injury !== undefined && disk.node(injury.path) !== undefined)
    write(disk, injury.path, injury.offset, injury.good);
}

function damaged(file: Uint8Array, good: Uint8Array, damage: InputOf<'rotDisk'>['damage'], chance: Chance): Uint8Array {
  switch (damage) {
    case 'zeros':
      return new Uint8Array(good.length);
    case 'elsewhere': {
      const from = chance.below(Math.ceil(file.length / sectorBytes)) * sectorBytes;
      const bad = new Uint8Array(good.length);
      bad.set(file.slice(from, from + good.length));
      return bad;
    }
    case 'flip': {
      const bad = good.slice();
      const at = chance.below(bad.length);
      bad[at] = (bad[at] ?? 0) ^ (1 << chance.below(8));
      return bad;
    }
  }
}

/**
 * Whether recovery either finds the damage or loses nothing by it. The last batch of a log may look torn instead (the
 * window of docs/wal-format.md): against that no member could help itself, and no majority is left to help it.
 */
function isNoticed({ disk, name }: Seat, path: string, offset: number, bad: Uint8Array): boolean {
  const before = recoveredFrom(disk, name);
  const copy = copyOf(disk, () => {});
  write(copy, path, offset, bad);
  const after = recoveredFrom(copy, name);
  return after === 'stopped' || after === before;
}

/** What is recovered from a disk, by a log with the right rules, as text to compare. */
function recoveredFrom(disk: MemoryDisk, name: string): string {
  const tasks: (() => void)[] = [];
  const copy = copyOf(disk, (task) => void tasks.push(task));
  let found = 'nothing';
  openWal({ vfs: copy.mount(), directory: `/${name}/wal`, checksum: tableChecksum }, (outcome) => {
    if (outcome.kind === 'failed') {
      found = 'stopped';
      return;
    }
    const { hardState, base, entries } = outcome.value.recovered;
    const last = entries.at(-1) ?? base.last;
    found = JSON.stringify([hardState, base.last, last.index, last.term]);
  });
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  return found;
}

function copyOf(disk: MemoryDisk, schedule: (task: () => void) => void): MemoryDisk {
  const copy = new MemoryDisk({ schedule });
  for (const path of disk.directories.keys()) copy.makeDirectory(path);
  for (const [path, bytes] of disk.files()) copy.put(path, bytes);
  return copy;
}

function write(disk: MemoryDisk, path: string, offset: number, bytes: Uint8Array): void {
  const node = disk.node(path);
  if (node !== undefined) node.bytes.set(bytes.subarray(0, Math.max(0, node.size - offset)), offset);
}

/** Without the zeros at the end, which a file has for later. */
function filledBytes(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

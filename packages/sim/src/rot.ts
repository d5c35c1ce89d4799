// Damage to what a disk holds: flipped bits, writes that were lost though they were confirmed, or that went to another
// place. Two promises keep it fair (the fault atlas): a majority of disks stays whole, and what no reader could ever
// notice is not done. To the member only one thing is right then: to stop and say so.

import { MemoryDisk, openWal, sectorBytes, tableChecksum } from '@kontiki/wal';
import { batchEnds } from '@kontiki/wal/testing';
import { Chance } from './chance.ts';
import type { InputOf } from './inputs.ts';
import type { Seat } from './seat.ts';

/** What undoes the damage: the file as it was. */
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
  const segments = files.filter(([path]) => path.endsWith('.wal'));
  const [path, good] = chance.pick(damage === 'unwritten' && segments.length > 0 ? segments : files);
  const sector = chance.below(Math.ceil(filledBytes(good) / sectorBytes) || 1) * sectorBytes;
  // What was lost are whole writes.
  const ends = damage === 'unwritten' ? batchEnds(good, tableChecksum) : [];
  const offset = ends.length > 0 ? chance.pick(ends) : sector;
  const bad = damaged(good, offset, damage, chance);
  if (!isNoticed(seat, path, bad)) return undefined;
  write(seat.disk, path, bad);
  return { path, offset, good };
}

export function mend({ injury, disk }: Seat): void {
  if (injury !== undefined) write(disk, injury.path, injury.good);
}

/** The file with its damage; `undefined` when nothing is left of it. */
function damaged(
  good: Uint8Array,
  offset: number,
  damage: InputOf<'rotDisk'>['damage'],
  chance: Chance,
): Uint8Array | undefined {
  if (damage === 'gone') return undefined;
  if (damage === 'blank') return new Uint8Array(good.length);
  if (damage === 'short') return good.slice(0, offset);
  const bad = good.slice();
  if (damage === 'unwritten') return bad.fill(0, offset);
  const sector = bad.subarray(offset, offset + sectorBytes);
  if (damage === 'zeros') sector.fill(0);
  else if (damage === 'elsewhere') {
    const from = chance.below(Math.ceil(good.length / sectorBytes)) * sectorBytes;
    sector.fill(0);
    sector.set(good.subarray(from, from + sector.length));
  } else {
    const at = chance.below(sector.length);
    sector[at] = (sector[at] ?? 0) ^ (1 << chance.below(8));
  }
  return bad;
}

/**
 * Whether recovery either finds the damage or loses nothing by it. The last batch of a log may look torn instead (the
 * window of docs/wal-format.md): against that no member could help itself, and no majority is left to help it.
 */
function isNoticed({ disk, name }: Seat, path: string, bad: Uint8Array | undefined): boolean {
  const before = recoveredFrom(disk, name);
  const copy = copyOf(disk, () => {});
  write(copy, path, bad);
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

function write(disk: MemoryDisk, path: string, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) disk.remove(path);
  else disk.put(path, bytes);
}

/** Without the zeros at the end, which a file has for later. */
function filledBytes(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

// A write-ahead log as a value: what its port promises of one write, and nothing about how.

import type { Entry, HardState, Persist, SnapshotMeta } from '../../src/core/api.ts';

export interface Disk {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  readonly entries: readonly Entry[];
}

/** What the write-ahead log's port promises of one write. */
export function written(disk: Disk, write: Persist): Disk {
  let { base, entries } = disk;
  if (write.base !== undefined) {
    const { last } = write.base;
    const follows =
      last.index <= base.last.index
        ? last.index === base.last.index && last.term === base.last.term
        : entries.some((entry) => entry.index === last.index && entry.term === last.term);
    entries = follows ? entries.filter((entry) => entry.index > last.index) : [];
    base = write.base;
  }
  const [first] = write.entries;
  if (first !== undefined) entries = [...entries.filter((entry) => entry.index < first.index), ...write.entries];
  return { hardState: write.hardState ?? disk.hardState, base, entries };
}

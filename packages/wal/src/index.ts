export { type Checksum, tableChecksum } from './checksum.ts';
export { type DumpOptions, dumpWal } from './dump.ts';
export {
  type Damage,
  DecodeError,
  InvariantError,
  NewerFormatError,
  SnapshotError,
  WalClosedError,
  WalCorruptError,
} from './errors.ts';
export { type DiskOperation, MemoryDisk, type MemoryDiskOptions, sectorBytes, type Unsynced } from './memory-disk.ts';
export { openWal } from './opening.ts';
export { segmentBytesDefault, segmentBytesMin, type WalEvent, type WalOptions } from './options.ts';
export { type NameChange, type WalRules, walRules } from './rules.ts';
export { openSnapshots, type SnapshotEvent, type SnapshotOptions } from './snapshot-store.ts';
export { type Vfs, VfsError, type VfsErrorCode, type VfsFile, type VfsLock } from './vfs.ts';
export type { Wal } from './wal.ts';

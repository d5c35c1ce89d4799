export { batchEnds } from './batch-ends.ts';
export { chance } from './chance.ts';
export { type UnsyncedOptions, unsyncedVfs } from './unsynced-vfs.ts';
export { type VfsRig, type VfsSuite, vfsSuite } from './vfs-suite.ts';

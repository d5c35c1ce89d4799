// Ports that live in memory and time that a test moves: for tests of embedders, and of this package.

export { MemoryLogDisk } from './log-store.ts';
export { MessageNetwork } from './message-network.ts';
export { MemorySnapshotDisk, sourceOf } from './snapshot-store.ts';
export { VirtualTicker, VirtualTime } from './virtual-time.ts';

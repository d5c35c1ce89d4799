// The matrix of tests that both courses have for their replicated stores: 6.824 with appends (3A, 3B), 6.5840 with versions
// (4B, 4C). The second half of each takes snapshots.

import type { LabTest } from '../suite.ts';
import { AppendMachine } from './append-machine.ts';
import type { GenericFlags } from './generic-test.ts';
import { groupTest } from './kv-test.ts';
import {
  type AppendGroup,
  appendOneKey,
  appendOnePartition,
  appendSnapshotRpc,
  appendSnapshotSize,
  appendSpeed,
  genericAppend,
} from './kvraft-append.ts';
import { logBytesMax } from './kvraft-common.ts';
import {
  genericVersioned,
  type VersionedGroup,
  versionedOnePartition,
  versionedSnapshotRpc,
  versionedSnapshotSize,
  versionedSpeed,
} from './kvraft-versioned.ts';
import { VersionedMachine } from './versioned-machine.ts';

/** A test that has a body of its own in each course. */
type Special = 'speed' | 'oneKey' | 'onePartition' | 'snapshotRpc' | 'snapshotSize';

interface Row {
  /** Without the name of the course. */
  readonly name: string;
  readonly title: string;
  readonly peers?: number;
  readonly isUnreliable?: boolean;
  readonly run: GenericFlags | Special;
}

const one = { clients: 1 } as const;
const many = { clients: 5 } as const;
const crashes = true;
const partitions = true;
const isUnreliable = true;
const everything = { clients: 15, crashes, partitions, hasRandomKeys: true } as const;

const withoutSnapshots: readonly Row[] = [
  { name: 'Basic', title: 'one client', run: one },
  { name: 'Speed', title: 'a thousand writes in a row', peers: 3, run: 'speed' },
  { name: 'Concurrent', title: 'many clients', run: many },
  { name: 'Unreliable', title: 'losses', isUnreliable, run: many },
  { name: 'UnreliableOneKey', title: 'losses, one key', peers: 3, isUnreliable, run: 'oneKey' },
  { name: 'OnePartition', title: 'no progress in a minority', run: 'onePartition' },
  { name: 'ManyPartitionsOneClient', title: 'partitions, one client', run: { ...one, partitions } },
  { name: 'ManyPartitionsManyClients', title: 'partitions', run: { ...many, partitions } },
  { name: 'PersistOneClient', title: 'restarts, one client', run: { ...one, crashes } },
  { name: 'PersistConcurrent', title: 'restarts', run: { ...many, crashes } },
  { name: 'PersistConcurrentUnreliable', title: 'losses, restarts', isUnreliable, run: { ...many, crashes } },
  { name: 'PersistPartition', title: 'restarts, partitions', run: { ...many, crashes, partitions } },
  {
    name: 'PersistPartitionUnreliable',
    title: 'losses, restarts, partitions',
    isUnreliable,
    run: { ...many, crashes, partitions },
  },
  {
    name: 'PersistPartitionUnreliableLinearizable',
    title: 'the same, random keys',
    peers: 7,
    isUnreliable,
    run: everything,
  },
];

const withSnapshots: readonly Row[] = [
  { name: 'SnapshotRpc', title: 'a snapshot for one who was away', peers: 3, run: 'snapshotRpc' },
  { name: 'SnapshotSize', title: 'a small log, a small snapshot', peers: 3, run: 'snapshotSize' },
  { name: 'SnapshotSpeed', title: 'a thousand writes in a row', peers: 3, run: 'speed' },
  { name: 'SnapshotRecover', title: 'restarts, one client', run: { ...one, crashes } },
  { name: 'SnapshotRecoverManyClients', title: 'restarts, 20 clients', run: { clients: 20, crashes } },
  { name: 'SnapshotUnreliable', title: 'losses', isUnreliable, run: many },
  { name: 'SnapshotUnreliableRecover', title: 'losses, restarts', isUnreliable, run: { ...many, crashes } },
  {
    name: 'SnapshotUnreliableRecoverPartition',
    title: 'losses, restarts, partitions',
    isUnreliable,
    run: { ...many, crashes, partitions },
  },
  {
    name: 'SnapshotUnreliableRecoverPartitionLinearizable',
    title: 'the same, random keys',
    peers: 7,
    isUnreliable,
    run: everything,
  },
];

const appendBodies = {
  speed: appendSpeed,
  oneKey: appendOneKey,
  onePartition: appendOnePartition,
  snapshotRpc: appendSnapshotRpc,
  snapshotSize: appendSnapshotSize,
};

const versionedBodies = {
  speed: versionedSpeed,
  onePartition: versionedOnePartition,
  snapshotRpc: versionedSnapshotRpc,
  snapshotSize: versionedSnapshotSize,
};

export const appendTests: readonly LabTest[] = [
  ...withoutSnapshots.map((row) => appendTest(row, '3A', {})),
  ...withSnapshots.map((row) => appendTest(row, '3B', { logBytesMax })),
];

export const versionedTests: readonly LabTest[] = [
  ...withoutSnapshots.flatMap((row) => versionedTest(row, '4B', {})),
  ...withSnapshots.flatMap((row) => versionedTest(row, '4C', { logBytesMax })),
];

function appendTest(row: Row, mit6824: string, log: { readonly logBytesMax?: number }): LabTest {
  const { run } = row;
  return groupTest({
    ...commonOf(row),
    ...log,
    name: `Kv${row.name}${mit6824}`,
    part: { mit6824 },
    newMachine: (rules) => new AppendMachine({ rules }),
    body: typeof run === 'string' ? appendBodies[run] : (group: AppendGroup) => genericAppend(group, run),
  });
}

/** None for appends to one key, which is no test without appends. */
function versionedTest(row: Row, mit65840: string, log: { readonly logBytesMax?: number }): readonly LabTest[] {
  const { run } = row;
  if (run === 'oneKey') return [];
  return [
    groupTest({
      ...commonOf(row),
      ...log,
      ...(run === 'onePartition' ? { network: 'unreliable' } : {}),
      name: `Kv${row.name}${mit65840}`,
      part: { mit65840 },
      newMachine: (rules) => new VersionedMachine(rules),
      body: typeof run === 'string' ? versionedBodies[run] : (group: VersionedGroup) => genericVersioned(group, run),
    }),
  ];
}

function commonOf({ title, peers = 5, isUnreliable: loses = false }: Row): {
  readonly title: string;
  readonly peers: number;
  readonly network: 'reliable' | 'unreliable';
} {
  return { title, peers, network: loses ? 'unreliable' : 'reliable' };
}

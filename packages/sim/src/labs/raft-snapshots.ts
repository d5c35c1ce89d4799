// Lab 2D of 6.824, 3D of 6.5840: snapshots, and logs that stay short.

import { claim, type RaftLab, snapshotInterval } from './raft-lab.ts';
import { type RaftTest, raftTest } from './raft-test.ts';
import type { LabTest } from './suite.ts';
import type { Body } from './threads.ts';

const part = { mit6824: '2D', mit65840: '3D' };
/** The log of a server must stay below so many bytes. */
const logBytesMax = 2000;

function snapshotTest(test: Omit<RaftTest, 'peers' | 'part' | 'takesSnapshots'> & Partial<RaftTest>): LabTest {
  return raftTest({ part, peers: 3, takesSnapshots: true, hasCrashes: true, ...test });
}

export const snapshotTests: readonly LabTest[] = [
  snapshotTest({ name: 'SnapshotBasic', title: 'snapshots basic', body: (lab) => snapshots(lab, 'stays') }),
  snapshotTest({
    name: 'SnapshotInstall',
    title: 'install snapshots (disconnect)',
    body: (lab) => snapshots(lab, 'isDisconnected'),
  }),
  snapshotTest({
    name: 'SnapshotInstallUnreliable',
    title: 'install snapshots (disconnect)',
    network: 'unreliable',
    body: (lab) => snapshots(lab, 'isDisconnected'),
  }),
  snapshotTest({
    name: 'SnapshotInstallCrash',
    title: 'install snapshots (crash)',
    body: (lab) => snapshots(lab, 'crashes'),
  }),
  snapshotTest({
    name: 'SnapshotInstallUnCrash',
    title: 'install snapshots (crash)',
    network: 'unreliable',
    body: (lab) => snapshots(lab, 'crashes'),
  }),
  // The argument that says whether the network is reliable was turned round in 2025: we run both.
  snapshotTest({ name: 'SnapshotAllCrash', title: 'crash and restart all servers', body: allCrash }),
  snapshotTest({
    name: 'SnapshotAllCrashUnreliable',
    title: 'crash and restart all servers',
    part: { mit65840: '3D' },
    network: 'unreliable',
    body: allCrash,
  }),
  snapshotTest({
    name: 'SnapshotInit',
    title: 'snapshot initialization after crash',
    part: { mit65840: '3D' },
    body: init,
  }),
  snapshotTest({
    name: 'SnapshotInitUnreliable',
    title: 'snapshot initialization after crash',
    part: { mit65840: '3D' },
    network: 'unreliable',
    body: init,
  }),
];

/** What happens to one server in each round, the leader in every third. */
type Victim = 'stays' | 'isDisconnected' | 'crashes';

function* snapshots(lab: RaftLab, victimOf: Victim): Body {
  const agree = (servers: number): Body<number> => lab.one(randomValue(lab), servers, true);
  yield* agree(lab.size);
  let leader = yield* lab.checkOneLeader();
  for (let round = 0; round < 30; round++) {
    const isLeadersTurn = round % 3 === 1;
    const victim = isLeadersTurn ? leader : leader + 1;
    const sender = isLeadersTurn ? leader + 1 : leader;
    if (victimOf === 'isDisconnected') lab.disconnect(victim);
    if (victimOf === 'crashes') lab.crash(victim);
    if (victimOf !== 'stays') yield* agree(lab.size - 1);

    const commands = snapshotInterval / 2 + lab.below(snapshotInterval);
    for (let at = 0; at < commands; at++) lab.start(sender, randomValue(lab));
    yield* agree(victimOf === 'stays' ? lab.size : lab.size - 1);
    const { logSize } = lab.cluster;
    claim(logSize < logBytesMax, () => `a log of ${logSize} bytes, it must stay below ${logBytesMax}`);

    if (victimOf === 'stays') continue;
    // It may need a snapshot now, and must have what it needs before the next one goes.
    if (victimOf === 'isDisconnected') lab.connect(victim);
    else lab.restart(victim);
    yield* agree(lab.size);
    leader = yield* lab.checkOneLeader();
  }
}

function* allCrash(lab: RaftLab): Body {
  const agree = (): Body<number> => lab.one(randomValue(lab), lab.size, true);
  yield* agree();
  for (let round = 0; round < 5; round++) {
    const commands = snapshotInterval / 2 + lab.below(snapshotInterval);
    for (let at = 0; at < commands; at++) yield* agree();
    const before = yield* agree();
    lab.crashAll();
    lab.restartAll();
    const after = yield* agree();
    claim(after >= before + 1, () => `index ${after} was given out after ${before}`);
  }
}

/** A life that takes no snapshot itself must not lose the one that it found. */
function* init(lab: RaftLab): Body {
  const agree = (): Body<number> => lab.one(randomValue(lab), lab.size, true);
  let last = yield* agree();
  for (let at = 0; at < snapshotInterval + 1; at++) last = yield* agree();
  for (let lives = 0; lives < 2; lives++) {
    lab.crashAll();
    lab.restartAll();
    const index = yield* agree();
    claim(index >= last + 1, () => `index ${index} was given out after ${last}`);
    last = index;
  }
}

function randomValue(lab: RaftLab): string {
  return String(lab.below(1_000_000_000));
}

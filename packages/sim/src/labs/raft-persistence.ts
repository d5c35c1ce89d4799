// Lab 2C of 6.824, 3C of 6.5840: crashes, and networks that lose and reorder.

import { claim, electionTimeoutMs, type RaftLab } from './raft-lab.ts';
import { type RaftTest, raftTest } from './raft-test.ts';
import type { LabTest } from './suite.ts';
import type { Body } from './threads.ts';

const part = { mit6824: '2C', mit65840: '3C' };

function persistenceTest(test: Omit<RaftTest, 'part' | 'hasCrashes'>): LabTest {
  return raftTest({ part, hasCrashes: true, ...test });
}

export const persistenceTests: readonly LabTest[] = [
  persistenceTest({ name: 'Persist1', title: 'basic persistence', peers: 3, body: persist1 }),
  persistenceTest({ name: 'Persist2', title: 'more persistence', peers: 5, body: persist2 }),
  persistenceTest({
    name: 'Persist3',
    title: 'partitioned leader and one follower crash, leader restarts',
    peers: 3,
    body: persist3,
  }),
  persistenceTest({ name: 'Figure8', title: 'figure 8', peers: 5, body: figure8 }),
  persistenceTest({
    name: 'UnreliableAgree',
    title: 'unreliable agreement',
    peers: 5,
    network: 'unreliable',
    body: unreliableAgree,
  }),
  persistenceTest({
    name: 'Figure8Unreliable',
    title: 'figure 8, unreliable',
    peers: 5,
    network: 'unreliable',
    body: figure8Unreliable,
  }),
  persistenceTest({ name: 'ReliableChurn', title: 'churn', peers: 5, body: churn }),
  persistenceTest({
    name: 'UnreliableChurn',
    title: 'unreliable churn',
    peers: 5,
    network: 'unreliable',
    body: churn,
  }),
];

function* persist1(lab: RaftLab): Body {
  yield* lab.one(11, lab.size, true);
  lab.crashAll();
  lab.restartAll();
  yield* lab.one(12, lab.size, true);

  lab.restart(yield* lab.checkOneLeader());
  yield* lab.one(13, lab.size, true);

  const leader = yield* lab.checkOneLeader();
  lab.disconnect(leader);
  yield* lab.one(14, lab.size - 1, true);
  lab.restart(leader);
  // It must have caught up before anybody else goes.
  yield* lab.wait(4, lab.size, undefined);

  const follower = (yield* lab.checkOneLeader()) + 1;
  lab.disconnect(follower);
  yield* lab.one(15, lab.size - 1, true);
  lab.restart(follower);
  yield* lab.one(16, lab.size, true);
}

function* persist2(lab: RaftLab): Body {
  let value = 11;
  const agree = function* (servers: number): Body {
    yield* lab.one(value, servers, true);
    value += 1;
  };
  for (let round = 0; round < 5; round++) {
    yield* agree(lab.size);
    const leader = yield* lab.checkOneLeader();
    for (const next of [1, 2]) lab.crash(leader + next);
    yield* agree(lab.size - 2);
    for (const next of [0, 3, 4]) lab.crash(leader + next);
    for (const next of [1, 2]) lab.restart(leader + next);
    yield* lab.c.sleep(electionTimeoutMs);
    lab.restart(leader + 3);
    yield* agree(lab.size - 2);
    for (const next of [4, 0]) lab.restart(leader + next);
  }
  yield* lab.one(1000, lab.size, true);
}

function* persist3(lab: RaftLab): Body {
  yield* lab.one(101, 3, true);
  const leader = yield* lab.checkOneLeader();
  lab.disconnect(leader + 2);
  yield* lab.one(102, 2, true);
  lab.crash(leader);
  lab.crash(leader + 1);
  lab.connect(leader + 2);
  lab.restart(leader);
  yield* lab.one(103, 2, true);
  lab.restart(leader + 1);
  yield* lab.one(104, lab.size, true);
}

/** §5.4.2: leaders come and go so quickly that entries of old terms reach a majority without being committed. */
function* figure8(lab: RaftLab): Body {
  yield* lab.one(randomValue(lab), 1, true);
  const everybody = lab.cluster.everybody;
  let up = lab.size;
  for (let round = 0; round < 1000; round++) {
    let leader: number | undefined;
    for (const at of everybody) if (lab.isUp(at) && lab.start(at, randomValue(lab)).isLeader) leader = at;
    yield* pauseAsInFigure8(lab);
    if (leader !== undefined) {
      lab.crash(leader);
      up -= 1;
    }
    if (up >= 3) continue;
    const at = lab.below(lab.size);
    if (lab.isUp(at)) continue;
    lab.restart(at);
    up += 1;
  }
  for (const at of everybody) if (!lab.isUp(at)) lab.restart(at);
  yield* lab.one(randomValue(lab), lab.size, true);
}

function* unreliableAgree(lab: RaftLab): Body {
  const threads = [];
  for (let round = 1; round < 50; round++) {
    for (let at = 0; at < 4; at++) threads.push(lab.c.spawn(() => lab.one(100 * round + at, 1, true)));
    yield* lab.one(round, 1, true);
  }
  lab.cluster.network.isReliable = true;
  yield* lab.c.joinAll(threads);
  yield* lab.one(100, lab.size, true);
}

function* figure8Unreliable(lab: RaftLab): Body {
  yield* lab.one(lab.below(10_000), 1, true);
  const { cluster } = lab;
  let up = lab.size;
  for (let round = 0; round < 1000; round++) {
    if (round === 200) cluster.network.hasLongReordering = true;
    let leader: number | undefined;
    for (const at of cluster.everybody) {
      if (lab.start(at, String(lab.below(10_000))).isLeader && cluster.isConnected(at)) leader = at;
    }
    yield* pauseAsInFigure8(lab);
    if (leader !== undefined && lab.below(1000) < 500) {
      lab.disconnect(leader);
      up -= 1;
    }
    if (up >= 3) continue;
    const at = lab.below(lab.size);
    if (cluster.isConnected(at)) continue;
    lab.connect(at);
    up += 1;
  }
  for (const at of cluster.everybody) lab.connect(at);
  yield* lab.one(lab.below(10_000), lab.size, true);
}

function* churn(lab: RaftLab): Body {
  const { c, cluster } = lab;
  let isOver = false;
  const client = function* (me: number): Body<readonly string[]> {
    const committed: string[] = [];
    while (!isOver) {
      const value = randomValue(lab);
      const index = startAnywhere(lab, value);
      if (index === undefined) yield* c.sleep(79 + me * 17);
      else if (yield* isCommittedSoon(lab, index, value)) committed.push(value);
    }
    return committed;
  };
  const clients = [0, 1, 2].map((me) => c.spawn(() => client(me)));

  for (let round = 0; round < 20; round++) {
    if (lab.below(1000) < 200) lab.disconnect(lab.below(lab.size));
    if (lab.below(1000) < 500) lab.bringBack(lab.below(lab.size));
    if (lab.below(1000) < 200) lab.crash(lab.below(lab.size));
    yield* c.sleep((electionTimeoutMs * 7) / 10);
  }
  yield* c.sleep(electionTimeoutMs);
  cluster.network.isReliable = true;
  for (const at of cluster.everybody) lab.bringBack(at);
  isOver = true;
  const committed = (yield* c.joinAll(clients)).flat();
  yield* c.sleep(electionTimeoutMs);

  const last = yield* lab.one(randomValue(lab), lab.size, true);
  const found = new Set<string>();
  for (let index = 1; index <= last; index++) {
    const value = yield* lab.wait(index, lab.size, undefined);
    if (value !== undefined) found.add(value);
  }
  for (const value of committed) claim(found.has(value), () => `a client saw ${value} committed, and it is lost`);
}

function startAnywhere(lab: RaftLab, value: string): number | undefined {
  let index: number | undefined;
  for (const at of lab.cluster.everybody) {
    if (!lab.isUp(at)) continue;
    const started = lab.start(at, value);
    if (started.isLeader) index = started.index;
  }
  return index;
}

function* isCommittedSoon(lab: RaftLab, index: number, value: string): Body<boolean> {
  for (const ms of [10, 20, 50, 100, 200]) {
    const committed = lab.nCommitted(index);
    // Perhaps another stands there: then this one is lost, or stands elsewhere.
    if (committed.count > 0) return committed.value === value;
    yield* lab.c.sleep(ms);
  }
  return false;
}

/** One pause in ten is long enough for an election. */
function* pauseAsInFigure8(lab: RaftLab): Body {
  if (lab.below(1000) < 100) yield* lab.c.sleep(lab.below(electionTimeoutMs / 2));
  else yield* lab.c.sleep(lab.below(13));
}

function randomValue(lab: RaftLab): string {
  return String(lab.below(1_000_000_000));
}

// Reads that need no round: by session on any member, by lease on the leader. What each may be relied on for, and what
// breaks when the one rule behind it is left out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIndex, type Driver, type ReadOptions, ReadSession } from '@kontiki/raft';
import { Cluster, codeOf, isOpen, type Pending, propose, type TestDriver } from './cluster.ts';
import { DurableRegister } from './register.ts';

function read(driver: Driver<number, 'sum', number>, options: ReadOptions): Pending<number> {
  const pending: Pending<number> = { outcome: undefined };
  driver.read('sum', options, (outcome) => {
    assert.equal(pending.outcome, undefined, 'answered twice');
    pending.outcome = outcome;
  });
  return pending;
}

function bySession(driver: TestDriver, session: ReadSession, timeoutTicks = 500): Pending<number> {
  return read(driver, { consistency: 'session', session, timeoutTicks });
}

function answerOf<T>({ outcome }: Pending<T>): T {
  assert.equal(outcome?.kind, 'done', outcome?.kind === 'failed' ? outcome.error.message : 'no answer yet');
  assert.ok(outcome?.kind === 'done');
  return outcome.value;
}

/** Writes as the session, and waits for the acknowledgement. */
function write(cluster: Cluster, driver: TestDriver, value: number, session?: ReadSession): void {
  const pending = propose(driver, value);
  cluster.time.until(() => !isOpen(pending), 'the write is answered');
  session?.saw(answerOf(pending).at.index);
}

/** A cluster, its leader, and a follower that has missed everything since the first write of 1. */
function withLaggard(machine: 'memory' | 'durable' = 'memory') {
  const cluster = Cluster.running({ machine, settings: { snapshotEntries: 10, catchUpEntries: 0, catchUpBytes: 0 } });
  const leader = cluster.leader();
  write(cluster, leader, 1);
  cluster.converge();
  const [laggard, other] = cluster.followers();
  assert.ok(laggard !== undefined && other !== undefined);
  cluster.isolate(laggard.id);
  return { cluster, leader, laggard, other };
}

test('read your writes: a follower that has not yet what was written waits for it', () => {
  const { cluster, leader, laggard, other } = withLaggard();
  const session = new ReadSession();
  write(cluster, leader, 10, session);
  const behind = bySession(laggard, session);
  const abreast = bySession(other, session);
  cluster.time.advance(10);

  assert.equal(answerOf(abreast), 11, 'a follower that has it answers by itself');
  assert.ok(isOpen(behind));
  const stale = read(laggard, { consistency: 'stale' });
  cluster.time.settle();
  assert.equal(answerOf(stale), 1, 'without the wait, the write is missing');

  cluster.network.heal();
  cluster.time.until(() => !isOpen(behind), 'the laggard has caught up');
  assert.equal(answerOf(behind), 11);
});

test('monotonic reads: what one member has shown, no other takes back', () => {
  const { cluster, leader, laggard, other } = withLaggard();
  write(cluster, leader, 10);
  cluster.time.advance(5);
  const session = new ReadSession();
  const first = bySession(other, session);
  cluster.time.settle();
  assert.equal(answerOf(first), 11);

  const second = bySession(laggard, session);
  const forgotten = bySession(laggard, new ReadSession());
  cluster.time.advance(10);

  assert.ok(isOpen(second));
  assert.equal(answerOf(forgotten), 1, 'a session that forgot what it saw goes back in time');
  cluster.network.heal();
  cluster.time.until(() => !isOpen(second), 'the laggard has caught up');
  assert.equal(answerOf(second), 11);
});

test('reads of every consistency move the session on', () => {
  const cluster = Cluster.running({ settings: { leaseReads: { clockDriftPercent: 10 } } });
  const leader = cluster.leader();
  write(cluster, leader, 1);
  for (const consistency of ['linearizable', 'lease', 'stale', 'session'] as const) {
    const session = new ReadSession();
    const pending = read(leader, { consistency, session });
    cluster.time.until(() => !isOpen(pending), 'the read is answered');
    assert.equal(session.index, leader.status().applied, consistency);
  }
});

test('writes follow reads: whatever a session has read stands before what it writes then, on every member', () => {
  const { cluster, leader, laggard } = withLaggard();
  write(cluster, leader, 10);
  const session = new ReadSession();
  const seen = bySession(leader, session);
  cluster.time.settle();
  assert.equal(answerOf(seen), 11);
  const before = session.index;
  write(cluster, leader, 100, session);

  assert.ok(session.index > before, 'the write stands behind what was read');
  cluster.network.heal();
  const elsewhere = bySession(laggard, session);
  cluster.time.until(() => !isOpen(elsewhere), 'the laggard has caught up');
  assert.deepEqual(cluster.seat(laggard.id).register.values, [1, 10, 100]);
});

test('consistent prefix: each answer is the state after some prefix of the log', () => {
  const { cluster, leader, laggard } = withLaggard();
  const sums = new Set([0, 1]);
  let sum = 1;
  const session = new ReadSession();
  const answers: Pending<number>[] = [];
  cluster.network.heal();
  for (let value = 2; value < 40; value++) {
    sum += value;
    sums.add(sum);
    propose(leader, value);
    answers.push(bySession(laggard, session));
    cluster.time.advance(1);
  }
  cluster.time.advance(50);

  const values = answers.map(answerOf);
  assert.ok(values.every((value) => sums.has(value)));
  assert.deepEqual(
    values,
    values.toSorted((a, b) => a - b),
  );
});

test('a session outlives its leader, a restart of all members and the number it is carried in', () => {
  const { cluster, leader, laggard } = withLaggard();
  const session = new ReadSession();
  write(cluster, leader, 10, session);
  cluster.network.heal();
  cluster.kill(leader.id);
  const next = cluster.leader();
  const afterChange = bySession(next, session);
  cluster.time.until(() => !isOpen(afterChange), 'the next leader answers');
  assert.equal(answerOf(afterChange), 11);

  for (const id of cluster.running()) cluster.kill(id);
  for (const id of cluster.ids) cluster.start(id);
  const carried = new ReadSession(asIndex(Number(String(session.index))));
  const atOnce = bySession(cluster.driver(laggard.id), carried);
  cluster.time.settle();
  assert.ok(isOpen(atOnce), 'the state of before the restart is not yet back');
  cluster.time.until(() => !isOpen(atOnce), 'the log has been applied again');
  assert.equal(answerOf(atOnce), 11);
});

for (const machine of ['memory', 'durable'] as const) {
  test(`a snapshot that brings what a session has seen serves it (${machine})`, () => {
    const { cluster, leader, laggard } = withLaggard(machine);
    const session = new ReadSession();
    for (let value = 2; value <= 40; value++) write(cluster, leader, value, session);
    for (const { register } of cluster.seats) if (register instanceof DurableRegister) register.flush();
    cluster.time.advance(20);
    assert.ok(leader.status().first > laggard.status().last.index + 1, 'the log has not what the laggard misses');
    cluster.network.heal();
    const pending = bySession(laggard, session, 2000);
    cluster.time.until(() => !isOpen(pending), 'the read is answered');

    assert.equal(answerOf(pending), 820);
    assert.ok(laggard.metrics.snapshots.restored >= 1);
  });
}

test('while a snapshot is being taken in, nobody is answered from a state that may be half there', () => {
  const { cluster, leader, laggard } = withLaggard('durable');
  const { register } = cluster.seat(laggard.id);
  assert.ok(register instanceof DurableRegister);
  const restore = register.restore.bind(register);
  let goOn: (() => void) | undefined;
  register.restore = (source, done) => {
    goOn = () => restore(source, done);
  };
  for (let value = 2; value <= 40; value++) write(cluster, leader, value);
  for (const seat of cluster.seats) if (seat.register instanceof DurableRegister) seat.register.flush();
  cluster.network.heal();
  cluster.time.until(() => goOn !== undefined, 'a snapshot has come');
  const session = new ReadSession(asIndex(1));
  const pending = bySession(laggard, session);
  const stale = read(laggard, { consistency: 'stale' });
  cluster.time.advance(5);

  assert.ok(isOpen(pending), 'the index of what it would see is not known');
  assert.ok(isOpen(stale), 'old is allowed, half is not');
  goOn?.();
  cluster.time.until(() => !isOpen(pending), 'it is restored');
  assert.equal(answerOf(pending), 820);
  assert.equal(answerOf(stale), 820);
  assert.ok(session.index >= 40);
});

test('a session read gives up in time, is refused when too many wait, and ends with its node', () => {
  const cluster = Cluster.running({ settings: { pendingReads: 2 } });
  const leader = cluster.leader();
  const ahead = (): ReadSession => new ReadSession(asIndex(1000));
  const inTime = bySession(leader, ahead(), 5);
  const waiting = bySession(leader, ahead());
  const third = bySession(leader, ahead());
  cluster.time.advance(6);

  assert.equal(codeOf(inTime), 'UNAVAILABLE');
  assert.equal(codeOf(third), 'OVERLOADED');
  assert.equal(leader.metrics.readsPending, 1);
  leader.stop({ handOver: false }, () => {});
  cluster.time.settle();
  assert.equal(codeOf(waiting), 'STOPPED');
  const late = bySession(leader, new ReadSession());
  cluster.time.settle();
  assert.equal(codeOf(late), 'STOPPED');
});

test('a session read without a session is a mistake of the caller', () => {
  const cluster = Cluster.running({ size: 1 });
  const pending = read(cluster.leader(), { consistency: 'session' });
  cluster.time.settle();

  assert.ok(pending.outcome?.kind === 'failed' && pending.outcome.error instanceof TypeError);
});

const lease = { leaseReads: { clockDriftPercent: 10 } };

test('without the option, a lease read is refused and says what to set', () => {
  const cluster = Cluster.running({ size: 1 });
  const pending = read(cluster.leader(), { consistency: 'lease' });
  cluster.time.settle();

  assert.equal(codeOf(pending), 'UNSUPPORTED');
  assert.match(pending.outcome?.kind === 'failed' ? pending.outcome.error.message : '', /set settings\.leaseReads/);
});

for (const [why, settings, message] of [
  ['without check-quorum', { ...lease, checkQuorum: false }, /leaseReads needs checkQuorum/],
  ['with an odd drift', { leaseReads: { clockDriftPercent: 1.5 } }, /clockDriftPercent is 1\.5/],
  ['with a drift that leaves no lease', { leaseReads: { clockDriftPercent: 90 }, electionTicks: 10 }, /leave no lease/],
] as const) {
  test(`a node does not start with lease reads ${why}`, () => {
    const cluster = new Cluster({ settings });

    assert.throws(() => cluster.start('a'), message);
  });
}

test('a leader answers by lease without asking anybody, and asks when the lease has run out', () => {
  const cluster = Cluster.running({ settings: lease });
  const leader = cluster.leader();
  write(cluster, leader, 7);
  cluster.time.advance(10);
  cluster.isolate(leader.id);
  const within = read(leader, { consistency: 'lease' });
  const round = read(leader, { consistency: 'linearizable', timeoutTicks: 200 });
  cluster.time.settle();

  assert.equal(answerOf(within), 7);
  assert.ok(isOpen(round), 'a linearizable read waits for a majority');
  cluster.time.advance(18);
  const after = read(leader, { consistency: 'lease', timeoutTicks: 200 });
  cluster.time.settle();
  assert.ok(isOpen(after), 'the lease of 17 ticks is over');
  assert.equal(leader.status().role, 'leader', 'and it is not the election timeout that ends it');
});

test('no lease outlives the drift that it was told of', () => {
  for (const clockDriftPercent of [0, 10, 50]) {
    const cluster = Cluster.running({ settings: { leaseReads: { clockDriftPercent } } });
    const leader = cluster.leader();
    cluster.time.advance(10);
    cluster.isolate(leader.id);
    let served = 0;
    for (let tick = 0; tick < 20; tick++) {
      const pending = read(leader, { consistency: 'lease', timeoutTicks: 1 });
      cluster.time.settle();
      if (!isOpen(pending)) served = tick + 1;
      cluster.time.advance(1);
    }
    assert.ok(served >= 1, `${clockDriftPercent}: it has a lease`);
    assert.ok(served <= (20 * (100 - clockDriftPercent)) / 100, `${clockDriftPercent}: served for ${served} ticks`);
  }
});

test('a leader that is handing over has no lease', () => {
  const cluster = Cluster.running({ settings: lease });
  const leader = cluster.leader();
  const [heir] = cluster.followers();
  assert.ok(heir !== undefined);
  cluster.converge();
  cluster.time.advance(10);
  const others = new Set(cluster.followers().map(({ id }) => id));
  // The heir is told; its campaign gets through, but nothing of it reaches the old leader.
  cluster.network.filter = (message) => message.to !== leader.id || !others.has(message.from);
  leader.transferLeadership(heir.id);
  cluster.time.advance(1);
  const pending = read(leader, { consistency: 'lease', timeoutTicks: 100 });
  cluster.time.settle();

  assert.equal(heir.status().role, 'leader');
  assert.equal(leader.status().role, 'leader', 'the old one does not know yet');
  assert.ok(isOpen(pending));
});

test('a process that was stopped finds its lease gone', () => {
  const cluster = Cluster.running({ settings: lease });
  const leader = cluster.leader();
  write(cluster, leader, 1);
  cluster.time.advance(10);
  const { ticker } = cluster.seat(leader.id);
  ticker.stall();
  const next = cluster.leader(cluster.running().filter((id) => id !== leader.id));
  write(cluster, next, 10);
  cluster.isolate(leader.id);
  const asked = read(leader, { consistency: 'lease', timeoutTicks: 100 });
  ticker.resume();
  cluster.time.advance(3);

  assert.ok(isOpen(asked) || codeOf(asked) === 'UNAVAILABLE', 'it does not answer with the old sum');
});

test('a clock beyond the assumed drift makes a lease read stale, and an ordinary one never', () => {
  const cluster = Cluster.running({ settings: lease });
  const leader = cluster.leader();
  write(cluster, leader, 1);
  cluster.time.advance(10);
  // The leader's clock stands still for it, while it works on: the assumption is broken by far.
  cluster.seat(leader.id).ticker.freeze();
  cluster.isolate(leader.id);
  const next = cluster.leader(cluster.running().filter((id) => id !== leader.id));
  write(cluster, next, 10);
  const byLease = read(leader, { consistency: 'lease' });
  const byRound = read(leader, { consistency: 'linearizable' });
  cluster.time.advance(3);

  assert.equal(answerOf(byLease), 1, 'the documented price of a broken assumption');
  assert.ok(isOpen(byRound));
});

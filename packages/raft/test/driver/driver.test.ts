import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ApplyMessage, type NodeId, NotLeaderError, OutcomeUnknownError, type StopReason } from '@kontiki/raft';
import { Cluster, codeOf, isOpen, propose, readIndex, readSum, type TestDriver } from './cluster.ts';
import { DurableRegister } from './register.ts';

test('three nodes elect one leader, and a proposal is answered by the state machine once it is applied', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const first = propose(leader, 3);
  const second = propose(leader, 4);
  assert.ok(isOpen(first), 'not before it is committed');
  cluster.time.settle();

  assert.deepEqual(
    [first, second].map(({ outcome }) => outcome?.kind === 'done' && outcome.value.result),
    [3, 7],
  );
  assert.deepEqual(cluster.values(), [3, 4]);
  assert.equal(leader.metrics.proposals.pending, 0);
});

test('one node alone leads at once and serves', () => {
  const cluster = Cluster.running({ size: 1 });
  const leader = cluster.leader();
  propose(leader, 5);
  cluster.time.settle();
  const sum = readSum(leader);
  cluster.time.settle();

  assert.deepEqual(sum.outcome, { kind: 'done', value: 5 });
});

test('all that comes in one turn costs one write and one message per peer', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  cluster.time.advance(1);
  const before = leader.metrics;
  for (let n = 0; n < 100; n++) propose(leader, 1);
  cluster.time.settle();

  assert.ok(leader.metrics.writes - before.writes <= 2, `${leader.metrics.writes - before.writes} writes`);
  assert.ok(leader.metrics.messages.sent - before.messages.sent <= 6, 'messages');
  assert.equal(leader.metrics.proposals.applied - before.proposals.applied, 100);
});

test('nothing is acknowledged before a majority has it on disk', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  for (const { id, logDisk } of cluster.seats) if (id !== leader.id) logDisk.syncTicks = 7;
  cluster.seat(leader.id).logDisk.syncTicks = 5;
  const pending = propose(leader, 3);
  cluster.time.advance(6);
  assert.ok(isOpen(pending));
  cluster.time.advance(3);

  assert.equal(pending.outcome?.kind, 'done');
});

test('a follower refuses a proposal and names the leader', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const [follower] = cluster.followers();
  assert.ok(follower !== undefined);
  const pending = propose(follower, 3);
  assert.ok(isOpen(pending), 'never from within the call');
  cluster.time.settle();

  assert.ok(pending.outcome?.kind === 'failed' && pending.outcome.error instanceof NotLeaderError);
  assert.equal(pending.outcome.error.leader, leader.id);
  assert.equal(pending.outcome.error.code, 'NOT_LEADER');
});

test('a follower that was killed comes back with what it had and catches up', () => {
  const cluster = Cluster.running();
  propose(cluster.leader(), 1);
  cluster.converge();
  const victim = deadFollower(cluster);
  propose(cluster.leader(), 2);
  cluster.time.advance(5);

  cluster.start(victim.id);

  assert.deepEqual(cluster.values(), [1, 2]);
  assert.deepEqual(cluster.seat(victim.id).register.values, [1, 2]);
});

test('all killed at once come back with everything that was acknowledged', () => {
  const cluster = Cluster.running();
  const pending = [1, 2, 3].map((value) => propose(cluster.leader(), value));
  cluster.time.settle();
  assert.ok(pending.every(({ outcome }) => outcome?.kind === 'done'));
  for (const id of cluster.ids) cluster.kill(id);
  for (const id of cluster.ids) cluster.start(id);

  cluster.leader();

  assert.deepEqual(cluster.values(), [1, 2, 3]);
});

test('a proposal overwritten by the next leader is certainly not applied, and says so', () => {
  const cluster = Cluster.running();
  const old = cluster.leader();
  cluster.isolate(old.id);
  const lost = propose(old, 9, 100_000);
  const others = cluster.ids.filter((id) => id !== old.id);
  const next = cluster.leader(others);
  propose(next, 1);
  cluster.time.advance(30);
  assert.ok(isOpen(lost), 'losing leadership alone decides nothing');
  cluster.network.heal();
  cluster.time.advance(50);

  assert.equal(codeOf(lost), 'NOT_LEADER');
  assert.deepEqual(cluster.values(), [1]);
});

test('a proposal that the next leader commits is answered although its leader was deposed', () => {
  const cluster = Cluster.running();
  const old = cluster.leader();
  const [heir] = cluster.followers();
  assert.ok(heir !== undefined);
  // The entry reaches the followers, their answers do not come back.
  cluster.network.filter = (message) => message.to !== old.id;
  const pending = propose(old, 9, 100_000);
  cluster.time.settle();
  cluster.isolate(old.id);
  cluster.network.filter = () => true;
  cluster.leader(cluster.ids.filter((id) => id !== old.id));
  assert.ok(isOpen(pending));
  cluster.network.heal();
  cluster.time.advance(60);

  assert.ok(pending.outcome?.kind === 'done');
  assert.equal(pending.outcome.value.result, 9);
  assert.deepEqual(cluster.values(), [9]);
});

test('a proposal that is not committed in time has an unknown outcome', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  cluster.isolate(leader.id);
  const pending = propose(leader, 9, 10);
  cluster.time.advance(9);
  assert.ok(isOpen(pending));
  cluster.time.advance(2);

  assert.ok(pending.outcome?.kind === 'failed' && pending.outcome.error instanceof OutcomeUnknownError);
  assert.equal(leader.metrics.proposals.failed, 1);
});

test('a proposal whose entry was overtaken by a snapshot has an unknown outcome', () => {
  const cluster = Cluster.running({ settings: { snapshotEntries: 5, catchUpEntries: 0 } });
  const old = cluster.leader();
  cluster.isolate(old.id);
  const pending = propose(old, 9, 100_000);
  const next = cluster.leader(cluster.ids.filter((id) => id !== old.id));
  for (let n = 0; n < 12; n++) {
    propose(next, 1);
    cluster.time.advance(1);
  }
  cluster.network.heal();
  cluster.time.advance(100);

  assert.equal(codeOf(pending), 'OUTCOME_UNKNOWN');
  assert.equal(cluster.values().length, 12);
});

test('a follower behind the compacted log gets a snapshot, and restarts from it', () => {
  const cluster = Cluster.running({ settings: { snapshotEntries: 10, catchUpEntries: 3 } });
  const leader = cluster.leader();
  const victim = deadFollower(cluster);
  proposeOneByOne(cluster, leader, 25);
  assert.ok(leader.metrics.snapshots.taken >= 2);
  assert.ok(leader.status().first > 10, 'the log was compacted');
  assert.equal(cluster.seat(leader.id).snapshotDisk.count, 1, 'older snapshots are dropped');

  const back = cluster.start(victim.id);
  const expected = Array.from({ length: 25 }, (_, n) => n + 1);
  assert.deepEqual(cluster.values(), expected);
  assert.equal(back.metrics.snapshots.received, 1);
  assert.equal(leader.metrics.snapshots.sent, 1);
  cluster.kill(victim.id);
  cluster.start(victim.id);

  assert.deepEqual(cluster.values(), expected);
});

test('a node that is killed between storing a snapshot and basing its log on it starts from that snapshot', () => {
  const cluster = Cluster.running({ settings: { snapshotEntries: 10, catchUpEntries: 0 } });
  const leader = cluster.leader();
  const victim = deadFollower(cluster);
  proposeOneByOne(cluster, leader, 25);
  cluster.start(victim.id);
  cluster.network.filter = (message) => !(message.kind === 'installSnapshot' && message.to === victim.id);
  cluster.time.until(() => cluster.driver(victim.id).metrics.snapshots.received === 1, 'the snapshot is stored');
  assert.ok(cluster.seat(victim.id).logDisk.content.base.last.index < 10);
  cluster.kill(victim.id);
  cluster.network.filter = () => true;

  const back = cluster.start(victim.id);

  assert.ok(back.status().applied >= 10, 'before it has heard from anybody');
  assert.equal(cluster.values().length, 25);
});

test('a durable machine is compacted up to what it reports, and gives bytes only when a follower needs them', () => {
  const cluster = Cluster.running({ machine: 'durable', settings: { catchUpEntries: 4 } });
  const leader = cluster.leader();
  const victim = deadFollower(cluster);
  proposeOneByOne(cluster, leader, 20);
  assert.equal(leader.status().first, 1, 'nothing is compacted before it is durable');
  const { register } = cluster.seat(leader.id);
  assert.ok(register instanceof DurableRegister);
  register.flush();
  cluster.time.settle();
  const status = leader.status();
  assert.equal(status.first, status.applied - 4 + 1, 'a tail stays for those who lag a little');
  assert.equal(leader.metrics.snapshots.taken, 0);

  cluster.start(victim.id);

  assert.equal(cluster.values().length, 20);
  assert.equal(leader.metrics.snapshots.sent, 1);
  cluster.time.advance(5);
  assert.equal(cluster.seat(victim.id).snapshotDisk.count, 0, 'the machine has it, the file is gone');
});

test('a durable machine that lost what it had not flushed gets it again from the log', () => {
  const cluster = Cluster.running({ machine: 'durable' });
  const leader = cluster.leader();
  for (let n = 1; n <= 5; n++) propose(leader, n);
  cluster.converge();
  const { register } = cluster.seat(leader.id);
  assert.ok(register instanceof DurableRegister);
  register.flush();
  for (let n = 6; n <= 9; n++) propose(leader, n);
  cluster.converge();
  for (const id of cluster.ids) cluster.kill(id);
  for (const id of cluster.ids) cluster.start(id);
  cluster.leader();

  assert.deepEqual(cluster.values(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a machine without room holds apply back, and nothing else', () => {
  const cluster = Cluster.running({ machine: 'durable' });
  const leader = cluster.leader();
  const { register } = cluster.seat(leader.id);
  assert.ok(register instanceof DurableRegister);
  register.isFull = true;
  const pending = propose(leader, 1);
  cluster.time.advance(30);
  assert.ok(isOpen(pending));
  assert.equal(leader.status().role, 'leader');
  register.makeRoom();
  cluster.time.settle();

  assert.equal(pending.outcome?.kind, 'done');
});

test('a node whose state and log do not belong together does not start, and lets go of its log', () => {
  const cluster = Cluster.running({ machine: 'durable' });
  propose(cluster.leader(), 1);
  cluster.converge();
  const victim = deadFollower(cluster);
  const seat = cluster.seat(victim.id);
  seat.registerDisk.content = { at: { term: 9, index: 99 }, values: [] };

  const outcome = cluster.open(victim.id);

  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.error.message, /node . cannot start: the state machine has applied 99, but the log ends at 2/);
});

for (const failing of ['log', 'snapshots'] as const) {
  test(`the first error of the ${failing} stops the node: nothing is acknowledged, everybody who waits is told`, () => {
    const cluster = Cluster.running({ settings: { snapshotEntries: 3 } });
    const leader = cluster.leader();
    const error = new Error('input/output error');
    const seat = cluster.seat(leader.id);
    if (failing === 'log') seat.logDisk.failure = error;
    else seat.snapshotDisk.failure = error;
    const pending = [1, 2, 3, 4].map((value) => propose(leader, value));
    const reading = readIndex(leader);
    cluster.time.advance(3);

    assert.deepEqual(seat.stopped, { kind: 'failed', error } satisfies StopReason);
    assert.ok(
      failing === 'snapshots' || pending.every((one) => codeOf(one) === 'OUTCOME_UNKNOWN'),
      'accepted proposals may be at the others',
    );
    if (failing === 'log') assert.equal(codeOf(reading), 'STOPPED');
    const after = propose(leader, 5);
    cluster.time.settle();
    assert.equal(codeOf(after), 'STOPPED');
    const sent = leader.metrics.messages.sent;
    const next = cluster.leader(cluster.ids.filter((id) => id !== leader.id));
    assert.notEqual(next.id, leader.id);
    assert.equal(leader.metrics.messages.sent, sent, 'it does not speak any more');
  });
}

test('a state machine that throws stops the node', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const { register } = cluster.seat(leader.id);
  register.apply = () => {
    throw new TypeError('cannot apply this');
  };
  const pending = propose(leader, 1);
  cluster.time.advance(1);

  const { stopped } = cluster.seat(leader.id);
  assert.equal(stopped?.kind === 'failed' && stopped.error.message, 'cannot apply this');
  assert.equal(codeOf(pending), 'OUTCOME_UNKNOWN');
});

test('a linearizable read on any node sees what was acknowledged before it', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  propose(leader, 3);
  propose(leader, 4);
  cluster.time.settle();
  const reads = cluster.ids.map((id) => readSum(cluster.driver(id)));
  cluster.time.advance(5);

  assert.deepEqual(
    reads.map(({ outcome }) => outcome),
    reads.map(() => ({ kind: 'done', value: 7 })),
  );
});

test('a deposed leader answers no linearizable read, and a stale one at once', () => {
  const cluster = Cluster.running();
  const old = cluster.leader();
  propose(old, 3);
  cluster.converge();
  cluster.isolate(old.id);
  const next = cluster.leader(cluster.ids.filter((id) => id !== old.id));
  propose(next, 4);
  cluster.time.settle();
  const linearizable = readSum(old, 50);
  let stale: unknown;
  old.read('sum', { consistency: 'stale' }, (outcome) => {
    stale = outcome;
  });
  cluster.time.advance(20);
  assert.ok(isOpen(linearizable));
  assert.deepEqual(stale, { kind: 'done', value: 3 });
  cluster.time.advance(40);

  assert.equal(codeOf(linearizable), 'UNAVAILABLE');
  assert.equal(old.metrics.readsPending, 0);
});

test('a read that is lost with its leader is asked again and served', () => {
  const cluster = Cluster.running();
  const old = cluster.leader();
  propose(old, 3);
  cluster.converge();
  const [reader] = cluster.followers();
  assert.ok(reader !== undefined);
  cluster.kill(old.id);
  const pending = readSum(reader, 10_000);
  cluster.time.advance(5);
  assert.ok(isOpen(pending));
  cluster.time.advance(200);

  assert.deepEqual(pending.outcome, { kind: 'done', value: 3 });
});

test('reads of one turn share one round', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const before = leader.metrics.messages.sent;
  const reads = Array.from({ length: 500 }, () => readIndex(leader));
  cluster.time.settle();

  assert.ok(reads.every(({ outcome }) => outcome?.kind === 'done'));
  assert.ok(leader.metrics.messages.sent - before <= 4, `${leader.metrics.messages.sent - before} messages`);
});

test('more proposals and reads than the bound are refused at once as overload', () => {
  const cluster = Cluster.running({ settings: { pendingProposals: 3, pendingReads: 2 } });
  const leader = cluster.leader();
  cluster.isolate(leader.id);
  const proposals = [1, 2, 3, 4].map((value) => propose(leader, value));
  const reads = [1, 2, 3].map(() => readIndex(leader));
  cluster.time.settle();

  assert.deepEqual(proposals.map(codeOf), [undefined, undefined, undefined, 'OVERLOADED']);
  assert.deepEqual(reads.map(codeOf), [undefined, undefined, 'OVERLOADED']);
  assert.equal(leader.metrics.proposals.refused, 1);
});

test('a log full of what is not committed refuses more as overload', () => {
  const cluster = Cluster.running({
    settings: {
      limits: { inflightMessages: 4, messageBytes: 1000, uncommittedBytes: 100, logBytes: 10_000, applyBytes: 1000 },
      commandBytesMax: 100,
      catchUpBytes: 1000,
    },
  });
  const leader = cluster.leader();
  cluster.isolate(leader.id);
  const proposals = Array.from({ length: 300 }, (_, n) => propose(leader, n % 256));
  cluster.time.settle();

  const codes = proposals.map(codeOf);
  assert.equal(codes[0], undefined);
  assert.equal(codes.at(-1), 'OVERLOADED');
  assert.throws(() => leader.start(new Uint8Array(101)), RangeError);
});

test('leadership is handed to the node that is named', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const [heir] = cluster.followers();
  assert.ok(heir !== undefined);
  const changes: (NodeId | undefined)[] = [];
  leader.onLeadership(({ leader: now }) => changes.push(now));
  assert.equal(leader.transferLeadership(heir.id).kind, 'accepted');
  cluster.time.advance(3);

  assert.equal(cluster.leader().id, heir.id);
  assert.equal(changes.at(-1), heir.id);
});

test('a leader that stops hands over first, so that the others need no timeout', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  propose(leader, 1);
  cluster.converge();
  let stopped = false;
  leader.stop({ handOver: true }, (error) => {
    assert.equal(error, undefined);
    stopped = true;
  });
  cluster.time.advance(4);

  assert.ok(stopped);
  assert.deepEqual(cluster.seat(leader.id).stopped, { kind: 'stopped' });
  assert.equal(cluster.leaders().filter((driver) => driver !== leader).length, 1, 'within 4 ticks');
});

test('stopping fails who waits: proposals as unknown, reads as stopped', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  cluster.isolate(leader.id);
  const proposal = propose(leader, 1);
  const read = readIndex(leader);
  let isStopped = false;
  leader.stop({ handOver: false }, () => {
    isStopped = true;
  });
  cluster.time.settle();

  assert.ok(isStopped);
  assert.equal(codeOf(proposal), 'OUTCOME_UNKNOWN');
  assert.equal(codeOf(read), 'STOPPED');
});

test('a listener hears everything that is applied, in order, and holds apply back when it is full', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const heard: ApplyMessage[] = [];
  let room = 2;
  leader.listen({
    hasRoom: () => heard.length < room,
    push: (messages) => heard.push(...messages),
  });
  proposeOneByOne(cluster, leader, 5);
  assert.equal(heard.length, 2);
  assert.equal(leader.metrics.proposals.applied, 2);
  room = 100;
  leader.goOn();
  cluster.time.settle();

  assert.deepEqual(
    heard.map((message) => message.kind === 'command' && message.command[1]),
    [1, 2, 3, 4, 5],
  );
});

test('a process that was stopped longer than an election serves no stale read when it wakes', () => {
  const cluster = Cluster.running();
  const old = cluster.leader();
  propose(old, 1);
  cluster.converge();
  const seat = cluster.seat(old.id);
  seat.ticker.stall();
  const others = cluster.ids.filter((id) => id !== old.id);
  cluster.time.advance(100);
  const next = cluster.leader(others);
  propose(next, 2);
  cluster.time.settle();
  const read = readSum(old, 1000);
  seat.ticker.resume();
  cluster.time.advance(100);

  assert.deepEqual(read.outcome, { kind: 'done', value: 3 });
  assert.notEqual(cluster.leader().id, old.id);
});

test('the same seed gives the same run', () => {
  const run = (): unknown => {
    const cluster = Cluster.running();
    for (let n = 1; n <= 5; n++) propose(cluster.leader(), n);
    cluster.converge();
    return cluster.ids.map((id) => [cluster.driver(id).status(), cluster.driver(id).metrics, cluster.time.now]);
  };

  assert.deepEqual(run(), run());
});

/** Kills one of those that follow. */
function deadFollower(cluster: Cluster): TestDriver {
  const [victim] = cluster.followers();
  assert.ok(victim !== undefined);
  cluster.kill(victim.id);
  return victim;
}

/** 1, 2 and so on, one a tick. */
function proposeOneByOne(cluster: Cluster, leader: TestDriver, count: number): void {
  for (let n = 1; n <= count; n++) {
    propose(leader, n);
    cluster.time.advance(1);
  }
}

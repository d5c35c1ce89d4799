// §8: commands of a session are executed exactly once, through everything that makes a client ask again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAnswer, encodeRequest, type SessionAnswer } from '@kontiki/raft/sessions';
import { add, answerOf, decodeSum, noMishap, type Seat, SessionCluster } from '@kontiki/raft/testing';

function seatOf(cluster: SessionCluster, which: 'leader' | 'follower'): Seat {
  const { id } = cluster.leader();
  const seat = cluster.seats.find((each) => (which === 'leader') === (each.id === id));
  assert.ok(seat !== undefined);
  return seat;
}

/** Hands one request to whoever leads, as a network would that kept a copy of it. */
function replay(cluster: SessionCluster, request: Uint8Array): SessionAnswer {
  let answer: SessionAnswer | undefined;
  cluster.leader().life.host.handle(request, (bytes) => {
    answer = decodeAnswer(bytes);
  });
  cluster.time.until(() => answer !== undefined, 'the copy is answered');
  assert.ok(answer !== undefined);
  return answer;
}

test('a copy that arrives while the first is not yet committed is recognised where it is applied', () => {
  const cluster = new SessionCluster();
  const client = cluster.client('one').open();
  cluster.mishap = () => ({ ...noMishap, isRequestDoubled: true });
  const sums = [1, 2, 3].map(() => client.begin(add(1)));
  cluster.time.until(() => sums.every(({ outcome }) => outcome !== undefined), 'all are answered');

  assert.deepEqual(sums.map((pending) => decodeSum(answerOf(pending).reply)).sort(), [1, 2, 3]);
  assert.deepEqual(
    cluster.converge().map(({ sum }) => sum),
    [3, 3, 3],
  );
  assert.ok(
    cluster.running().every(({ machine }) => machine.table.duplicates === 3),
    'each stands in the log twice',
  );
});

test('an answer that is lost with its leader is given by the next one', () => {
  const cluster = new SessionCluster();
  const client = cluster.client('one').open();
  assert.equal(client.run(add(1)), 1);
  cluster.mishap = () => ({ ...noMishap, isAnswerLost: true });
  const pending = client.begin(add(1));
  cluster.time.advance(10);
  assert.equal(pending.outcome, undefined);
  cluster.kill(seatOf(cluster, 'leader'));
  cluster.mishap = () => noMishap;
  cluster.time.until(() => pending.outcome !== undefined, 'the next leader answers');

  assert.equal(decodeSum(answerOf(pending).reply), 2);
  assert.deepEqual(
    cluster.converge().map(({ sum }) => sum),
    [2, 2],
  );
});

test('a copy is recognised after all members were restarted, from the log and from snapshots', () => {
  for (const snapshotEntries of [1000, 5]) {
    const cluster = new SessionCluster({ settings: { snapshotEntries, catchUpEntries: 0, catchUpBytes: 0 } });
    const client = cluster.client('one').open();
    const id = client.calls.client;
    assert.ok(id !== undefined);
    const copy = encodeRequest({ kind: 'command', client: id, sequence: 1, firstOpen: 1, body: add(1) });
    // Kept open, so that its reply must be kept while others come and go.
    const first = replay(cluster, copy);
    const other = cluster.client('other').open();
    for (let n = 0; n < 20; n++) other.run(add(1));
    cluster.time.advance(20);
    if (snapshotEntries === 5) assert.ok(cluster.leader().life.driver.status().first > 20, 'the log has it no more');
    for (const seat of cluster.seats) cluster.kill(seat);
    for (const seat of cluster.seats) cluster.start(seat);

    assert.deepEqual(replay(cluster, copy), first);
    assert.deepEqual(new Set(cluster.converge().map(({ sum }) => sum)), new Set([21]));
  }
});

test('a copy is recognised by a leader that knows the command only from a snapshot it was sent', () => {
  const cluster = new SessionCluster({ settings: { snapshotEntries: 5, catchUpEntries: 0, catchUpBytes: 0 } });
  const absent = seatOf(cluster, 'follower');
  cluster.kill(absent);
  const client = cluster.client('one').open();
  const id = client.calls.client;
  assert.ok(id !== undefined);
  const copy = encodeRequest({ kind: 'command', client: id, sequence: 1, firstOpen: 1, body: add(1) });
  const first = replay(cluster, copy);
  const other = cluster.client('other').open();
  for (let n = 0; n < 20; n++) other.run(add(1));
  const { driver } = cluster.start(absent);
  cluster.time.until(() => driver.metrics.snapshots.restored > 0, 'it gets a snapshot');
  cluster.converge();
  cluster.leader().life.driver.transferLeadership(absent.id);
  cluster.time.until(() => driver.status().role === 'leader', 'it leads');

  assert.deepEqual(replay(cluster, copy), first);
  assert.deepEqual(new Set(cluster.converge().map(({ sum }) => sum)), new Set([21]));
});

test('a session that was idle for too long ends on all members at once, and never by the clock of one', () => {
  const cluster = new SessionCluster({ limits: { idleTicks: 200 } });
  const busy = cluster.client('busy').open();
  const id = cluster.client('idle').open().calls.client;
  const restarted = seatOf(cluster, 'follower');
  assert.ok(id !== undefined);
  const known = (): readonly boolean[] => cluster.running().map(({ machine }) => machine.table.has(id));
  const copy = encodeRequest({ kind: 'command', client: id, sequence: 1, firstOpen: 1, body: add(1) });
  replay(cluster, copy);
  // What its keep-alives would say is lost on the way.
  const { client } = busy.calls;
  cluster.mishap = () => ({ ...noMishap, isRequestLost: true });
  for (let ticks = 0; ticks < 180; ticks += 20) {
    cluster.time.advance(20);
    assert.ok(client !== undefined);
    replay(cluster, encodeRequest({ kind: 'keepAlive', client, firstOpen: 1 }));
    if (ticks === 80) {
      cluster.kill(restarted);
      cluster.start(restarted);
    }
  }
  cluster.converge();
  assert.deepEqual(known(), [true, true, true]);
  cluster.time.advance(40);
  assert.deepEqual(known(), [true, true, true], 'time passes only with the log');
  assert.ok(client !== undefined);
  replay(cluster, encodeRequest({ kind: 'keepAlive', client, firstOpen: 1 }));
  const states = cluster.converge();

  assert.deepEqual(known(), [false, false, false]);
  assert.equal(new Set(states.map(({ table }) => table)).size, 1);
  assert.deepEqual(replay(cluster, copy), { kind: 'refused', reason: 'unknownSession' }, 'and nothing is done again');
  assert.equal(cluster.leader().life.tally.sum, 1);
});

test('time without a leader ends no session', () => {
  const cluster = new SessionCluster({ limits: { idleTicks: 200 } });
  const client = cluster.client('one').open();
  for (const seat of cluster.seats) cluster.kill(seat);
  cluster.time.advance(5000);
  for (const seat of cluster.seats) cluster.start(seat);

  assert.equal(client.run(add(1)), 1);
});

test('members that were started with other limits keep to those of the log', () => {
  const cluster = new SessionCluster({ limits: { sessions: 2 } });
  for (const name of ['one', 'two', 'three']) cluster.client(name).open();
  assert.deepEqual(
    cluster.converge().map(({ sessions }) => sessions),
    [2, 2, 2],
  );
});

test('a thousand commands whose time is up at once all end, are done at most once, and leave nothing behind', () => {
  const cluster = new SessionCluster({ limits: { window: 2000 } });
  const client = cluster.client('hasty').open();
  const pending = Array.from({ length: 1000 }, () => client.begin(add(1), 1));
  cluster.time.advance(2);

  assert.ok(pending.every(({ outcome }) => outcome !== undefined));
  assert.equal(client.calls.pending, 0);
  const done = pending.filter(({ outcome }) => outcome?.kind === 'done').length;
  cluster.time.advance(100);
  const [sum = 0] = cluster.converge().map((state) => state.sum);
  assert.ok(sum >= done && sum <= 1000, `${sum} for ${done} that were acknowledged`);
  assert.equal(client.run(add(1)), sum + 1, 'the session goes on');
  assert.equal(cluster.leader().life.driver.metrics.proposals.pending, 0);
});

// How long a cluster goes without a leader, in ticks of 10 ms, and what keeping one costs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster, propose } from './cluster.ts';

const electionTicks = 20;
/** Timeouts are drawn from one to two of them, so this is three of the longest. */
const ticksMost = 6 * electionTicks;

/** Ticks until `isSo`, at most so many. */
function ticksUntil(cluster: Cluster, most: number, isSo: () => boolean): number {
  for (let ticks = 0; ticks <= most; ticks += 1) {
    if (isSo()) return ticks;
    cluster.time.advance(1);
  }
  assert.fail(`not within ${most} ticks`);
}

const hasLeader = (cluster: Cluster): boolean => {
  const [first, ...others] = cluster.running().map((id) => cluster.driver(id).status());
  return (
    first?.leader !== undefined &&
    cluster.running().includes(first.leader) &&
    others.every(({ leader, term }) => leader === first.leader && term === first.term)
  );
};

for (const size of [1, 3, 5, 7]) {
  test(`a cold start of ${size} has one leader within three timeouts`, () => {
    const cluster = Cluster.running({ size });
    const ticks = ticksUntil(cluster, ticksMost, () => hasLeader(cluster));

    assert.equal(cluster.leaders().length, 1);
    // The only voter asks nobody, but its first timeout must run out as well.
    assert.ok(size > 1 || ticks <= 2 * electionTicks, `${ticks} ticks`);
  });
}

test('a leader that is killed while nothing is written has a successor within three timeouts', () => {
  const cluster = Cluster.running();
  for (let round = 0; round < 10; round += 1) {
    const leader = cluster.leader();
    cluster.kill(leader.id);
    ticksUntil(cluster, ticksMost, () => hasLeader(cluster));
    cluster.start(leader.id);
    cluster.converge();
  }
});

test('with one of three left there is no leader, and no term is used up', () => {
  const cluster = Cluster.running();
  cluster.leader();
  const [first, second, last] = cluster.ids;
  assert.ok(first !== undefined && second !== undefined && last !== undefined);
  const { term } = cluster.driver(last).status();
  cluster.kill(first);
  cluster.kill(second);
  cluster.time.advance(100 * electionTicks);

  const status = cluster.driver(last).status();
  assert.deepEqual([status.role === 'leader', status.leader, status.term], [false, undefined, term]);
});

test('a follower that was cut off for a hundred timeouts changes no term when it returns', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const { term } = leader.status();
  const away = cluster.ids.find((id) => id !== leader.id) ?? '';
  cluster.isolate(away);
  cluster.time.advance(100 * electionTicks);
  propose(leader, 7);
  cluster.network.heal();
  cluster.converge();

  assert.deepEqual(
    cluster.ids.map((id) => [cluster.driver(id).status().term, cluster.driver(id).status().leader]),
    cluster.ids.map(() => [term, leader.id]),
  );
});

test('a link that comes and goes for two minutes costs no leader and no writes', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const { term } = leader.status();
  const other = cluster.ids.find((id) => id !== leader.id);
  assert.ok(other !== undefined);
  let done = 0;
  for (let flap = 0; flap < 60; flap += 1) {
    cluster.network.cut(leader.id, other);
    if (flap % 10 === 0) done += Number(isDone(cluster, propose(leader, 1)));
    cluster.time.advance(100);
    cluster.network.heal();
    cluster.time.advance(100);
  }
  cluster.converge();

  assert.deepEqual([leader.status().role, leader.status().term, done], ['leader', term, 6]);
});

function isDone(cluster: Cluster, pending: ReturnType<typeof propose>): boolean {
  cluster.time.settle();
  return pending.outcome?.kind === 'done';
}

test('members that ask first and members that do not are one cluster, whoever is replaced next', () => {
  const cluster = new Cluster({ settings: {} });
  const [a, b, c] = cluster.ids;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const boots: readonly (readonly [string, boolean])[] = [
    [a, false],
    [b, false],
    [c, false],
    [a, true],
    [b, true],
    [c, true],
  ];
  for (const [id, preVote] of boots) {
    if (cluster.seat(id).driver !== undefined) cluster.kill(id);
    cluster.start(id, { preVote });
    if (cluster.running().length < 3) continue;
    // Whoever is down may have led; and a candidate may have used up terms before the others ask first.
    ticksUntil(cluster, 2 * ticksMost, () => hasLeader(cluster));
    cluster.isolate(id);
    cluster.time.advance(10 * electionTicks);
    cluster.network.heal();
    ticksUntil(cluster, 2 * ticksMost, () => hasLeader(cluster));
    assert.ok(isDone(cluster, propose(cluster.leader(), 1)), `${id} asks first: ${preVote}`);
  }
});

test('messages are few: at most 30 for an election, 42 for ten commands at once, 60 for an idle second', () => {
  const cluster = Cluster.running({ settings: { electionTicks: 100, heartbeatTicks: 10 } });
  const sent = (): number => cluster.running().reduce((sum, id) => sum + cluster.driver(id).metrics.messages.sent, 0);
  const leader = cluster.leader();
  cluster.time.settle();
  const election = sent();
  for (let n = 0; n < 10; n += 1) propose(leader, n);
  cluster.converge();
  const commands = sent() - election;
  cluster.time.advance(100);
  const idle = sent() - election - commands;

  assert.ok(election <= 30 && commands <= 42 && idle <= 60, `${election}, ${commands}, ${idle}`);
});

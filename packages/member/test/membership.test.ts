import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberError } from '../src/api.ts';
import type { RunningMember } from '../src/member.ts';
import { nodeIdOf } from '../src/roster.ts';
import { contents, MemberCluster, put, ticksPerSecond, urlsOf } from './cluster.ts';

const healthy = 5 * ticksPerSecond + 20;

async function running(size: number): Promise<MemberCluster> {
  const cluster = await MemberCluster.running(size);
  for (const member of cluster.running) await cluster.wait(member.publish());
  await cluster.pass(healthy);
  return cluster;
}

const voter = (id: bigint) => ({ id, peerUrls: urlsOf(id), isLearner: false });
const learner = (id: bigint) => ({ id, peerUrls: urlsOf(id), isLearner: true });

async function refusal(cluster: MemberCluster, change: Promise<unknown>): Promise<string> {
  const outcome = await cluster.wait(
    change.then(
      () => 'done',
      (error: unknown) => (error instanceof MemberError ? error.code : String(error)),
    ),
  );
  return outcome;
}

const voters = (member: RunningMember): readonly string[] => {
  const rows = member.members();
  return rows.map(({ id, isLearner }) => `${id}${isLearner ? ' learner' : ''}`);
};

/** Lets time pass until the configuration of the leader has so many voters. */
async function untilVoters(cluster: MemberCluster, count: number): Promise<void> {
  for (let ticks = 0; ticks < 3000; ticks++) {
    const leader = cluster.running.find((member) => member.status().isLeader);
    if (
      leader?.status().voters.length === count &&
      cluster.running.every((member) => member.status().voters.length === count)
    )
      return;
    await cluster.pass(1);
  }
  assert.fail(`no ${count} voters: ${cluster.running.map((member) => member.status().voters.length).join(', ')}`);
}

test('one member becomes three and five, answers all the while, and becomes three again', async () => {
  const cluster = await running(1);
  for (const id of [2n, 3n, 4n, 5n]) {
    const asked = cluster.running.at(-1);
    assert.ok(asked !== undefined);
    const members = await cluster.wait(asked.addMember(voter(id)));
    assert.deepEqual(
      members.map((member) => [member.id, member.isLearner, member.name]),
      [...cluster.seats.map((seat) => [seat.id, false, `n${seat.id}`]), [id, false, '']],
    );
    await cluster.wait(asked.propose(put(`before ${id}`, 'x')));
    const joined = await cluster.join(id);
    await cluster.wait(joined.publish());
    await untilVoters(cluster, Number(id));
    await cluster.pass(healthy);
  }
  const one = cluster.member(1n);
  for (const id of [2n, 3n]) {
    const members = await cluster.wait(cluster.member(5n).removeMember(id));
    assert.equal(members.length, 7 - Number(id) - 1);
    await untilVotersOf(cluster, [1n, 4n, 5n], 7 - Number(id) - 1);
  }
  await cluster.wait(one.propose(put('after', 'y')));
  await cluster.wait(cluster.member(5n).linearize());

  assert.deepEqual(Object.keys(contents(cluster.member(5n))), [
    'after',
    'before 2',
    'before 3',
    'before 4',
    'before 5',
  ]);
});

async function untilVotersOf(cluster: MemberCluster, ids: readonly bigint[], count: number): Promise<void> {
  for (let ticks = 0; ticks < 1000; ticks++) {
    if (ids.every((id) => cluster.member(id).status().voters.length === count)) return;
    await cluster.pass(1);
  }
  assert.fail(`no ${count} voters`);
}

test('a voter is answered and listed before it has started, and cannot hold its cluster up', async () => {
  const cluster = await running(1);
  const one = cluster.member(1n);
  await cluster.wait(one.addMember(voter(2n)));

  assert.deepEqual(voters(one), ['1', '2']);
  assert.equal(one.status().voters.length, 1);
  const result = await cluster.wait(one.propose(put('k', 'v')));
  assert.equal(result.kind, 'put');
  await cluster.wait(one.removeMember(2n));
  assert.deepEqual(voters(one), ['1']);
});

test('a voter to be stays one through restarts and changes of leaders', async () => {
  const cluster = await running(3);
  const first = await cluster.leader();
  await cluster.wait(first.addMember(voter(4n)));
  cluster.kill(first.identity.memberId);
  await cluster.pass(100);
  await cluster.leader();
  for (const id of [1n, 2n, 3n]) if (cluster.seat(id).member !== undefined) cluster.kill(id);
  for (const id of [1n, 2n, 3n]) await cluster.start(id);
  await cluster.leader();
  assert.deepEqual(voters(cluster.member(2n)), ['1', '2', '3', '4']);

  await cluster.join(4n);
  await untilVoters(cluster, 4);
});

test('a learner stays one until it is promoted, and is promoted only when it has caught up', async () => {
  const cluster = await running(1);
  const one = cluster.member(1n);
  await cluster.wait(one.addMember(learner(2n)));
  for (let n = 0; n < 20; n++) await cluster.wait(one.propose(put(`k${n}`, 'v')));
  assert.deepEqual(voters(one), ['1', '2 learner']);

  assert.equal(await refusal(cluster, one.promoteMember(2n)), 'learnerNotReady');
  const two = await cluster.join(2n);
  await cluster.wait(two.publish());
  await cluster.pass(100);
  assert.deepEqual(voters(two), ['1', '2 learner']);
  assert.equal(two.isLearner(), true);
  assert.equal(one.status().voters.length, 1);

  const members = await cluster.wait(two.promoteMember(2n));
  assert.deepEqual(
    members.map(({ isLearner }) => isLearner),
    [false, false],
  );
  await untilVoters(cluster, 2);
  assert.equal(two.isLearner(), false);
});

test('an update changes the peer URLs and never what the member is', async () => {
  const cluster = await running(1);
  const one = cluster.member(1n);
  await cluster.wait(one.addMember(learner(2n)));

  const members = await cluster.wait(one.updateMember(2n, ['http://elsewhere:1', 'http://elsewhere:2']));

  assert.deepEqual(
    members.map(({ id, isLearner, peerUrls }) => [id, isLearner, peerUrls]),
    [
      [1n, false, urlsOf(1n)],
      [2n, true, ['http://elsewhere:1', 'http://elsewhere:2']],
    ],
  );
});

test('a leader that is removed is succeeded within an election, and hears that it is gone', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const { memberId } = leader.identity;

  const members = await cluster.wait(leader.removeMember(memberId));
  const others = cluster.running.filter((member) => member !== leader);
  const asked = others[0];
  assert.ok(asked !== undefined);
  await cluster.wait(asked.propose(put('k', 'v')), 40);

  assert.equal(members.length, 2);
  assert.ok(members.every(({ id }) => id !== memberId));
  assert.ok(others.every((member) => member.status().leader !== memberId));
});

test('a leader that nobody can succeed at once removes itself', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const { memberId } = leader.identity;
  cluster.network.filter = ({ kind }) => kind !== 'timeoutNow';

  await cluster.wait(leader.removeMember(memberId));
  await cluster.pass(50);

  assert.equal(cluster.seat(memberId).removals, 1);
  assert.equal(leader.status().isLeader, false);
});

test('whoever waits on a member that was removed is told to go elsewhere', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const gone = await cluster.follower();
  await cluster.wait(leader.removeMember(gone.identity.memberId));
  const waits = gone.propose(put('k', 'v')).then(() => 'done', String);
  gone.toldOfRemoval();

  assert.match(await cluster.wait(waits, 5), /StoppedError|OutcomeUnknownError/);
  assert.match(
    await cluster.wait(
      gone.propose(put('k', 'v')).then(() => 'done', String),
      5,
    ),
    /StoppedError/,
  );
});

test('the removed are remembered by all, and their ids are never members again', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const gone = (await cluster.follower()).identity.memberId;
  await cluster.wait(leader.removeMember(gone));
  cluster.kill(gone);
  await cluster.pass(20);

  assert.equal(
    await refusal(cluster, leader.addMember({ ...voter(gone), peerUrls: ['http://new:1'] })),
    'memberNotFound',
  );
  assert.equal(await refusal(cluster, leader.removeMember(gone)), 'memberNotFound');
  for (const member of cluster.running) {
    assert.deepEqual(
      [...member.store.recordNames()].filter((name) => name.endsWith(`/${nodeIdOf(gone)}`)),
      [],
    );
    assert.notEqual(member.store.record('removed'), undefined);
  }
});

test('refuses what etcd refuses', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const asked = await cluster.follower();

  assert.equal(await refusal(cluster, asked.addMember(voter(1n))), 'memberExists');
  assert.equal(await refusal(cluster, asked.addMember({ ...voter(9n), peerUrls: urlsOf(2n) })), 'peerUrlExists');
  assert.equal(await refusal(cluster, asked.updateMember(1n, ['http://x:1', ...urlsOf(2n)])), 'peerUrlExists');
  assert.equal(await refusal(cluster, asked.updateMember(9n, ['http://x:1'])), 'memberNotFound');
  assert.equal(await refusal(cluster, asked.removeMember(9n)), 'memberNotFound');
  assert.equal(await refusal(cluster, asked.promoteMember(9n)), 'memberNotFound');
  assert.equal(await refusal(cluster, asked.promoteMember(leader.identity.memberId)), 'memberNotLearner');
  assert.equal(await refusal(cluster, asked.addMember(learner(8n))), 'done');
  assert.equal(await refusal(cluster, asked.addMember(learner(9n))), 'tooManyLearners');
});

test('the last member cannot be removed', async () => {
  const cluster = await running(1);

  assert.equal(await refusal(cluster, cluster.member(1n).removeMember(1n)), 'notEnoughStarted');
  cluster.strict = false;
  cluster.kill(1n);
  await cluster.start(1n);
  await cluster.leader();
  assert.equal(await refusal(cluster, cluster.member(1n).removeMember(1n)), 'notEnoughStarted');
});

test('the strict check protects the quorum, and without it the operator may', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  const down = (await cluster.follower()).identity.memberId;
  cluster.kill(down);
  await cluster.pass(20);
  const up = cluster.running.find((member) => member !== leader)?.identity.memberId ?? 0n;

  assert.equal(await refusal(cluster, leader.addMember(voter(4n))), 'unhealthyCluster');
  assert.equal(await refusal(cluster, leader.removeMember(up)), 'unhealthyCluster');
  assert.equal(await refusal(cluster, leader.removeMember(down)), 'done', 'who is down is safe to remove');
  assert.equal(await refusal(cluster, leader.addMember(voter(4n))), 'done');
  assert.equal(await refusal(cluster, leader.addMember(voter(5n))), 'notEnoughStarted');

  cluster.strict = false;
  for (const { id } of cluster.seats) {
    if (cluster.seat(id).member !== undefined) cluster.kill(id);
    if (id !== down) await cluster.start(id);
  }
  await cluster.leader();
  assert.equal(await refusal(cluster, (await cluster.leader()).addMember(voter(5n))), 'done');
});

test('a member that was just connected does not count as healthy yet', async () => {
  const cluster = await MemberCluster.running(3);
  for (const member of cluster.running) await cluster.wait(member.publish());
  const leader = await cluster.leader();

  assert.equal(await refusal(cluster, leader.addMember(voter(4n))), 'unhealthyCluster');
  await cluster.pass(healthy);
  assert.equal(await refusal(cluster, leader.addMember(voter(4n))), 'done');
});

test('changes that are asked for at once are made one after the other', async () => {
  const cluster = await running(3);
  const changes = [
    cluster.member(1n).addMember(voter(4n)),
    cluster.member(2n).addMember(learner(5n)),
    cluster.member(3n).updateMember(1n, ['http://moved:1']),
  ];

  for (const change of changes) await cluster.wait(change);
  const [, second] = await Promise.all(changes);

  assert.ok(second !== undefined);
  assert.deepEqual(voters(await cluster.leader()), ['1', '2', '3', '4', '5 learner']);
});

test('without a leader a change fails in its time, and certainly had no effect', async () => {
  const cluster = await running(3);
  const survivor = await cluster.follower();
  for (const { id } of cluster.seats) if (id !== survivor.identity.memberId) cluster.kill(id);
  await cluster.pass(200);

  assert.equal(await refusal(cluster, survivor.addMember(voter(4n))), 'noLeader');
});

test('a change that a leader began and lost its quorum over is answered as unknown', async () => {
  const cluster = await running(3);
  const leader = await cluster.leader();
  cluster.network.isolate(
    nodeIdOf(leader.identity.memberId),
    cluster.seats.map(({ id }) => nodeIdOf(id)),
  );

  assert.match(await refusal(cluster, leader.addMember(voter(4n))), /OutcomeUnknownError/);
});

test('a member that joins survives restarts before it has heard of anybody, and while it catches up', async () => {
  const cluster = await running(1);
  await cluster.wait(cluster.member(1n).addMember(voter(2n)));
  for (let n = 0; n < 100; n++) await cluster.wait(cluster.member(1n).propose(put(`k${n}`, 'v')));
  cluster.kill(1n);

  await cluster.join(2n);
  await cluster.pass(200);
  assert.deepEqual([cluster.member(2n).status().term, cluster.member(2n).members().length], [0, 0], 'it waits');
  cluster.kill(2n);
  await cluster.start(2n);
  await cluster.start(1n);
  for (let n = 0; n < 5; n++) {
    await cluster.pass(1);
    cluster.kill(2n);
    await cluster.start(2n);
  }
  await untilVoters(cluster, 2);

  await cluster.wait(cluster.member(2n).linearize());
  assert.equal(Object.keys(contents(cluster.member(2n))).length, 100);
});

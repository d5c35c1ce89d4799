import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compact, contents, MemberCluster, put, revoke, ticksPerSecond } from './cluster.ts';

test('a put through any member is there on every member', async () => {
  const cluster = await MemberCluster.running(3);

  for (const { id } of cluster.seats) {
    const result = await cluster.wait(cluster.member(id).propose(put(`from ${id}`, 'x')));
    assert.equal(result.kind, 'put');
  }

  for (const member of cluster.running) {
    await cluster.wait(member.linearize());
    assert.deepEqual(contents(member), { 'from 1': 'x', 'from 2': 'x', 'from 3': 'x' });
  }
});

test('a command is answered from the apply of the member that was asked', async () => {
  const cluster = await MemberCluster.running(3);
  const follower = await cluster.follower();

  await cluster.wait(follower.propose(put('k', 'mine')));

  assert.deepEqual(contents(follower), { k: 'mine' });
});

test('a cluster of one leads itself and answers after its disk', async () => {
  const cluster = await MemberCluster.running(1);

  const result = await cluster.wait(cluster.member(1n).propose(put('k', 'v')));

  assert.deepEqual(result, { kind: 'put', revision: 2, prevKv: undefined });
});

test('what was acknowledged survives a kill of everybody', async () => {
  const cluster = await MemberCluster.running(3);
  for (let n = 0; n < 50; n++) await cluster.wait(cluster.member(BigInt(1 + (n % 3))).propose(put(`k${n}`, `${n}`)));

  for (const { id } of cluster.seats) cluster.kill(id);
  for (const { id } of cluster.seats) await cluster.start(id);
  const leader = await cluster.leader();
  await cluster.wait(leader.linearize());

  assert.deepEqual(contents(leader), Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, `${n}`])));
});

test('a command that waits for a leader is taken by the next one, once', async () => {
  const cluster = await MemberCluster.running(3);
  const old = await cluster.leader();
  const asked = await cluster.follower();
  cluster.kill(old.identity.memberId);

  const result = await cluster.wait(asked.propose(put('k', 'late')));

  assert.equal(result.kind === 'put' ? result.revision : undefined, 2);
  await cluster.start(old.identity.memberId);
  await cluster.leader();
  for (const member of cluster.running) {
    await cluster.wait(member.linearize());
    assert.equal(member.store.revision, 2);
  }
});

test('without a majority a command fails in its time, as unknown once it is in a log', async () => {
  const cluster = await MemberCluster.running(3);
  const leader = await cluster.leader();
  for (const { id } of cluster.seats) if (id !== leader.identity.memberId) cluster.kill(id);

  const error = await cluster.wait(leader.propose(put('k', 'v')).catch((caught: unknown) => caught));

  assert.equal((error as { code?: string }).code, 'OUTCOME_UNKNOWN');
});

test('without a leader a command fails in its time, and certainly had no effect', async () => {
  const cluster = await MemberCluster.running(3);
  const survivor = await cluster.follower();
  for (const { id } of cluster.seats) if (id !== survivor.identity.memberId) cluster.kill(id);
  await cluster.pass(100);

  const error = await cluster.wait(survivor.propose(put('k', 'v')).catch((caught: unknown) => caught));

  assert.equal((error as { code?: string }).code, 'noLeader');
});

test('a follower that slept past the log gets a snapshot, leases and records included', async () => {
  const cluster = await MemberCluster.running(3, 8);
  const sleeper = await cluster.follower();
  await cluster.wait(sleeper.publish());
  const { memberId } = sleeper.identity;
  cluster.kill(memberId);
  const leader = await cluster.leader();
  await cluster.wait(leader.propose({ kind: 'leaseGrant', grantId: 77n, grantTtl: 1000 }));
  for (let n = 0; n < 200; n++) await cluster.wait(leader.propose(put(`k${n}`, 'v', 77n)));
  await cluster.wait(leader.propose(compact(100)));
  await cluster.pass(100);

  const woken = await cluster.start(memberId);
  await cluster.wait(woken.linearize());

  assert.deepEqual(contents(woken), contents(leader));
  assert.equal(woken.metrics.snapshots.received, 1);
  assert.equal(woken.store.lease(77n)?.keys.length, 200);
  assert.equal(woken.store.compactRevision, 100);
  const hash = async (member: typeof woken): Promise<unknown> => await cluster.wait(member.hashKv(201));
  assert.deepEqual(await hash(woken), await hash(leader));
});

test('a lease ends after its time, not before, and through the log', async () => {
  const cluster = await MemberCluster.running(3);
  const follower = await cluster.follower();
  await cluster.wait(follower.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 2 }));
  await cluster.wait(follower.propose(put('k', 'v', 5n)));

  await cluster.pass(2 * ticksPerSecond - 20);
  assert.deepEqual(contents(follower), { k: 'v' });
  await cluster.pass(60);

  for (const member of cluster.running) assert.deepEqual(contents(member), {});
});

test('a lease that is kept alive through a follower does not end', async () => {
  const cluster = await MemberCluster.running(3);
  const follower = await cluster.follower();
  await cluster.wait(follower.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 2 }));

  for (let second = 0; second < 6; second++) {
    await cluster.pass(ticksPerSecond);
    assert.deepEqual(await cluster.wait(follower.keepAlive(5n)), { ttl: 2 });
  }

  assert.notEqual(follower.store.lease(5n), undefined);
  assert.deepEqual(await cluster.wait(follower.keepAlive(6n)), { ttl: 0 });
});

test('a new leader starts every lease anew: a change of leader can only lengthen it', async () => {
  const cluster = await MemberCluster.running(3);
  const old = await cluster.leader();
  await cluster.wait(old.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 3 }));
  await cluster.pass(2 * ticksPerSecond);
  cluster.kill(old.identity.memberId);
  const next = await cluster.leader();

  const { ttl } = await cluster.wait(next.timeToLive(5n, false));
  assert.ok(ttl >= 2, `ttl ${ttl}`);
  await cluster.pass(2 * ticksPerSecond);
  assert.notEqual(next.store.lease(5n), undefined);
  await cluster.pass(2 * ticksPerSecond);
  assert.equal(next.store.lease(5n), undefined);
});

test('a lease that is granted anew is not ended by an expiry of its former life', async () => {
  const cluster = await MemberCluster.running(3);
  const leader = await cluster.leader();
  await cluster.wait(leader.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 1 }));
  const followers = cluster.seats.filter(({ member }) => member !== leader);
  for (const { logDisk } of followers) logDisk.syncTicks = 320;
  await cluster.pass(250);

  const again = leader.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 20 });
  // The first expiry has waited for the disks of the followers for longer than the clock waits for its effect.
  await cluster.pass(200);
  for (const { logDisk } of followers) logDisk.syncTicks = 0;

  assert.equal((await cluster.wait(again)).kind, 'leaseGrant');
  await cluster.pass(50);
  assert.equal(leader.store.lease(5n)?.ttl, 20);
});

test('a lease whose end and new grant are in the log is not ended by what the clock knew of it', async () => {
  const cluster = await MemberCluster.running(3);
  const leader = await cluster.leader();
  await cluster.wait(leader.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 1 }));
  await cluster.pass(ticksPerSecond - 10);
  const followers = cluster.seats.filter(({ member }) => member !== leader);
  for (const { logDisk } of followers) logDisk.syncTicks = 100;

  const both = Promise.all([
    leader.propose(revoke(5n)),
    leader.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 20 }),
  ]);
  // The first life of the lease runs out while neither command is applied.
  await cluster.pass(50);
  for (const { logDisk } of followers) logDisk.syncTicks = 0;

  assert.deepEqual(
    (await cluster.wait(both)).map(({ kind }) => kind),
    ['leaseRevoke', 'leaseGrant'],
  );
  await cluster.pass(100);
  assert.equal(leader.store.lease(5n)?.ttl, 20);
});

test('a member that leads before it has installed its snapshot keeps the leases of that snapshot', async () => {
  const cluster = await MemberCluster.running(3, 8);
  const sleeper = (await cluster.follower()).identity.memberId;
  cluster.kill(sleeper);
  const leader = await cluster.leader();
  await cluster.wait(leader.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 3 }));
  for (let n = 0; n < 100; n++) await cluster.wait(leader.propose(put(`k${n}`, 'v')));
  await cluster.pass(20);

  cluster.seat(sleeper).flushTicks = 100;
  const woken = await cluster.start(sleeper);
  await cluster.pass(50);
  await cluster.wait(leader.moveLeader(sleeper));
  assert.equal(woken.store.lease(5n), undefined, 'the snapshot is not installed yet');

  assert.deepEqual(await cluster.wait(woken.keepAlive(5n)), { ttl: 3 });
  cluster.seat(sleeper).flushTicks = 0;
  await cluster.pass(4 * ticksPerSecond);
  assert.equal(woken.store.lease(5n), undefined, 'and nobody kept it alive');
});

test('a leader that has not installed its snapshot yet sends none, and does when it has', async () => {
  const cluster = await MemberCluster.running(5, 8);
  const { memberId } = (await cluster.leader()).identity;
  const [first = 0n, second = 0n] = cluster.seats.map(({ id }) => id).filter((id) => id !== memberId);
  cluster.kill(first);
  cluster.kill(second);
  const leader = await cluster.leader();
  for (let n = 0; n < 100; n++) await cluster.wait(leader.propose(put(`k${n}`, 'v')));
  await cluster.pass(20);
  cluster.seat(first).flushTicks = 200;
  const heir = await cluster.start(first);
  const failures: Error[] = [];
  heir.onFailure((error) => failures.push(error));
  await cluster.pass(50);
  await cluster.wait(leader.moveLeader(first));

  const last = await cluster.start(second);
  await cluster.pass(50);
  assert.deepEqual([failures, heir.store.revision], [[], 1], 'it leads, and its snapshot is not installed yet');
  cluster.seat(first).flushTicks = 0;
  await cluster.wait(last.linearize());

  assert.equal(last.store.revision, 101);
});

test('time-to-live tells what is left, the keys, and -1 for a lease that is not', async () => {
  const cluster = await MemberCluster.running(3);
  const follower = await cluster.follower();
  await cluster.wait(follower.propose({ kind: 'leaseGrant', grantId: 5n, grantTtl: 100 }));
  await cluster.wait(follower.propose(put('b', 'v', 5n)));
  await cluster.wait(follower.propose(put('a', 'v', 5n)));

  const { ttl, grantedTtl, keys } = await cluster.wait(follower.timeToLive(5n, true));
  assert.deepEqual([grantedTtl, keys], [100, ['a', 'b']]);
  assert.ok(ttl >= 98 && ttl <= 100, `ttl ${ttl}`);

  await cluster.wait(follower.propose(revoke(5n)));
  assert.deepEqual(await cluster.wait(follower.timeToLive(5n, true)), { ttl: -1, grantedTtl: 0, keys: [] });
});

test('a command that the log of the leader does not take is refused through any member, and harms none', async () => {
  const cluster = await MemberCluster.running(3);
  const large = put('k', 'v'.repeat(17 * 2 ** 20));

  for (const member of [await cluster.leader(), await cluster.follower()]) {
    await assert.rejects(cluster.wait(member.propose(large)), { code: 'requestTooLarge' });
    assert.equal(member.metrics.commandsPending, 0);
    assert.equal((await cluster.wait(member.propose(put('k', 'v')))).kind, 'put');
  }
});

test('leadership moves to the member that is named', async () => {
  const cluster = await MemberCluster.running(3);
  const leader = await cluster.leader();
  const target = await cluster.follower();

  await cluster.wait(leader.moveLeader(target.identity.memberId));

  assert.equal((await cluster.leader()).identity.memberId, target.identity.memberId);
  await assert.rejects(cluster.wait(leader.moveLeader(1n)), { code: 'notLeader' });
  await assert.rejects(cluster.wait(target.moveLeader(99n)), { code: 'badTransferee' });
});

test('members know each other by what each has published', async () => {
  const cluster = await MemberCluster.running(3);
  await cluster.wait(cluster.member(2n).publish());
  await cluster.wait(cluster.member(1n).linearize());

  assert.deepEqual(
    cluster
      .member(1n)
      .members()
      .map(({ id, name, clientUrls, peerUrls }) => [id, name, clientUrls, peerUrls]),
    [
      [1n, '', [], ['http://n1:2380']],
      [2n, 'n2', ['http://n2:2379'], ['http://n2:2380']],
      [3n, '', [], ['http://n3:2380']],
    ],
  );
});

test('an orderly stop hands leadership over and loses nothing', async () => {
  const cluster = await MemberCluster.running(3);
  const leader = await cluster.leader();
  await cluster.wait(leader.propose(put('k', 'v')));

  await cluster.wait(leader.stop({ handOver: true }));
  cluster.seat(leader.identity.memberId).member = undefined;
  const before = cluster.time.now;
  const next = await cluster.leader();

  assert.ok(cluster.time.now - before < 20, 'the next leader took over before an election timeout');
  assert.deepEqual(contents(next), { k: 'v' });
});

test('a backend that fails stops the member: it answers nothing any more', async () => {
  const cluster = await MemberCluster.running(1);
  const member = cluster.member(1n);
  const failures: Error[] = [];
  member.onFailure((error) => failures.push(error));
  await cluster.wait(member.propose(put('k', 'v')));
  cluster.seat(1n).backend.fail(new Error('EIO: the disk is gone'));
  await cluster.wait(member.propose(put('k', 'w')).catch(() => undefined));
  await cluster.pass(50);

  assert.match(failures[0]?.message ?? '', /EIO/);
  await assert.rejects(cluster.wait(member.propose(put('k', 'x'))), { code: 'STOPPED' });
  await assert.rejects(cluster.wait(member.keepAlive(1n)), { code: 'STOPPED' });
  await assert.rejects(cluster.wait(member.linearize()), { code: 'STOPPED' });
});

test('a member that is stopped before it could publish itself tries no more', async () => {
  const cluster = await MemberCluster.running(3);
  for (const id of [2n, 3n]) cluster.kill(id);
  await cluster.pass(100);
  const { ticker } = cluster.seat(1n);
  const member = cluster.member(1n);
  void member.publish();
  await cluster.pass(10);
  await cluster.wait(member.stop({ handOver: false }));

  let timers = 0;
  const after = ticker.after.bind(ticker);
  ticker.after = (ticks, task) => {
    timers++;
    return after(ticks, task);
  };
  await cluster.pass(200);

  assert.equal(timers, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ChangeRefusedError,
  type Configuration,
  type NodeId,
  NotLeaderError,
  OutcomeUnknownError,
  promoted,
  withLearner,
  without,
} from '@kontiki/raft';
import { Cluster, codeOf, isOpen, type Pending, propose, type TestDriver } from './cluster.ts';

const address = new Uint8Array(1);

function change(driver: TestDriver, to: Configuration, timeoutTicks?: number): Pending<Configuration> {
  const pending: Pending<Configuration> = { outcome: undefined };
  driver.changeMembership(to, timeoutTicks, (outcome) => {
    assert.equal(pending.outcome, undefined, 'answered twice');
    pending.outcome = outcome;
  });
  return pending;
}

/** A cluster whose server d is a learner and has caught up. */
function withJoined(): { readonly cluster: Cluster; readonly leader: TestDriver } {
  const cluster = Cluster.running({ spares: 1 });
  const leader = cluster.leader();
  propose(leader, 1);
  cluster.start('d');
  const added = change(leader, withLearner(leader.status().configuration, 'd' as NodeId, address));
  cluster.time.until(() => !isOpen(added), 'the learner is added');
  assert.equal(added.outcome?.kind, 'done');
  cluster.converge();
  return { cluster, leader };
}

test('a node that joins knows nobody, keeps quiet, and learns everything once it is added', () => {
  const cluster = Cluster.running({ spares: 1 });
  const leader = cluster.leader();
  const joiner = cluster.start('d');
  cluster.time.advance(200);
  assert.equal(joiner.status().term, 0, 'it never campaigns');
  assert.equal(joiner.status().role, 'learner');

  propose(leader, 3);
  change(leader, withLearner(leader.status().configuration, 'd' as NodeId, address));
  assert.deepEqual(cluster.values(), [3]);
  assert.deepEqual(joiner.status().configuration.learners, ['d']);
});

test('a change is answered once the new configuration alone is committed', () => {
  const { cluster, leader } = withJoined();
  const to = promoted(leader.status().configuration, 'd' as NodeId);
  const pending = change(leader, to);
  assert.ok(isOpen(pending), 'not before it is committed');
  assert.deepEqual(leader.status().configuration.outgoing, ['a', 'b', 'c']);
  cluster.time.until(() => !isOpen(pending), 'the change ends');

  assert.deepEqual(pending.outcome, { kind: 'done', value: to });
  assert.deepEqual(leader.status().configuration, to);
  const again = change(leader, to);
  cluster.time.settle();
  assert.deepEqual(again.outcome, { kind: 'done', value: to }, 'what is so already is answered at once');
});

test('a change that cannot be is refused with its reason, and a second one while the first is under way', () => {
  const { cluster, leader } = withJoined();
  const now = leader.status().configuration;
  const invalid = change(leader, { ...now, voters: [] });
  const first = change(leader, promoted(now, 'd' as NodeId));
  const second = change(leader, without(now, 'd' as NodeId));
  const [follower] = cluster.followers();
  assert.ok(follower !== undefined);
  const elsewhere = change(follower, now);
  cluster.time.until(() => ![invalid, first, second, elsewhere].some(isOpen), 'all are answered');

  assert.ok(invalid.outcome?.kind === 'failed' && invalid.outcome.error instanceof ChangeRefusedError);
  assert.equal(invalid.outcome.error.reason, 'invalid');
  assert.match(invalid.outcome.error.message, /voter/);
  assert.ok(second.outcome?.kind === 'failed' && second.outcome.error instanceof ChangeRefusedError);
  assert.equal(second.outcome.error.reason, 'changePending');
  assert.ok(elsewhere.outcome?.kind === 'failed' && elsewhere.outcome.error instanceof NotLeaderError);
  assert.equal(elsewhere.outcome.error.leader, leader.id);
  assert.equal(first.outcome?.kind, 'done');
});

test('a leader that is removed hears of it, and another leads at once', () => {
  const cluster = Cluster.running();
  const leader = cluster.leader();
  const pending = change(leader, without(leader.status().configuration, leader.id));
  cluster.time.until(() => !isOpen(pending), 'the change ends');
  assert.equal(pending.outcome?.kind, 'done');

  const others = cluster.ids.filter((id) => id !== leader.id);
  const began = cluster.time.now;
  const next = cluster.leader(others);
  assert.ok(cluster.time.now - began < 20, 'sooner than any timeout');
  assert.notEqual(next.id, leader.id);
  propose(next, 4);
  cluster.time.advance(300);
  assert.equal(leader.status().role, 'learner');
  assert.equal(cluster.leader(others).id, next.id, 'nobody is disturbed');
});

test('a change that another leader overwrote fails as lost, one without an answer in time as unknown', () => {
  const { cluster, leader } = withJoined();
  const to = promoted(leader.status().configuration, 'd' as NodeId);
  cluster.isolate(leader.id);
  const late = change(leader, to, 10);
  const lost = change(leader, to, 10_000);
  assert.equal(codeOf(lost), undefined);
  cluster.time.until(() => !isOpen(late), 'time runs out');
  assert.ok(late.outcome?.kind === 'failed' && late.outcome.error instanceof OutcomeUnknownError);
  assert.equal(codeOf(lost), 'CHANGE_REFUSED');
});

test('a change of a deposed leader fails once another entry stands in its place', () => {
  const { cluster, leader } = withJoined();
  cluster.isolate(leader.id);
  const pending = change(leader, promoted(leader.status().configuration, 'd' as NodeId), 100_000);
  const others = cluster.ids.filter((id) => id !== leader.id);
  propose(cluster.leader(others), 9);
  cluster.network.heal();
  cluster.time.until(() => !isOpen(pending), 'the other entry is applied');

  assert.equal(codeOf(pending), 'NOT_LEADER');
  cluster.converge();
  assert.deepEqual(leader.status().configuration.learners, ['d'], 'the change is rolled back');
});

test('a learner that follows closely has caught up; one that is cut off has not', () => {
  const { cluster, leader } = withJoined();
  const ends: (string | undefined)[] = [];
  const names = (): readonly (string | undefined)[] => [...ends];
  leader.caughtUp('d' as NodeId, undefined, (error) => ends.push(error?.name));
  cluster.time.settle();
  assert.deepEqual(names(), [undefined]);

  cluster.isolate('d');
  propose(leader, 2);
  cluster.time.settle();
  leader.caughtUp('d' as NodeId, 50, (error) => ends.push(error?.name));
  cluster.time.advance(100);
  assert.deepEqual(names(), [undefined, 'CatchUpError']);
  leader.caughtUp('x' as NodeId, 50, (error) => ends.push(error?.name));
  cluster.time.settle();
  assert.equal(ends[2], 'NotLeaderError');
});

test('a joint configuration survives a restart of everybody, and whoever leads then ends it', () => {
  const { cluster, leader } = withJoined();
  cluster.network.filter = (message) => message.kind !== 'appendEntriesReply';
  change(leader, promoted(leader.status().configuration, 'd' as NodeId));
  cluster.time.advance(3);
  cluster.network.filter = () => true;
  for (const id of cluster.ids) cluster.kill(id);
  for (const id of cluster.ids) cluster.start(id);
  assert.deepEqual(cluster.driver('d').status().configuration.outgoing, ['a', 'b', 'c']);

  cluster.leader();
  cluster.converge();
  for (const id of cluster.ids) {
    assert.deepEqual(cluster.driver(id).status().configuration.voters, ['a', 'b', 'c', 'd']);
    assert.deepEqual(cluster.driver(id).status().configuration.outgoing, []);
  }
});

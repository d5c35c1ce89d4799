// §8: client interaction, with the reads of thesis §6.4.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, five, OneNode, only, sentTo } from '../core/one-node.ts';

/** A leader of three that has committed and applied its no-op, index 1. */
function settledLeader(setup: ConstructorParameters<typeof OneNode>[0] = {}): OneNode {
  const leader = new OneNode(setup).lead();
  for (const peer of leader.status.configuration.voters) if (peer !== 'n1') leader.matched(1, peer);
  leader.settle();
  assert.equal(leader.status.applied, 1);
  return leader;
}

const answer = (leader: OneNode, from: string, round: number, match = leader.status.commit as number): void => {
  leader.receive({ kind: 'appendEntriesReply', from, round, outcome: { kind: 'matched', match: at(match) } });
};

test('each leader commits a blank no-op entry at the start of its term', () => {
  const leader = new OneNode({ log: [1, 1], term: 2 }).lead();
  assert.deepEqual(leader.log, [1, 1, 3]);
  assert.equal(leader.core.node.log.at(at(3))?.kind, 'noop');
});

test('a read waits until the leader has committed an entry of its own term', () => {
  const leader = new OneNode({ log: [1, 1], term: 2, commit: 1 }).lead();
  leader.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  leader.tick(2);
  for (const { to, round } of sentTo(leader.settle(), 'appendEntries')) answer(leader, to, round, 0);
  leader.settle();
  assert.deepEqual(leader.reads, []);
  // n2 committed 2 with the old leader; this one learns it by committing 3.
  answer(leader, 'n2', leader.peer('n2')?.sentRound ?? 0, 3);
  const [round] = sentTo(leader.settle(), 'appendEntries', 'n2').map((message) => message.round);
  answer(leader, 'n2', round ?? 0, 3);
  leader.settle();
  assert.deepEqual(leader.reads, [{ readId: 1, index: 3 }]);
});

test('a leader exchanges heartbeats with a majority before it answers a read', () => {
  const leader = settledLeader({ voters: five });
  leader.step({ kind: 'read', readId: 7, mode: 'readIndex' });
  const rounds = sentTo(leader.settle(), 'appendEntries');
  assert.equal(rounds.length, 4, 'a round of its own, without waiting for the next heartbeat');
  answer(leader, 'n2', rounds[0]?.round ?? 0);
  leader.settle();
  assert.deepEqual(leader.reads, []);
  answer(leader, 'n3', rounds[1]?.round ?? 0);
  leader.settle();
  assert.deepEqual(leader.reads, [{ readId: 7, index: 1 }]);
});

test('an answer to a round that was sent before the read came confirms nothing, late, doubled or retried', () => {
  const leader = settledLeader();
  leader.tick(2);
  const [old] = sentTo(leader.settle(), 'appendEntries', 'n2');
  leader.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  const [fresh] = sentTo(leader.settle(), 'appendEntries', 'n2');
  for (let times = 0; times < 3; times += 1) answer(leader, 'n2', old?.round ?? 0);
  leader.step({ kind: 'read', readId: 2, mode: 'readIndex' });
  leader.settle();
  assert.deepEqual(leader.reads, []);
  answer(leader, 'n2', fresh?.round ?? 0);
  leader.settle();
  assert.deepEqual(leader.reads, [{ readId: 1, index: 1 }], 'the second read came after that round');
});

test('one round serves all reads that came before it', () => {
  const leader = settledLeader();
  for (const readId of [1, 2, 3]) leader.step({ kind: 'read', readId, mode: 'readIndex' });
  const sent = sentTo(leader.settle(), 'appendEntries', 'n2');
  assert.equal(sent.length, 1);
  answer(leader, 'n2', sent[0]?.round ?? 0);
  leader.settle();
  assert.deepEqual(
    leader.reads.map(({ readId }) => readId),
    [1, 2, 3],
  );
});

test('a follower whose disk is slow still confirms: its answer promises nothing new', () => {
  const follower = new OneNode({ term: 1 }).follow();
  follower.append([0, 0], [{ kind: 'noop', term: follower.status.term, index: at(1) }]);
  follower.ready();
  follower.append([1, 1], [], { round: 9 });
  const reply = only(follower.ready().send, 'appendEntriesReply');
  assert.deepEqual([reply.round, reply.outcome], [9, { kind: 'matched', match: 0 }]);
});

test('a read is answered once the state machine has applied its index', () => {
  const leader = settledLeader({ voters: ['n1', 'n2'] });
  leader.propose();
  const { persist } = leader.ready();
  leader.step({ kind: 'persisted', through: persist?.id ?? assert.fail() });
  answer(leader, 'n2', leader.peer('n2')?.sentRound ?? 0, 2);
  leader.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  const ready = leader.ready();
  assert.equal(ready.apply.length, 1);
  answer(leader, 'n2', leader.peer('n2')?.sentRound ?? 0, 2);
  assert.deepEqual(leader.ready().reads, []);
  leader.step({ kind: 'applied', through: at(2) });
  assert.deepEqual(leader.ready().reads, [{ readId: 1, index: 2 }]);
});

test('a sole voter needs to ask nobody', () => {
  const leader = new OneNode({ voters: ['n1'] }).lead();
  leader.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  assert.deepEqual(leader.ready().reads, [{ readId: 1, index: 1 }]);
});

test('a leader that steps down loses its reads, its followers’ too', () => {
  const leader = settledLeader();
  leader.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  leader.receive({ kind: 'readIndex', readId: 5, from: 'n3' });
  leader.append([1, 1], [], { term: 9 });
  const sent = leader.settle();
  assert.deepEqual(leader.reads, [{ readId: 1, lost: true }]);
  assert.equal(only(sent, 'readIndexReply', 'n3').index, undefined);
});

test('a follower asks the leader, and serves once it has applied that far itself (thesis §6.4)', () => {
  const follower = new OneNode({ log: [1, 1], term: 1 }).follow();
  follower.step({ kind: 'read', readId: 3, mode: 'readIndex' });
  assert.equal(only(follower.settle(), 'readIndex', 'n2').readId, 3);
  follower.receive({ kind: 'readIndexReply', readId: 3, index: at(2) });
  follower.settle();
  assert.deepEqual(follower.reads, []);
  follower.append([2, 1], [], { commit: 2 });
  follower.settle();
  assert.deepEqual(follower.reads, [{ readId: 3, index: 2 }]);
});

test('a leader answers a follower’s question after a round, without waiting for its own state machine', () => {
  const leader = settledLeader();
  leader.receive({ kind: 'readIndex', readId: 4, from: 'n3' });
  const [round] = sentTo(leader.ready().send, 'appendEntries', 'n2').map((message) => message.round);
  answer(leader, 'n2', round ?? 0);
  assert.deepEqual(only(leader.ready().send, 'readIndexReply', 'n3').index, 1);
});

test('a read is lost when the leader it was sent to is not the leader any more, or never answers', () => {
  const changed = new OneNode({ term: 1 }).follow();
  changed.step({ kind: 'read', readId: 1, mode: 'readIndex' });
  changed.append([0, 0], [], { term: 2, from: 'n3' });
  changed.settle();
  assert.deepEqual(changed.reads, [{ readId: 1, lost: true }]);
  changed.receive({ kind: 'readIndexReply', readId: 1, index: at(0) });
  changed.settle();
  assert.equal(changed.reads.length, 1);

  const silent = new OneNode({ term: 1, draw: () => 5 }).follow();
  silent.step({ kind: 'read', readId: 2, mode: 'readIndex' });
  silent.tick(10);
  silent.settle();
  assert.deepEqual(silent.reads, [{ readId: 2, lost: true }]);

  const refused = new OneNode({ term: 1 }).follow();
  refused.step({ kind: 'read', readId: 3, mode: 'readIndex' });
  refused.receive({ kind: 'readIndexReply', readId: 3, index: undefined });
  refused.settle();
  assert.deepEqual(refused.reads, [{ readId: 3, lost: true }]);
});

test('without a leader a read is refused at once; who is not the leader says so to a follower', () => {
  const node = new OneNode({ term: 1 });
  assert.deepEqual(node.step({ kind: 'read', readId: 1, mode: 'readIndex' }), {
    kind: 'refused',
    reason: 'notLeader',
    leader: undefined,
  });
  node.receive({ kind: 'readIndex', readId: 4, from: 'n3' });
  assert.equal(only(node.settle(), 'readIndexReply', 'n3').index, undefined);
});

test('a lease serves without a round, until it runs out (thesis §6.4.1)', () => {
  const leader = settledLeader({ checkQuorum: true, leaseReads: true });
  leader.tick(2);
  for (const { to, round } of sentTo(leader.settle(), 'appendEntries')) answer(leader, to, round);
  // Earned by a round sent at tick 2 (and the ten ticks less a tenth, less one for counting): good through tick 9.
  leader.tick(7);
  leader.settle();
  leader.step({ kind: 'read', readId: 1, mode: 'lease' });
  assert.deepEqual(leader.ready().reads, [{ readId: 1, index: 1 }]);
  leader.tick(1);
  leader.step({ kind: 'read', readId: 2, mode: 'lease' });
  leader.settle();
  assert.deepEqual(leader.reads, [{ readId: 1, index: 1 }], 'past the lease, a read takes a round');
});

test('a process that was stopped finds its lease gone, whatever old answers wait in its mail', () => {
  const leader = settledLeader({ checkQuorum: true, leaseReads: true });
  leader.tick(2);
  const rounds = sentTo(leader.settle(), 'appendEntries');
  leader.step({ kind: 'tick', elapsed: 9 });
  for (const { to, round } of rounds) answer(leader, to, round);
  leader.step({ kind: 'read', readId: 1, mode: 'lease' });
  leader.settle();
  assert.deepEqual(leader.reads, []);
});

test('leases are off unless asked for, and after a hand-over there are none for the rest of the term', () => {
  const plain = settledLeader({ checkQuorum: true });
  plain.step({ kind: 'read', readId: 1, mode: 'lease' });
  plain.settle();
  assert.deepEqual(plain.reads, []);

  const leader = settledLeader({ checkQuorum: true, leaseReads: true });
  leader.step({ kind: 'transferLeadership', to: leader.status.configuration.voters[1] ?? assert.fail() });
  leader.settle();
  leader.step({ kind: 'abortTransfer' });
  leader.step({ kind: 'read', readId: 1, mode: 'lease' });
  leader.settle();
  assert.deepEqual(leader.reads, []);
});

test('with lease reads, a restarted node neither votes nor campaigns for one minimum timeout', () => {
  const node = new OneNode({ term: 3, log: [3], leaseReads: true, checkQuorum: true, draw: () => 5 });
  node.tick(9);
  node.requestVote([1, 3], { term: 4 });
  assert.deepEqual([sentTo(node.settle(), 'requestVoteReply'), node.status.term], [[], 3]);
  node.tick(1);
  node.requestVote([1, 3], { term: 5 });
  assert.equal(only(node.settle(), 'requestVoteReply').granted, true);
});

test('lease reads without check-quorum are refused by the options', () => {
  assert.throws(() => new OneNode({ leaseReads: true, checkQuorum: false }), /lease reads need check-quorum/);
});

// §5.2: leader election.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { five, id, OneNode, only, sentTo } from '../core/one-node.ts';

test('when servers start up, they begin as followers', () => {
  const { status } = new OneNode();
  assert.deepEqual([status.role, status.term, status.leader], ['follower', 0, undefined]);
});

test('a server remains a follower as long as it receives valid messages from a leader', () => {
  const node = new OneNode({ term: 1 });
  for (let round = 0; round < 5; round += 1) {
    node.tick(9);
    node.append([0, 0], []);
  }
  assert.equal(node.status.role, 'follower');
  node.tick(9);
  assert.equal(node.status.role, 'follower');
  node.tick();
  assert.equal(node.status.role, 'candidate');
});

test('to begin an election, a follower increments its term, votes for itself and asks all others', () => {
  const node = new OneNode({ voters: five, term: 3, log: [1, 3] });
  node.tick(10);
  assert.deepEqual([node.status.role, node.status.term, node.status.votedFor], ['candidate', 4, 'n1']);
  const requests = sentTo(node.settle(), 'requestVote');
  assert.deepEqual(
    requests.map(({ to }) => to),
    ['n2', 'n3', 'n4', 'n5'],
  );
  for (const { term, last, phase } of requests) {
    assert.deepEqual([term, last, phase], [4, { term: 3, index: 2 }, 'vote']);
  }
});

test('the request leaves, and the own vote counts, only when term and vote are durable', () => {
  const node = new OneNode({ term: 3 });
  node.step({ kind: 'campaign' });
  const ready = node.ready();
  assert.deepEqual(ready.persist?.hardState, { term: 4, votedFor: 'n1', commit: 0 });
  assert.deepEqual(ready.send, []);
  assert.deepEqual(ready.afterPersist?.after, ready.persist?.id);
  assert.equal(ready.afterPersist?.messages.length, 2);
  // A vote that arrives anyhow is not a majority of three without the own one.
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true });
  assert.equal(node.status.role, 'candidate');
  node.step({ kind: 'persisted', through: ready.persist?.id ?? assert.fail() });
  assert.equal(node.status.role, 'leader');
});

test('a candidate wins with votes from a majority of the full cluster', () => {
  const rows: [readonly string[], readonly string[], string][] = [
    [['n1'], [], 'leader'],
    [['n1', 'n2'], [], 'candidate'],
    [['n1', 'n2'], ['n2'], 'leader'],
    [five, ['n2'], 'candidate'],
    [five, ['n2', 'n3'], 'leader'],
    [five.slice(0, 4), ['n2'], 'candidate'],
    [five.slice(0, 4), ['n2', 'n4'], 'leader'],
  ];
  for (const [voters, granting, role] of rows) {
    const node = new OneNode({ voters });
    node.step({ kind: 'campaign' });
    node.settle();
    for (const from of granting) node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from });
    assert.equal(node.status.role, role, `${granting.length} votes of others among ${voters.length}`);
  }
});

test('a vote counts once, and refusals never make a leader', () => {
  const node = new OneNode({ voters: five });
  node.step({ kind: 'campaign' });
  node.settle();
  for (let times = 0; times < 3; times += 1) node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true });
  for (const from of ['n3', 'n4']) node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: false, from });
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n8' });
  assert.equal(node.status.role, 'candidate');
});

test('each server votes for at most one candidate in a given term, first come, first served', () => {
  const node = new OneNode({ term: 1 });
  node.requestVote([0, 0], { from: 'n2', term: 2 });
  node.requestVote([0, 0], { from: 'n3', term: 2 });
  node.requestVote([0, 0], { from: 'n2', term: 2 });
  const replies = sentTo(node.settle(), 'requestVoteReply');
  assert.deepEqual(
    replies.map(({ to, granted }) => [to, granted]).sort(),
    [
      ['n2', true],
      ['n3', false],
    ],
    'the same candidate may ask again; one answer is enough',
  );
  assert.equal(node.status.votedFor, 'n2');
});

test('a vote leaves only when it is durable, and survives a restart', () => {
  const node = new OneNode({ term: 1 });
  node.requestVote([0, 0], { from: 'n2', term: 2 });
  const ready = node.ready();
  assert.deepEqual([ready.send, ready.persist?.hardState?.votedFor], [[], 'n2']);
  assert.equal(only(ready.afterPersist?.messages ?? [], 'requestVoteReply').granted, true);

  const again = new OneNode({ term: 2, votedFor: 'n2' });
  again.requestVote([0, 0], { from: 'n3', term: 2 });
  assert.equal(only(again.settle(), 'requestVoteReply').granted, false);
});

test('once a candidate wins, it sends heartbeats to establish its authority', () => {
  const node = new OneNode({ voters: five, term: 1 });
  node.step({ kind: 'campaign' });
  node.settle();
  for (const from of ['n2', 'n3']) node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from });
  const first = sentTo(node.ready().send, 'appendEntries');
  assert.deepEqual(
    first.map(({ to }) => to),
    ['n2', 'n3', 'n4', 'n5'],
  );
  node.tick(2);
  assert.equal(sentTo(node.ready().send, 'appendEntries').length, 4);
});

test('a candidate that hears from a leader of at least its term recognizes it and returns to follower', () => {
  for (const newer of [0, 1]) {
    const node = new OneNode({ term: 1 });
    node.step({ kind: 'campaign' });
    node.append([0, 0], [], { term: 2 + newer, from: 'n3' });
    assert.deepEqual([node.status.role, node.status.leader, node.status.term], ['follower', 'n3', 2 + newer]);
  }
});

test('a candidate that hears from a leader of an older term rejects it and remains a candidate', () => {
  const node = new OneNode({ term: 1 });
  node.step({ kind: 'campaign' });
  node.append([0, 0], [], { term: 1, from: 'n3' });
  assert.equal(node.status.role, 'candidate');
});

test('if votes are split, each candidate times out and starts a new election in a new term', () => {
  const node = new OneNode({ voters: ['n1', 'n2', 'n3', 'n4'], term: 1 });
  node.tick(10);
  node.settle();
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n2' });
  for (const from of ['n3', 'n4']) node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: false, from });
  node.tick(9);
  assert.deepEqual([node.status.role, node.status.term], ['candidate', 2]);
  node.tick();
  assert.deepEqual([node.status.role, node.status.term], ['candidate', 3]);
});

test('election timeouts are drawn anew for each election, from one to two timeouts', () => {
  const drawn = [3, 0, 9, 5];
  const node = new OneNode({ term: 1, draw: (_purpose, counter) => drawn[counter] ?? 0 });
  const waits: number[] = [];
  for (const _ of drawn) {
    const { term } = node.status;
    let ticks = 0;
    while (node.status.term === term) {
      node.tick();
      ticks += 1;
      assert.ok(ticks <= 20, 'the timeout never comes');
    }
    node.settle();
    waits.push(ticks);
  }
  assert.deepEqual(waits, [13, 10, 19, 15]);
});

test('a draw outside its range is a broken promise of the caller', () => {
  assert.throws(() => new OneNode({ draw: () => 10 }), /drew 10, which is not in \[0, 10\)/);
});

test('a sole voter leads without waiting', () => {
  const node = new OneNode({ voters: ['n1'], preVote: true, checkQuorum: true });
  node.tick();
  node.settle();
  assert.equal(node.status.role, 'leader');
  assert.equal(node.status.applied, 1);
  node.tick(40);
  assert.equal(node.status.role, 'leader');
});

test('a learner neither campaigns nor counts', () => {
  const learner = new OneNode({ voters: ['n2', 'n3'], learners: ['n1'] });
  assert.equal(learner.status.role, 'learner');
  learner.tick(50);
  assert.equal(learner.status.term, 0);
  assert.deepEqual(learner.step({ kind: 'campaign' }), { kind: 'refused', reason: 'notVoter', leader: undefined });

  const node = new OneNode({ voters: ['n1', 'n2'], learners: ['n3'] });
  node.step({ kind: 'campaign' });
  node.settle();
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n3' });
  assert.equal(node.status.role, 'candidate');
});

test('while joint, a candidate needs a majority of both configurations (thesis §4.3)', () => {
  const node = new OneNode({ voters: ['n1', 'n2', 'n3'], outgoing: ['n3', 'n4', 'n5'] });
  node.step({ kind: 'campaign' });
  const asked = sentTo(node.settle(), 'requestVote').map(({ to }) => to);
  assert.deepEqual(asked, ['n2', 'n3', 'n4', 'n5'].map(id));
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n2' });
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n4' });
  assert.equal(node.status.role, 'candidate');
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n5' });
  assert.equal(node.status.role, 'leader');
});

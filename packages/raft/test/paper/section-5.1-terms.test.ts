// §5.1: terms are a logical clock.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, id, OneNode, only, sentTo, terms } from '../core/one-node.ts';

test('if one server’s term is smaller than the other’s, it updates its term to the larger value', () => {
  const node = new OneNode({ term: 2, votedFor: 'n1' });
  node.append([0, 0], [], { term: 5 });
  assert.equal(node.status.term, 5);
  assert.equal(node.status.votedFor, undefined);
});

test('a candidate or leader that discovers that its term is out of date reverts to follower', () => {
  const candidate = new OneNode({ term: 1 });
  candidate.step({ kind: 'campaign' });
  assert.equal(candidate.status.role, 'candidate');
  candidate.receive({ kind: 'requestVoteReply', phase: 'vote', granted: false, term: 7 });
  assert.deepEqual([candidate.status.role, candidate.status.term], ['follower', 7]);

  const leader = new OneNode({ term: 1 }).lead();
  leader.receive({
    kind: 'appendEntriesReply',
    round: 1,
    outcome: { kind: 'rejected', rejected: at(0), conflictTerm: undefined, tryIndex: at(1) },
    term: 7,
  });
  assert.deepEqual([leader.status.role, leader.status.term, leader.status.leader], ['follower', 7, undefined]);
});

test('if a server receives a request with a stale term number, it rejects the request', () => {
  const node = new OneNode({ term: 4, log: [1, 4], votedFor: 'n3' });
  node.append([1, 1], [], { term: 3 });
  node.requestVote([9, 3], { term: 3 });
  const sent = node.settle();
  const append = only(sent, 'appendEntriesReply');
  assert.deepEqual([append.outcome.kind, append.term], ['rejected', 4]);
  const vote = only(sent, 'requestVoteReply');
  assert.deepEqual([vote.granted, vote.term], [false, 4]);
  assert.equal(node.status.leader, undefined);
});

test('terms act as a clock for every kind of message but a question about the next term', () => {
  const node = new OneNode({ term: 3 });
  node.receive({ kind: 'readIndex', readId: 1, term: 4 });
  assert.equal(node.status.term, 4);
  node.receive({ kind: 'timeoutNow', term: 5 });
  assert.equal(node.status.term, 5);
  node.requestVote([0, 0], { term: 9, phase: 'preVote' });
  assert.equal(node.status.term, 5);
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: true, term: 9 });
  assert.equal(node.status.term, 5);
});

test('the current term is durable before anything that was said in it', () => {
  const node = new OneNode({ term: 1, log: [1] });
  node.append([1, 1], terms(1, 3).slice(1), { term: 3, from: 'n2' });
  const ready = node.ready();
  assert.equal(ready.persist?.hardState?.term, 3);
  assert.deepEqual(sentTo(ready.send, 'appendEntriesReply'), [], 'nothing is promised in a term that is not on disk');
  assert.equal(ready.afterPersist?.after, ready.persist?.id);
  const reply = only(ready.afterPersist?.messages ?? [], 'appendEntriesReply');
  assert.deepEqual(reply.outcome, { kind: 'matched', match: 2 });
  assert.equal(reply.to, id('n2'));
});

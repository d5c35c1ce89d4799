// Pre-vote (thesis §9.6), the protection of a live leader (§4.2.3), check-quorum (§6.2) and leadership transfer (§3.10).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, entriesFrom, five, id, OneNode, only, sentTo } from '../core/one-node.ts';

const rejected = { kind: 'rejected', rejected: at(0), conflictTerm: undefined, tryIndex: at(1) } as const;

test('§9.6: a candidate asks first whether it could win, and touches nobody’s term', () => {
  const node = new OneNode({ preVote: true, term: 3, log: [3] });
  node.tick(10);
  const ready = node.ready();
  const [request] = sentTo(ready.send, 'requestVote');
  assert.deepEqual([request?.phase, request?.term], ['preVote', 4]);
  assert.deepEqual(
    [node.status.role, node.status.term, node.status.votedFor, ready.persist],
    ['preCandidate', 3, undefined, undefined],
  );
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: true, term: 4 });
  assert.deepEqual([node.status.role, node.status.term], ['candidate', 4]);
});

test('§9.6: a granted pre-vote changes neither term, vote nor timer, and writes nothing', () => {
  const node = new OneNode({ term: 3, votedFor: 'n3', log: [3] });
  node.tick(9);
  node.requestVote([1, 3], { phase: 'preVote', term: 4 });
  const ready = node.ready();
  const reply = only(ready.send, 'requestVoteReply');
  assert.deepEqual([reply.granted, reply.term, ready.persist], [true, 4, undefined]);
  assert.deepEqual([node.status.term, node.status.votedFor, node.status.electionElapsed], [3, 'n3', 9]);
});

test('§9.6: a pre-vote is refused while a leader is heard, for an older log, and for a term that is no news', () => {
  const following = new OneNode({ term: 3, log: [3] }).follow();
  following.requestVote([1, 3], { phase: 'preVote', term: 4, from: 'n3' });
  assert.equal(only(following.settle(), 'requestVoteReply').granted, false);
  following.step({ kind: 'tick', elapsed: 10 });
  following.requestVote([1, 3], { phase: 'preVote', term: 4, from: 'n3' });
  assert.equal(only(following.settle(), 'requestVoteReply').granted, true);

  const rows: [{ term: number; votedFor?: string }, number, boolean][] = [
    [{ term: 3, votedFor: 'n2' }, 3, false],
    [{ term: 3, votedFor: 'n3' }, 3, true],
    [{ term: 3 }, 3, true],
    [{ term: 3 }, 2, false],
  ];
  for (const [setup, term, granted] of rows) {
    const node = new OneNode({ ...setup, log: [1] });
    node.requestVote([1, 1], { phase: 'preVote', term, from: 'n3' });
    const reply = only(node.settle(), 'requestVoteReply');
    assert.equal(reply.granted, granted, `term ${term} at term ${setup.term}, voted for ${setup.votedFor}`);
  }
});

test('§9.6: a server that was cut off does not disturb: its term does not grow', () => {
  const node = new OneNode({ preVote: true, term: 3 });
  node.tick(500);
  node.settle();
  assert.equal(node.status.term, 3);
  node.append([0, 0], []);
  assert.equal(node.status.role, 'follower');
});

test('§9.6: a refusal of a higher term brings a pre-candidate up to date', () => {
  const node = new OneNode({ preVote: true, term: 3 });
  node.tick(10);
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: false, term: 8 });
  assert.deepEqual([node.status.role, node.status.term], ['follower', 8]);
});

test('a late pre-vote or vote of another election does not count', () => {
  const node = new OneNode({ preVote: true, term: 3 });
  node.tick(10);
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: true, term: 3 });
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, term: 3 });
  assert.equal(node.status.role, 'preCandidate');
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: true, term: 4 });
  node.settle();
  node.receive({ kind: 'requestVoteReply', phase: 'preVote', granted: true, term: 5, from: 'n3' });
  node.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, term: 3, from: 'n3' });
  assert.deepEqual([node.status.role, node.status.term], ['candidate', 4]);
});

test('§4.2.3: a vote request within the minimum timeout of hearing a leader is passed over, its term too', () => {
  const node = new OneNode({ checkQuorum: true, term: 3, log: [3] }).follow();
  node.step({ kind: 'tick', elapsed: 9 });
  node.requestVote([1, 3], { term: 7, from: 'n3' });
  assert.deepEqual([node.settle(), node.status.term], [[], 3]);
  node.step({ kind: 'tick', elapsed: 1 });
  node.requestVote([1, 3], { term: 7, from: 'n3' });
  assert.equal(only(node.settle(), 'requestVoteReply').granted, true);
});

test('§4.2.3: a leader in contact passes vote requests over as well', () => {
  const leader = new OneNode({ checkQuorum: true }).lead();
  leader.requestVote([9, 9], { term: 7, from: 'n3' });
  assert.deepEqual([leader.status.role, leader.status.term], ['leader', 1]);
});

test('§3.10: a request that hands over is heard even while the leader is', () => {
  const node = new OneNode({ checkQuorum: true, term: 3, log: [3] }).follow();
  node.requestVote([1, 3], { term: 4, from: 'n3', transfer: true });
  assert.equal(only(node.settle(), 'requestVoteReply').granted, true);
});

test('a stuck candidate of a higher term is freed: the leader hears of the term and steps down', () => {
  const stuck = new OneNode({ checkQuorum: true, term: 9, log: [1] });
  stuck.append([1, 1], [], { term: 3 });
  const reply = only(stuck.settle(), 'appendEntriesReply');
  assert.equal(reply.term, 9);
  const leader = new OneNode({ checkQuorum: true, log: [1], term: 2 }).lead();
  leader.receive({ kind: 'appendEntriesReply', round: reply.round, outcome: reply.outcome, term: reply.term });
  assert.deepEqual([leader.status.role, leader.status.term], ['follower', 9]);
});

test('§6.2: a leader steps down if an election timeout passes without a round that a majority answered', () => {
  const leader = new OneNode({ voters: five, checkQuorum: true }).lead();
  const beat = (answering: readonly string[]): void => {
    leader.tick(2);
    for (const { to, round } of sentTo(leader.settle(), 'appendEntries')) {
      if (answering.includes(to)) leader.receive({ kind: 'appendEntriesReply', from: to, round, outcome: rejected });
    }
  };
  // Even a rejection is a sign of life: whoever sends it counts us as its leader.
  for (let rounds = 0; rounds < 20; rounds += 1) beat(rounds % 2 === 0 ? ['n2', 'n3'] : ['n4', 'n5']);
  assert.equal(leader.status.role, 'leader');
  for (let rounds = 0; rounds < 5; rounds += 1) beat(['n2']);
  assert.deepEqual([leader.status.role, leader.status.leader, leader.status.term], ['follower', undefined, 1]);
  assert.ok(leader.why.includes('cq.stepdown'));
});

test('§6.2: answers to rounds from before a pause do not keep a leader', () => {
  const leader = new OneNode({ checkQuorum: true }).lead();
  leader.tick(2);
  const rounds = sentTo(leader.settle(), 'appendEntries');
  leader.step({ kind: 'tick', elapsed: 8 });
  assert.equal(leader.status.role, 'follower', 'time that has passed counts in full');
  for (const { to, round } of rounds)
    leader.receive({ kind: 'appendEntriesReply', from: to, round, outcome: rejected });
  assert.equal(leader.status.role, 'follower');
});

test('a process that was stopped reads its mail before it campaigns: its timer moves one tick a turn', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.step({ kind: 'tick', elapsed: 500 });
  assert.deepEqual([node.status.role, node.status.electionElapsed], ['follower', 1]);
});

test('a disk that stalls: a leader steps down, nobody campaigns, and both end with the write', () => {
  const leader = new OneNode().lead();
  leader.propose();
  const { persist } = leader.ready();
  leader.tick(9);
  assert.ok(leader.leads);
  leader.tick(1);
  assert.ok(!leader.leads);
  leader.tick(50);
  assert.deepEqual([leader.status.role, leader.status.term], ['follower', 1]);
  assert.deepEqual(leader.step({ kind: 'campaign' }), { kind: 'refused', reason: 'overloaded', leader: undefined });
  leader.step({ kind: 'persisted', through: persist?.id ?? assert.fail() });
  leader.tick(1);
  assert.deepEqual([leader.status.role, leader.status.term], ['candidate', 2]);
});

test('§3.10: a leader brings its successor up to date, then tells it to start an election', () => {
  const leader = new OneNode().lead();
  leader.matched(1, 'n2');
  leader.propose();
  leader.settle();
  assert.equal(leader.step({ kind: 'transferLeadership', to: id('n2') }).kind, 'accepted');
  assert.deepEqual(sentTo(leader.settle(), 'timeoutNow'), [], 'not while it lags');
  assert.deepEqual(leader.propose(), { kind: 'refused', reason: 'transferring', leader: 'n1' });
  leader.matched(2, 'n2');
  assert.equal(only(leader.settle(), 'timeoutNow').to, 'n2');
  leader.tick(2);
  assert.deepEqual(sentTo(leader.settle(), 'timeoutNow'), [], 'it is told once');
});

test('§3.10: whoever is told to take over campaigns at once, without asking first', () => {
  const node = new OneNode({ preVote: true, checkQuorum: true, term: 3, log: [3] }).follow();
  node.receive({ kind: 'timeoutNow', from: 'n3' });
  assert.equal(node.status.role, 'follower', 'only its own leader can say so');
  node.receive({ kind: 'timeoutNow', from: 'n2' });
  assert.deepEqual([node.status.role, node.status.term], ['candidate', 4]);
  const [request] = sentTo(node.settle(), 'requestVote');
  assert.deepEqual([request?.phase, request?.transfer], ['vote', true]);
});

test('§3.10: a transfer that does not happen within an election timeout is given up', () => {
  const leader = new OneNode().lead();
  leader.step({ kind: 'transferLeadership', to: id('n2') });
  leader.tick(9);
  assert.equal(leader.propose().kind, 'refused');
  leader.tick(1);
  assert.equal(leader.propose().kind, 'accepted');
});

test('a transfer can be aborted by hand, repeated, and goes to voters only', () => {
  const leader = new OneNode({ learners: ['n9'] }).lead();
  assert.deepEqual(leader.step({ kind: 'transferLeadership', to: id('n9') }), {
    kind: 'refused',
    reason: 'notVoter',
    leader: 'n1',
  });
  assert.deepEqual(leader.step({ kind: 'transferLeadership', to: id('n1') }), { kind: 'accepted', at: undefined });
  assert.equal(leader.propose().kind, 'accepted', 'to itself is nothing to do');
  for (let times = 0; times < 2; times += 1)
    assert.equal(leader.step({ kind: 'transferLeadership', to: id('n2') }).kind, 'accepted');
  assert.deepEqual(leader.step({ kind: 'transferLeadership', to: id('n3') }), {
    kind: 'refused',
    reason: 'transferring',
    leader: 'n1',
  });
  leader.step({ kind: 'abortTransfer' });
  assert.equal(leader.propose().kind, 'accepted');
  const follower = new OneNode({ term: 1 }).follow();
  assert.deepEqual(follower.step({ kind: 'transferLeadership', to: id('n3') }), {
    kind: 'refused',
    reason: 'notLeader',
    leader: 'n2',
  });
});

test('thesis §4.1: a configuration in the log is active at once, and gone with the entry', () => {
  const node = new OneNode({ log: [1], term: 2 });
  const configuration = { ...node.status.configuration, learners: [id('n4')] };
  node.append([1, 1], [{ kind: 'configuration', term: node.status.term, index: at(2), configuration }]);
  assert.deepEqual(node.ready().configuration, configuration);
  node.append([1, 1], entriesFrom(2, 3), { term: 3, from: 'n3' });
  assert.deepEqual(node.ready().configuration?.learners, []);
});

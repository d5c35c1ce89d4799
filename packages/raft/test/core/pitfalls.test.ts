// The well-known ways to get Raft subtly wrong, one test each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, entriesFrom, five, OneNode, only, sentTo, snapshotAt, terms } from './one-node.ts';

test('the election timer is reset by the current leader, by a granted vote, by an own election, and by nothing else', () => {
  const elapsedAfter = (act: (node: OneNode) => void): number => {
    const node = new OneNode({ term: 3, log: [1, 3] });
    node.tick(6);
    act(node);
    return node.status.electionElapsed;
  };
  assert.equal(
    elapsedAfter((node) => node.append([2, 3], [])),
    0,
    'AppendEntries of the current leader',
  );
  assert.equal(
    elapsedAfter((node) => node.append([9, 3], [])),
    0,
    'also when it does not match',
  );
  assert.equal(
    elapsedAfter((node) => node.append([1, 1], [], { term: 2 })),
    6,
    'an old leader',
  );
  assert.equal(
    elapsedAfter((node) => node.requestVote([2, 3], { term: 4 })),
    0,
    'a granted vote',
  );
  assert.equal(
    elapsedAfter((node) => node.requestVote([1, 1], { term: 4 })),
    6,
    'a refused vote, even of a new term',
  );
  assert.equal(
    elapsedAfter((node) => node.requestVote([2, 3], { term: 4, phase: 'preVote' })),
    6,
    'a pre-vote',
  );
  assert.equal(
    elapsedAfter((node) => node.step({ kind: 'campaign' })),
    0,
    'an own election',
  );
  assert.equal(
    elapsedAfter((node) => node.receive({ kind: 'readIndex', readId: 1 })),
    6,
    'anything else',
  );
});

test('a candidate whose timer fires starts another election', () => {
  const node = new OneNode({ term: 1 });
  node.tick(10);
  node.settle();
  node.tick(10);
  assert.deepEqual([node.status.role, node.status.term, node.status.votedFor], ['candidate', 3, 'n1']);
});

test('a higher term is adopted before the message is handled: the vote is free again', () => {
  const node = new OneNode({ term: 3, votedFor: 'n3' });
  node.requestVote([0, 0], { term: 4, from: 'n2' });
  assert.deepEqual([node.status.term, node.status.votedFor], [4, 'n2']);
  const ready = node.ready();
  assert.deepEqual(ready.persist?.hardState, { term: 4, votedFor: 'n2', commit: 0 });
});

test('a heartbeat is not answered blindly: it passes the same consistency check', () => {
  const node = new OneNode({ log: [1, 1], term: 2 });
  node.append([2, 2], [], { commit: 2 });
  assert.equal(only(node.settle(), 'appendEntriesReply').outcome.kind, 'rejected');
  assert.equal(node.status.commit, 0);
});

test('a late, shorter AppendEntries truncates nothing', () => {
  const node = new OneNode({ term: 1 });
  node.append([0, 0], terms(1, 1, 1));
  node.append([0, 0], terms(1));
  node.append([1, 1], []);
  assert.deepEqual(node.log, [1, 1, 1]);
});

test('commit is bounded by the last entry of the message, not by the end of the log', () => {
  // Entry 2 was left behind by an old leader; the message proves only entry 1.
  const node = new OneNode({ log: [1, 2], term: 3 });
  node.append([1, 1], [], { commit: 2 });
  assert.equal(node.status.commit, 1);
});

test('up-to-date compares the last term first, then the length', () => {
  const node = new OneNode({ log: [1, 1, 1, 1, 1], term: 4 });
  node.requestVote([2, 2], { term: 5 });
  assert.equal(only(node.settle(), 'requestVoteReply').granted, true);
});

test('commit never falls, whatever an old message says', () => {
  const node = new OneNode({ log: [1, 1], term: 1 });
  node.append([2, 1], [], { commit: 2 });
  node.append([0, 0], terms(1), { commit: 0 });
  assert.equal(node.status.commit, 2);
});

test('a leader counts replicas only of its own term (figure 8)', () => {
  const leader = new OneNode({ log: [1, 2, 2], term: 2 }).lead();
  for (const holder of ['n2', 'n3']) leader.matched(3, holder);
  assert.equal(leader.status.commit, 0);
  leader.matched(4);
  assert.equal(leader.status.commit, 4);
});

test('a rejection for an old term is no statement about the log: next stays, the leader steps down', () => {
  const leader = new OneNode({ log: [1, 1], term: 1 }).lead();
  leader.matched(3);
  leader.receive({
    kind: 'appendEntriesReply',
    round: leader.peer('n2')?.sentRound ?? 0,
    outcome: { kind: 'rejected', rejected: at(3), conflictTerm: undefined, tryIndex: at(1) },
    term: 6,
  });
  assert.equal(leader.status.role, 'follower');
});

test('match is what the answer says, never next - 1, and never falls', () => {
  const leader = new OneNode({ voters: five }).lead();
  leader.matched(1);
  leader.settle();
  for (let count = 0; count < 4; count += 1) leader.propose();
  leader.settle();
  assert.deepEqual([leader.peer('n2')?.match, leader.peer('n2')?.next], [1, 6]);
  leader.matched(4);
  leader.matched(2);
  assert.deepEqual([leader.peer('n2')?.match, leader.peer('n2')?.next], [4, 6]);
});

test('a reply of another term does not count, also when it comes from a former leadership', () => {
  const leader = new OneNode({ log: [1], term: 1 }).lead();
  leader.append([1, 1], [], { term: 5, from: 'n3' });
  leader.lead();
  assert.equal(leader.status.term, 6);
  leader.settle();
  leader.receive({ kind: 'appendEntriesReply', round: 1, outcome: { kind: 'matched', match: at(2) }, term: 2 });
  assert.deepEqual([leader.peer('n2')?.match, leader.status.commit], [0, 0]);
});

test('a late rejection does not move next back to or below match', () => {
  const leader = new OneNode({ log: [1, 1, 1], term: 1 }).lead();
  const round = leader.peer('n2')?.sentRound ?? 0;
  const late = {
    kind: 'appendEntriesReply',
    round,
    outcome: { kind: 'rejected', rejected: at(3), conflictTerm: undefined, tryIndex: at(1) },
  } as const;
  leader.matched(4);
  for (let times = 0; times < 2; times += 1) leader.receive(late);
  assert.deepEqual([leader.peer('n2')?.match, leader.peer('n2')?.next], [4, 5]);
});

test('a hint that makes no sense is brought into what is possible', () => {
  for (const tryIndex of [0, 1, 4, 900]) {
    const leader = new OneNode({ log: [1, 1, 1], term: 1 }).lead();
    const round = leader.peer('n2')?.sentRound ?? 0;
    leader.receive({
      kind: 'appendEntriesReply',
      round,
      outcome: { kind: 'rejected', rejected: at(3), conflictTerm: undefined, tryIndex: at(tryIndex) },
    });
    const next = leader.peer('n2')?.next ?? 0;
    assert.ok(next >= 1 && next <= 3, `next is ${next} after a hint of ${tryIndex}`);
  }
  const leader = new OneNode({ log: [1], term: 1 }).lead();
  leader.matched(77);
  assert.equal(leader.peer('n2')?.match, 0, 'nobody matches more than there is');
});

test('on restart the log begins at the persisted base, whatever its entries say', () => {
  const node = new OneNode({ base: snapshotAt(4, 2), log: [2, 3], commit: 5 });
  assert.deepEqual([node.status.first, node.status.last, node.status.commit], [5, { term: 3, index: 6 }, 5]);
  assert.throws(() => new OneNode({ base: snapshotAt(4, 2), entries: terms(1, 1) }), /entry 1 does not follow 4/);
});

test('the same index may be handed out twice, to different commands of different terms', () => {
  const node = new OneNode({ term: 1 }).lead();
  const first = node.propose('mine');
  node.append([0, 0], entriesFrom(1, 3, 3), { term: 3, from: 'n3' });
  const again = node.lead().propose('mine again');
  assert.deepEqual(
    [first, again],
    [
      { kind: 'accepted', at: { term: 2, index: 2 } },
      { kind: 'accepted', at: { term: 4, index: 4 } },
    ],
  );
  assert.equal(node.core.node.log.termAt(at(2)), 3);
});

test('a vote is never given again after a restart: term and vote were durable before it left', () => {
  const voter = new OneNode({ term: 1 });
  voter.requestVote([0, 0], { term: 2, from: 'n2' });
  const { persist, afterPersist, send } = voter.ready();
  assert.deepEqual([sentTo(send, 'requestVoteReply').length, afterPersist?.after], [0, persist?.id]);
  const { term, votedFor } = persist?.hardState ?? assert.fail();
  const restarted = new OneNode({ term, ...(votedFor === undefined ? {} : { votedFor }) });
  restarted.requestVote([0, 0], { term: 2, from: 'n3' });
  assert.equal(only(restarted.settle(), 'requestVoteReply').granted, false);
});

test('in the same term a vote outlives everything: heartbeats, refusals, timeouts of others', () => {
  const node = new OneNode({ term: 2, votedFor: 'n2' });
  node.append([0, 0], [], { from: 'n2' });
  node.requestVote([5, 2], { from: 'n3' });
  assert.equal(
    only(
      node.settle().filter(({ kind }) => kind === 'requestVoteReply'),
      'requestVoteReply',
    ).granted,
    false,
  );
  assert.equal(node.status.votedFor, 'n2');
});

// §5.4: safety. §5.4.1 is about who may lead, §5.4.2 about what a new leader may call committed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entriesFrom, five, OneNode, only, terms } from '../core/one-node.ts';

test('§5.4.1: the voter denies its vote if its own log is more up-to-date than the candidate’s', () => {
  const rows: [readonly number[], readonly [number, number], boolean][] = [
    // Logs that end in different terms: the later term wins, however long the logs are.
    [[1, 1, 1, 1], [1, 2], true],
    [[1, 2], [9, 1], false],
    // Logs that end in the same term: the longer one wins.
    [[1, 2], [2, 2], true],
    [[1, 2], [3, 2], true],
    [[1, 2, 2], [2, 2], false],
    [[], [0, 0], true],
    [[1], [0, 0], false],
  ];
  for (const [log, last, granted] of rows) {
    for (const phase of ['vote', 'preVote'] as const) {
      const node = new OneNode({ log, term: 5 });
      node.requestVote(last, { term: 6, phase });
      assert.equal(only(node.settle(), 'requestVoteReply').granted, granted, `${phase}: ${log} votes for ${last}`);
    }
  }
});

test('§5.4.1: what counts is the log in memory, which is at least as new as the one on disk', () => {
  const node = new OneNode({ log: [1], term: 2 });
  node.append([1, 1], entriesFrom(2, 2));
  node.requestVote([1, 1], { term: 3, from: 'n3' });
  assert.equal(only(node.settle(), 'requestVoteReply').granted, false);
});

test('§5.4.2: Raft never commits entries from previous terms by counting replicas', () => {
  const leader = new OneNode({ voters: five, log: [1, 2], term: 3 }).lead();
  for (const holder of ['n2', 'n3', 'n4']) leader.matched(2, holder);
  assert.equal(leader.status.commit, 0, 'stored by four of five, and yet it may be overwritten (figure 8 d)');
  assert.ok(leader.why.includes('lead.commit.old'));
});

test('§5.4.2: once an entry of the current term is committed, all prior entries are', () => {
  const leader = new OneNode({ voters: five, log: [1, 2], term: 3 }).lead();
  leader.matched(3, 'n2');
  assert.equal(leader.status.commit, 0);
  leader.matched(3, 'n3');
  assert.equal(leader.status.commit, 3, 'figure 8 e cannot happen any more');
});

test('§5.4.3: a follower commits only as far as the message covers, not as far as its log goes', () => {
  const rows: [readonly [number, number], number, number, number][] = [
    // prev, new entries, the leader's commit, what is committed after
    [[1, 1], 0, 3, 1],
    [[1, 1], 1, 3, 2],
    [[2, 1], 1, 9, 3],
    [[3, 1], 0, 2, 2],
  ];
  for (const [prev, count, leaderCommit, committed] of rows) {
    const node = new OneNode({ log: [1, 1, 1], term: 2 });
    const entries = entriesFrom(prev[0] + 1, ...Array.from({ length: count }, () => 1));
    node.append(prev, entries, { commit: leaderCommit });
    assert.equal(node.status.commit, committed, `prev ${prev}, ${count} entries, commit ${leaderCommit}`);
  }
});

test('§5.4.3: the state machine gets each entry once, in order, whatever the leader repeats', () => {
  const node = new OneNode({ term: 1 });
  for (let times = 0; times < 3; times += 1) node.append([0, 0], terms(1, 1), { commit: 2 });
  node.settle();
  node.append([0, 0], terms(1, 1, 1), { commit: 3 });
  node.settle();
  assert.deepEqual(
    node.applied.map((item) => (item.kind === 'entry' ? item.entry.index : 0)),
    [1, 2, 3],
  );
});

test('§5.4.3: a leader that contradicts a committed entry is not a leader: the node stops', () => {
  const node = new OneNode({ log: [1, 1], term: 2, commit: 2 });
  assert.throws(() => node.append([1, 1], entriesFrom(2, 2)), /overwrites entry 2 \(commit 2\)/);
  const other = new OneNode({ log: [1, 1], term: 2, commit: 2 });
  assert.throws(() => other.append([2, 2], []), /denies committed entry 2/);
});

test('a log and a commit index that contradict each other stop the node before it votes', () => {
  assert.throws(() => new OneNode({ log: [1], commit: 2 }), /commit 2 is beyond last index 1/);
  assert.throws(() => new OneNode({ log: [1], applied: 2 }), /applied 2 is beyond last index 1/);
  assert.throws(() => new OneNode({ log: [1, 4], term: 3 }), /entry 2 has term 4, beyond term 3/);
});

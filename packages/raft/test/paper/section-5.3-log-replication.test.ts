// §5.3: log replication.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/core/api.ts';
import { at, entriesFrom, five, id, OneNode, only, sentTo, term, terms } from '../core/one-node.ts';

test('a leader appends a command to its log and issues AppendEntries in parallel', () => {
  const leader = new OneNode({ term: 1 }).lead();
  for (const peer of ['n2', 'n3']) leader.matched(1, peer);
  leader.settle();
  assert.deepEqual(leader.propose('a'), { kind: 'accepted', at: { term: 2, index: 2 } });
  leader.propose('b');
  const ready = leader.ready();
  // One write and one message for each follower, for all that came in since the last turn; the messages do not wait.
  assert.deepEqual(
    ready.persist?.entries.map(({ index }) => index),
    [2, 3],
  );
  const sent = sentTo(ready.send, 'appendEntries');
  assert.deepEqual(
    sent.map(({ to, prev, entries }) => [to, prev.index, entries.length]),
    [
      ['n2', 1, 2],
      ['n3', 1, 2],
    ],
  );
});

test('only a leader takes commands, and others say who that is', () => {
  const node = new OneNode({ term: 1 });
  assert.deepEqual(node.propose(), { kind: 'refused', reason: 'notLeader', leader: undefined });
  node.follow('n3');
  assert.deepEqual(node.propose(), { kind: 'refused', reason: 'notLeader', leader: 'n3' });
});

test('an entry is committed once the leader has replicated it on a majority', () => {
  const rows: [readonly string[], readonly string[], boolean][] = [
    [['n1'], [], true],
    [['n1', 'n2', 'n3'], [], false],
    [['n1', 'n2', 'n3'], ['n2'], true],
    [five, ['n2'], false],
    [five, ['n2', 'n5'], true],
  ];
  for (const [voters, holders, committed] of rows) {
    const leader = new OneNode({ voters }).lead();
    leader.propose();
    leader.settle();
    for (const holder of holders) leader.matched(2, holder);
    assert.equal(leader.status.commit, committed ? 2 : 0, `${holders.length} followers among ${voters.length}`);
  }
});

test('the leader’s own copy counts only when it is durable; the others may be first', () => {
  const leader = new OneNode().lead();
  leader.propose();
  const ready = leader.ready();
  leader.matched(2, 'n2');
  assert.equal(leader.status.commit, 1);
  leader.step({ kind: 'persisted', through: ready.persist?.id ?? assert.fail() });
  assert.equal(leader.status.commit, 2);

  const slow = new OneNode().lead();
  slow.propose();
  const write = slow.ready().persist;
  for (const peer of ['n2', 'n3']) slow.matched(2, peer);
  assert.equal(slow.status.commit, 2);
  // … but it is applied here only when it is durable here.
  const applied = (): number[] => slow.ready().apply.map((item) => (item.kind === 'entry' ? item.entry.index : 0));
  assert.deepEqual(applied(), [1]);
  slow.step({ kind: 'persisted', through: write?.id ?? assert.fail() });
  assert.deepEqual(applied(), [2]);
});

test('committing an entry commits all preceding entries in the leader’s log, of earlier leaders too', () => {
  const leader = new OneNode({ log: [1, 2, 2], term: 2 }).lead();
  leader.matched(4, 'n2');
  leader.settle();
  assert.equal(leader.status.commit, 4);
  assert.equal(leader.status.applied, 4);
});

test('the leader includes the highest committed index in later AppendEntries, and a follower applies it', () => {
  const leader = new OneNode().lead();
  leader.matched(1, 'n2');
  assert.equal(only(leader.settle(), 'appendEntries', 'n2').commit, 1);

  const follower = new OneNode({ term: 1 });
  follower.append([0, 0], terms(1, 1, 1), { commit: 2 });
  follower.settle();
  assert.deepEqual([follower.status.commit, follower.status.applied], [2, 2]);
});

test('a follower refuses entries if it does not find the one before them', () => {
  const node = new OneNode({ log: [1, 1, 2], term: 3 });
  const rows: [readonly [number, number], object | undefined][] = [
    [[3, 2], undefined],
    [[4, 3], { rejected: 4, conflictTerm: undefined, tryIndex: 4 }],
    [[3, 3], { rejected: 3, conflictTerm: 2, tryIndex: 3 }],
    [[2, 3], { rejected: 2, conflictTerm: 1, tryIndex: 1 }],
  ];
  for (const [prev, rejection] of rows) {
    node.append(prev, []);
    const { outcome } = only(node.settle(), 'appendEntriesReply');
    if (rejection === undefined) assert.equal(outcome.kind, 'matched');
    else assert.deepEqual(outcome, { kind: 'rejected', ...rejection });
  }
});

test('conflicting entries in a follower’s log are overwritten with the leader’s', () => {
  const rows: [readonly number[], readonly [number, number], readonly number[], number, readonly number[]][] = [
    [[1, 1], [2, 1], [3], 3, [1, 1, 3]],
    [[1, 1, 2, 2], [2, 1], [3], 3, [1, 1, 3]],
    [[1, 2, 2], [0, 0], [1, 3, 3], 3, [1, 3, 3]],
    [[1, 1, 2], [1, 1], [1, 2], 2, [1, 1, 2]],
    [[1, 1, 2], [0, 0], [1], 2, [1, 1, 2]],
    [[1, 1, 2], [3, 2], [], 2, [1, 1, 2]],
  ];
  for (const [before, prev, sent, current, after] of rows) {
    const node = new OneNode({ log: before, term: current });
    node.append(prev, entriesFrom(prev[0] + 1, ...sent), { term: current });
    assert.deepEqual(node.log, after, `${before} then ${prev} ${sent}`);
  }
});

test('a leader that is refused decrements next and retries until the logs match', () => {
  const leader = new OneNode({ log: [1, 1, 4, 4], term: 6 }).lead();
  const reject = (rejected: number, conflictTerm: number | undefined, tryIndex: number): void => {
    leader.receive({
      kind: 'appendEntriesReply',
      round: leader.core.node.round,
      outcome: {
        kind: 'rejected',
        rejected: at(rejected),
        conflictTerm: conflictTerm === undefined ? undefined : term(conflictTerm),
        tryIndex: at(tryIndex),
      },
      from: 'n3',
    });
  };
  // Each message is its newest round when n3 answers; the one to n2 went before it.
  reject(4, 5, 3);
  assert.deepEqual(only(leader.settle(), 'appendEntries', 'n3').prev, { term: 1, index: 2 });
  reject(2, undefined, 1);
  const retry = only(leader.settle(), 'appendEntries', 'n3');
  assert.deepEqual([retry.prev.index, retry.entries.length], [0, 5]);
});

test('the back-up skips a conflicting term as a whole: figure 7 takes 1, 1, 0, 0, 2 and 2 rejections for a to f', () => {
  const leading = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers: [string, readonly number[], number][] = [
    ['a', [1, 1, 1, 4, 4, 5, 5, 6, 6], 1],
    ['b', [1, 1, 1, 4], 1],
    ['c', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 0],
    ['d', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 0],
    ['e', [1, 1, 1, 4, 4, 4, 4], 2],
    ['f', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 2],
  ];
  for (const [name, log, expected] of followers) {
    const leader = new OneNode({ voters: ['n1', 'n2'], log: leading, term: 7 }).lead();
    const follower = new OneNode({ voters: ['n1', 'n2'], log, term: 7 });
    let rejections = 0;
    const cross = (message: Message): Message => ({ ...message, from: id('n2'), to: id('n1') });
    for (let turns = 0; turns < 20; turns += 1) {
      leader.tick(2);
      const appends = sentTo(leader.settle(), 'appendEntries');
      for (const append of appends) follower.step({ kind: 'receive', message: cross(append) });
      for (const reply of sentTo(follower.settle(), 'appendEntriesReply')) {
        if (reply.outcome.kind === 'rejected') rejections += 1;
        leader.step({ kind: 'receive', message: cross(reply) });
      }
    }
    assert.deepEqual(follower.log, [...leading, 8], `${name} ends with the leader's log`);
    assert.equal(rejections, expected, `rejections by ${name}`);
  }
});

test('two logs of fifty entries in as many terms each agree after a round trip per term at most', () => {
  // Two partitions took turns, so that no entry behind the first ten is the same in both.
  const terms = (odd: number): readonly number[] =>
    Array.from({ length: 50 }, (_, at) => 2 + 2 * Math.floor(at / 10) + odd);
  const common = Array.from({ length: 10 }, () => 1);
  const leading = [...common, ...terms(1)];
  const leader = new OneNode({ voters: ['n1', 'n2'], log: leading, term: 11 }).lead();
  const follower = new OneNode({ voters: ['n1', 'n2'], log: [...common, ...terms(0)], term: 11 });
  const cross = (message: Message): Message => ({ ...message, from: id('n2'), to: id('n1') });
  let requests = 0;
  let rejections = 0;
  for (let turns = 0; follower.log.length !== 61 && turns < 40; turns += 1) {
    leader.tick(2);
    for (const append of sentTo(leader.settle(), 'appendEntries')) {
      requests += 1;
      follower.step({ kind: 'receive', message: cross(append) });
    }
    for (const reply of sentTo(follower.settle(), 'appendEntriesReply')) {
      if (reply.outcome.kind === 'rejected') rejections += 1;
      leader.step({ kind: 'receive', message: cross(reply) });
    }
  }
  assert.deepEqual(follower.log, [...leading, 12]);
  assert.ok(rejections <= 5, `${rejections} rejections for five conflicting terms`);
  assert.ok(requests <= 12, `${requests} requests`);
});

test('a leader never overwrites or deletes entries in its own log', () => {
  const leader = new OneNode({ log: [1, 1], term: 1 }).lead();
  assert.throws(() => leader.append([0, 0], terms(2), { from: 'n2' }), /n2 and n1 both lead term 2/);
  assert.deepEqual(leader.log, [1, 1, 2]);
});

test('a follower that is slow or lossy is retried, without end and without growing the answer', () => {
  const leader = new OneNode({ limits: { inflightMessages: 2, messageBytes: 60 } }).lead();
  leader.matched(1, 'n2');
  leader.settle();
  for (let count = 0; count < 5; count += 1) leader.propose();
  // Two messages of one entry each are on their way; the rest waits for answers.
  assert.equal(sentTo(leader.settle(), 'appendEntries', 'n2').length, 2);
  leader.tick(2);
  const [beat] = sentTo(leader.settle(), 'appendEntries', 'n2');
  assert.deepEqual([beat?.prev.index, beat?.entries.length], [3, 0], 'a heartbeat asks for what should have arrived');
  leader.receive({
    kind: 'appendEntriesReply',
    round: beat?.round ?? 0,
    outcome: { kind: 'rejected', rejected: at(3), conflictTerm: undefined, tryIndex: at(2) },
  });
  const [again] = sentTo(leader.settle(), 'appendEntries', 'n2');
  assert.deepEqual([again?.prev.index, again?.entries.length], [1, 1], 'one message until it is answered');
});

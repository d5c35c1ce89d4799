// §7 and figure 13: log compaction.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/core/api.ts';
import { at, configurationOf, entriesFrom, id, OneNode, only, sentTo, snapshotAt, terms } from '../core/one-node.ts';

const install = (node: OneNode, index: number, ofTerm: number, round = 1): void => {
  node.receive({ kind: 'installSnapshot', snapshot: snapshotAt(index, ofTerm), round });
};

test('a server discards the log up to an entry it has applied, and keeps that entry’s index and term', () => {
  const node = new OneNode({ log: [1, 1, 2], commit: 3 });
  node.settle();
  assert.deepEqual(node.step({ kind: 'compacted', through: at(2) }), { kind: 'accepted', at: undefined });
  const ready = node.ready();
  assert.deepEqual(
    [ready.persist?.base?.last, ready.persist?.sync, ready.persist?.entries],
    [{ term: 1, index: 2 }, true, []],
  );
  assert.deepEqual([node.status.first, node.log], [3, [2]]);
  node.follow();
  node.append([2, 1], []);
  assert.equal(
    only(node.settle(), 'appendEntriesReply').outcome.kind,
    'matched',
    'the base still answers the consistency check',
  );
});

test('nothing is discarded that is not applied', () => {
  const node = new OneNode({ log: [1, 1, 2], commit: 1 });
  node.settle();
  assert.equal(node.step({ kind: 'compacted', through: at(2) }).kind, 'refused');
  assert.equal(node.status.first, 1);
});

test('a snapshot’s metadata names the configuration as of its last entry', () => {
  const node = new OneNode({ log: [1, 1], commit: 2 });
  node.settle();
  assert.deepEqual(node.core.metaAt(at(2)), {
    last: { term: 1, index: 2 },
    configuration: configurationOf(['n1', 'n2', 'n3']),
  });
  assert.throws(() => new OneNode({ log: [1] }).core.metaAt(at(1)), /snapshot at 1 is beyond what was applied/);
});

test('a leader asks for a snapshot when it has discarded the next entry that it needs to send', () => {
  const leader = new OneNode({ base: snapshotAt(5, 2), log: [2, 2], term: 2 }).lead();
  const { round } = only(probe(leader), 'appendEntries', 'n2');
  leader.receive({
    kind: 'appendEntriesReply',
    round,
    outcome: { kind: 'rejected', rejected: at(7), conflictTerm: undefined, tryIndex: at(3) },
  });
  const ready = leader.ready();
  assert.deepEqual(ready.snapshotsWanted, ['n2']);
  assert.equal(leader.peer('n2')?.flow.kind, 'snapshot');
  assert.deepEqual(leader.ready().snapshotsWanted, [], 'it asks once');
});

/** A heartbeat to everybody. */
function probe(leader: OneNode): readonly Message[] {
  leader.tick(2);
  return leader.settle();
}

/** n1 leads with a log from 6, and n2 has only two entries. */
function leaderWithStraggler(): OneNode {
  const leader = new OneNode({ base: snapshotAt(5, 2), log: [2, 2], term: 2 }).lead();
  const { round } = only(probe(leader), 'appendEntries', 'n2');
  leader.receive({
    kind: 'appendEntriesReply',
    round,
    outcome: { kind: 'rejected', rejected: at(7), conflictTerm: undefined, tryIndex: at(3) },
  });
  assert.deepEqual(leader.ready().snapshotsWanted, ['n2']);
  return leader;
}

test('when the bytes have arrived the leader says so, again with each heartbeat, until it is answered', () => {
  const leader = leaderWithStraggler();
  leader.step({ kind: 'snapshotSent', to: id('n2'), snapshot: snapshotAt(6, 2) });
  assert.deepEqual(only(leader.settle(), 'installSnapshot', 'n2').snapshot.last, { term: 2, index: 6 });
  leader.tick(2);
  const again = leader.settle();
  assert.equal(sentTo(again, 'installSnapshot', 'n2').length, 1);
  assert.equal(sentTo(again, 'appendEntries', 'n2').length, 1, 'the heartbeat goes on beside it');
  leader.matched(6);
  assert.deepEqual(
    only(leader.settle(), 'appendEntries', 'n2').entries.map(({ index }) => index),
    [7, 8],
  );
});

test('a snapshot that failed is asked for again, after a sign of life', () => {
  const leader = leaderWithStraggler();
  leader.step({ kind: 'snapshotFailed', to: id('n2') });
  assert.deepEqual(leader.ready().snapshotsWanted, []);
  leader.tick(2);
  const { round, prev } = only(leader.settle(), 'appendEntries', 'n2');
  assert.equal(prev.index, 5);
  leader.receive({
    kind: 'appendEntriesReply',
    round,
    outcome: { kind: 'rejected', rejected: at(5), conflictTerm: undefined, tryIndex: at(3) },
  });
  assert.deepEqual(leader.ready().snapshotsWanted, ['n2']);
});

test('compaction waits for a transfer that needs the entries after it, but not without limit', () => {
  const leader = leaderWithStraggler();
  leader.matched(8, 'n3');
  leader.settle();
  assert.equal(leader.status.applied, 8);
  leader.step({ kind: 'compacted', through: at(8) });
  leader.settle();
  assert.equal(leader.status.first, 6, 'the follower goes on from the snapshot, so its successors must stay');
  leader.step({ kind: 'snapshotSent', to: id('n2'), snapshot: snapshotAt(7, 2) });
  leader.settle();
  assert.equal(leader.status.first, 8);
  leader.matched(7, 'n2');
  leader.settle();
  assert.equal(leader.status.first, 9);

  const impatient = leaderWithStraggler();
  impatient.matched(8, 'n3');
  impatient.settle();
  impatient.step({ kind: 'compacted', through: at(8) });
  impatient.tick(60 * 10 + 1);
  impatient.settle();
  assert.equal(impatient.status.first, 9);
});

test('figure 13, 1: a stale leader’s snapshot is refused', () => {
  const node = new OneNode({ term: 5 });
  node.receive({ kind: 'installSnapshot', snapshot: snapshotAt(9, 3), round: 4, term: 3 });
  const reply = only(node.settle(), 'appendEntriesReply');
  assert.deepEqual([reply.term, reply.outcome.kind, node.status.last.index], [5, 'rejected', 0]);
});

test('figure 13, 6: a snapshot of what the log already has keeps the entries that follow, and restores nothing', () => {
  const node = new OneNode({ log: [1, 1, 2, 2], term: 2 });
  install(node, 2, 1);
  node.settle();
  assert.deepEqual([node.log, node.status.first, node.status.commit], [[1, 1, 2, 2], 1, 2]);
  assert.deepEqual(
    node.applied.map(({ kind }) => kind),
    ['entry', 'entry'],
  );
});

test('a stale snapshot changes nothing and is answered as success', () => {
  const node = new OneNode({ log: [1, 1, 2, 2], term: 2, commit: 3 });
  install(node, 2, 1);
  const reply = only(node.settle(), 'appendEntriesReply');
  assert.deepEqual(reply.outcome, { kind: 'matched', match: 2 });
  assert.deepEqual([node.log, node.status.commit], [[1, 1, 2, 2], 3]);

  const compacted = new OneNode({ base: snapshotAt(6, 2), log: [2] });
  install(compacted, 4, 1);
  assert.deepEqual(only(compacted.settle(), 'appendEntriesReply').outcome, { kind: 'matched', match: 4 });
  assert.deepEqual([compacted.log, compacted.status.first], [[2], 7]);
});

test('figure 13, 7 and 8: otherwise the whole log is discarded and the state machine reset', () => {
  for (const log of [[1], [1, 1, 1, 1, 1, 1]]) {
    const node = new OneNode({ log, term: 3, commit: 1 });
    install(node, 5, 2);
    const ready = node.ready();
    assert.deepEqual([ready.persist?.base?.last, ready.persist?.hardState?.commit], [{ term: 2, index: 5 }, 5]);
    assert.deepEqual(only(ready.afterPersist?.messages ?? [], 'appendEntriesReply').outcome, {
      kind: 'matched',
      match: 5,
    });
    assert.deepEqual(ready.apply, [], 'not before the new base is durable');
    node.step({ kind: 'persisted', through: ready.persist?.id ?? assert.fail() });
    assert.deepEqual(node.ready().apply, [{ kind: 'restore', snapshot: snapshotAt(5, 2) }]);
    assert.deepEqual([node.log, node.status.first, node.status.commit], [[], 6, 5]);
  }
});

test('entries after a restored snapshot are applied after it', () => {
  const node = new OneNode({ log: [1], term: 3, commit: 1 });
  install(node, 5, 2);
  node.append([5, 2], entriesFrom(6, 3, 3), { commit: 7 });
  node.settle();
  assert.deepEqual(
    node.applied.map((item) => (item.kind === 'entry' ? item.entry.index : `restore ${item.snapshot.last.index}`)),
    ['restore 5', 6, 7],
  );
});

test('a restart behind its base begins with a restore', () => {
  const node = new OneNode({ base: snapshotAt(5, 2), log: [2, 2], commit: 6, applied: 0 });
  node.settle();
  assert.deepEqual(
    node.applied.map((item) => (item.kind === 'entry' ? item.entry.index : `restore ${item.snapshot.last.index}`)),
    ['restore 5', 6],
  );
});

test('a message that reaches below the base is covered by it', () => {
  const node = new OneNode({ base: snapshotAt(5, 2), log: [2], term: 2 });
  node.append([2, 1], entriesFrom(3, 1, 1, 2), { commit: 5 });
  assert.deepEqual(only(node.settle(), 'appendEntriesReply').outcome, { kind: 'matched', match: 5 });
  node.append([2, 1], entriesFrom(3, 1, 1, 2, 2, 2));
  const [atOnce, durable] = sentTo(node.settle(), 'appendEntriesReply').map(({ outcome }) => outcome);
  assert.deepEqual([node.log, atOnce, durable], [[2, 2], { kind: 'matched', match: 6 }, { kind: 'matched', match: 7 }]);
});

test('a follower’s hint never points below what is committed, so a back-up that lands below the base ends above it', () => {
  const node = new OneNode({ base: snapshotAt(5, 2), log: [2, 2, 2], term: 3, commit: 6 });
  node.append([8, 3], []);
  assert.deepEqual(only(node.settle(), 'appendEntriesReply').outcome, {
    kind: 'rejected',
    rejected: 8,
    conflictTerm: 2,
    tryIndex: 7,
  });
});

test('the memory of the log is bounded: a leader refuses, a follower takes no more, neither forgets', () => {
  const leader = new OneNode({ voters: ['n1'], limits: { logBytes: 200 } });
  leader.tick();
  leader.settle();
  const verdicts: string[] = [];
  for (let count = 0; count < 6; count += 1) {
    verdicts.push(leader.propose().kind);
    leader.settle();
  }
  assert.deepEqual(verdicts, ['accepted', 'accepted', 'accepted', 'refused', 'refused', 'refused']);
  leader.step({ kind: 'compacted', through: leader.status.applied });
  leader.settle();
  assert.equal(leader.propose().kind, 'accepted', 'compaction makes room');

  const follower = new OneNode({ term: 1, limits: { logBytes: 120 } });
  follower.append([0, 0], terms(1, 1));
  follower.settle();
  follower.append([2, 1], entriesFrom(3, 1), { commit: 3 });
  assert.deepEqual(sentTo(follower.settle(), 'appendEntriesReply'), [], 'an answer would bring the same at once again');
  assert.deepEqual([follower.log, follower.status.commit], [[1, 1], 2]);
  follower.append([2, 1], [], { round: 2 });
  assert.deepEqual(only(follower.settle(), 'appendEntriesReply').outcome, { kind: 'matched', match: 2 });
});

test('a follower that took a snapshot which the log has outgrown is sent a newer one', () => {
  const leader = leaderWithStraggler();
  leader.matched(8, 'n3');
  leader.settle();
  leader.step({ kind: 'compacted', through: at(8) });
  leader.tick(60 * 10 + 1);
  leader.settle();
  assert.equal(leader.status.first, 9);
  leader.step({ kind: 'snapshotSent', to: id('n2'), snapshot: snapshotAt(6, 2) });
  leader.settle();
  leader.matched(6, 'n2');
  assert.deepEqual(leader.ready().snapshotsWanted, ['n2']);
});

// The order of durability: what may leave when, and what a write in flight still means after its log was cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistId } from '../../src/core/api.ts';
import { at, bytes, entriesFrom, OneNode, only, sentTo, terms } from './one-node.ts';

test('one write is out at a time; what comes meanwhile is one next write, while messages leave', () => {
  const leader = new OneNode({ voters: ['n1', 'n2'] }).lead();
  leader.matched(1, 'n2');
  leader.settle();
  leader.propose('a');
  const first = leader.ready();
  assert.deepEqual(
    first.persist?.entries.map(({ index }) => index),
    [2],
  );
  leader.propose('b');
  leader.propose('c');
  const second = leader.ready();
  assert.equal(second.persist, undefined);
  assert.deepEqual(
    only(second.send, 'appendEntries').entries.map(({ index }) => index),
    [3, 4],
  );
  leader.step({ kind: 'persisted', through: first.persist?.id ?? assert.fail() });
  assert.deepEqual(
    leader.ready().persist?.entries.map(({ index }) => index),
    [3, 4],
  );
});

test('an acknowledgement is answered at once with what is durable, and again when all of it is', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1, 1), { round: 5 });
  const ready = node.ready();
  assert.deepEqual(only(ready.send, 'appendEntriesReply').outcome, { kind: 'matched', match: 0 });
  const later = only(ready.afterPersist?.messages ?? [], 'appendEntriesReply');
  assert.deepEqual(
    [ready.afterPersist?.after, later.outcome, later.round],
    [ready.persist?.id, { kind: 'matched', match: 2 }, 5],
  );
});

test('a heartbeat’s answer that overtakes the write acknowledges only what is durable', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1, 1), { round: 5 });
  const { persist } = node.ready();
  node.append([2, 1], [], { round: 6 });
  const beat = node.ready();
  assert.deepEqual(only(beat.send, 'appendEntriesReply').outcome, { kind: 'matched', match: 0 });
  // What waits for the write in flight is said to wait for it.
  assert.equal(beat.afterPersist?.after, persist?.id);
});

test('entries that came while a write was out are acknowledged with the next one', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1), { round: 5 });
  const first = node.ready();
  node.append([1, 1], entriesFrom(2, 1), { round: 6 });
  const between = node.ready();
  assert.equal(between.afterPersist, undefined);
  node.step({ kind: 'persisted', through: first.persist?.id ?? assert.fail() });
  const second = node.ready();
  assert.deepEqual(only(second.afterPersist?.messages ?? [], 'appendEntriesReply').outcome, {
    kind: 'matched',
    match: 2,
  });
});

test('a shorter message that comes late does not make a node forget what it owes', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1, 1, 1), { round: 6 });
  node.append([0, 0], terms(1), { round: 5 });
  const later = only(node.ready().afterPersist?.messages ?? [], 'appendEntriesReply');
  assert.deepEqual([later.outcome, later.round], [{ kind: 'matched', match: 3 }, 6]);
});

test('a write in flight whose entries were cut confirms only what is left (the ABA story)', () => {
  // (1) entries 2 and 3 of term 1 are on their way to disk, (2) a leader of term 2 replaces 2, (3) the old write is
  // reported durable: entry 2 of term 2 is not on disk, though an entry 2 is.
  const node = new OneNode({ log: [1], term: 1 }).follow();
  node.append([1, 1], entriesFrom(2, 1, 1));
  const old = node.ready().persist;
  node.append([1, 1], entriesFrom(2, 2), { term: 2, from: 'n3' });
  node.ready();
  node.step({ kind: 'persisted', through: old?.id ?? assert.fail() });
  assert.equal(node.status.durable, 1);
  const next = node.ready().persist;
  assert.deepEqual([next?.entries.map(({ index, term }) => [index, term]), next?.hardState?.term], [[[2, 2]], 2]);
  node.step({ kind: 'persisted', through: next?.id ?? assert.fail() });
  assert.equal(node.status.durable, 2);
});

test('what waited in an old term is not said in a new one', () => {
  const node = new OneNode({ term: 1 });
  node.requestVote([0, 0], { term: 2, from: 'n2' });
  const first = node.ready();
  // The write of term 2 is out when term 3 and its candidate arrive.
  node.requestVote([0, 0], { term: 3, from: 'n3' });
  assert.equal(node.ready().afterPersist, undefined);
  node.requestVote([0, 0], { term: 4, from: 'n2' });
  node.step({ kind: 'persisted', through: first.persist?.id ?? assert.fail() });
  const second = node.ready();
  const votes = sentTo(second.afterPersist?.messages ?? [], 'requestVoteReply');
  assert.deepEqual(
    votes.map(({ term, to }) => [term, to]),
    [[4, 'n2']],
  );
});

test('the commit index goes to disk lazily, never beyond the log that the same write makes durable', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1, 1), { commit: 1 });
  assert.deepEqual(node.ready().persist?.hardState?.commit, 1);
  node.step({ kind: 'persisted', through: 1 as PersistId });
  node.append([2, 1], [], { commit: 2 });
  assert.equal(node.ready().persist, undefined, 'not by itself, until time passes');
  node.tick();
  const lazy = node.ready().persist;
  assert.deepEqual([lazy?.sync, lazy?.hardState?.commit, lazy?.entries], [false, 2, []]);
});

test('`after` names the newest write with sync, so that nothing waits for a lazy one', () => {
  const node = new OneNode({ term: 1 }).follow();
  node.append([0, 0], terms(1), { commit: 1 });
  node.settle();
  const sync = node.core.node.durability.lastSyncId;
  node.append([1, 1], entriesFrom(2, 1), { commit: 2 });
  node.settle();
  node.append([2, 1], [], { commit: 2 });
  node.tick();
  node.ready();
  assert.equal(node.core.node.durability.lastSyncId, sync + 1);
});

test('apply is bounded in bytes until the state machine reports back', () => {
  const node = new OneNode({ log: [1, 1, 1, 1, 1], commit: 5, limits: { applyBytes: 110 } });
  const indexes = (): number[] => node.ready().apply.map((item) => (item.kind === 'entry' ? item.entry.index : 0));
  assert.deepEqual(indexes(), [1, 2]);
  assert.deepEqual(indexes(), [3], 'the rest of the budget');
  assert.deepEqual(indexes(), []);
  node.step({ kind: 'applied', through: at(2) });
  assert.deepEqual(indexes(), [4]);
  assert.throws(() => node.step({ kind: 'applied', through: at(9) }), /applied 9 was never handed out/);
});

test('the uncommitted tail of a leader is bounded in bytes, and one entry always fits', () => {
  const leader = new OneNode({ limits: { uncommittedBytes: 200 } }).lead();
  leader.matched(1);
  assert.equal(leader.step({ kind: 'propose', data: new Uint8Array(1000) }).kind, 'accepted');
  assert.deepEqual(leader.propose(), { kind: 'refused', reason: 'overloaded', leader: 'n1' });
  leader.settle();
  leader.matched(2);
  assert.equal(leader.propose().kind, 'accepted');
});

test('a small payload that is a window on a large buffer is copied, a large one is kept as it is', () => {
  const leader = new OneNode().lead();
  const socket = new Uint8Array(65_536);
  leader.step({ kind: 'propose', data: socket.subarray(10, 20) });
  const whole = bytes('whole');
  leader.step({ kind: 'propose', data: whole });
  const [small, kept] = [2, 3].map((index) => leader.core.node.log.at(at(index)));
  assert.ok(small?.kind === 'command' && small.data.buffer.byteLength === 10);
  assert.ok(kept?.kind === 'command' && kept.data === whole);
});

test('a number that cannot be counted with is refused, not rounded', () => {
  const node = new OneNode({ term: 1 });
  for (const value of [2 ** 53, 2 ** 53 - 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(node.append([0, 0], [], { term: value }).kind, 'refused', `term ${value}`);
    assert.equal(node.append([0, 0], [], { commit: value }).kind, 'refused', `commit ${value}`);
    assert.equal(node.step({ kind: 'tick', elapsed: value }).kind, 'refused');
  }
  assert.equal(node.status.term, 1);
  assert.throws(() => new OneNode({ term: 2 ** 53 }), RangeError);
});

test('messages to somebody else, from itself, or out of order in themselves are dropped', () => {
  const node = new OneNode({ term: 1 });
  assert.equal(node.append([0, 0], [], { from: 'n1' }).kind, 'refused');
  node.append([0, 0], entriesFrom(2, 1));
  node.append([0, 0], terms(1, 7), { term: 2 });
  assert.deepEqual([node.log, node.why.filter((rule) => rule === 'drop.odd').length], [[], 2]);
});

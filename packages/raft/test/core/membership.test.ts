// Joint consensus at one node (thesis ch. 4): what is refused, what is appended, who counts, who steps down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Entry, Verdict } from '../../src/core/api.ts';
import { addressBytesMax, flawOf, joint, membersMax, settled } from '../../src/core/configuration.ts';
import { at, configurationOf, entriesFrom, id, OneNode, only, sentTo, snapshotAt, term, three } from './one-node.ts';

function change(node: OneNode, to: Configuration): Verdict {
  return node.step({ kind: 'changeConfiguration', to });
}

/** n1 leads term 1 and has committed its no-op. */
function leader(voters: readonly string[] = three, learners: readonly string[] = []): OneNode {
  const node = new OneNode({ voters, learners }).lead();
  for (const voter of voters) if (voter !== 'n1') node.matched(1, voter);
  node.settle();
  assert.equal(node.status.commit, 1);
  return node;
}

function configurationEntry(index: number, ofTerm: number, configuration: Configuration): Entry {
  return { kind: 'configuration', index: at(index), term: term(ofTerm), configuration };
}

const refusal = (reason: string): unknown => ({ kind: 'refused', reason, leader: 'n1' });

test('only a leader that has committed in its own term takes a change, and one at a time', () => {
  const to = configurationOf(['n1', 'n2', 'n3', 'n4']);
  const follower = new OneNode().follow();
  assert.deepEqual(change(follower, to), { kind: 'refused', reason: 'notLeader', leader: 'n2' });

  const fresh = new OneNode().lead();
  assert.deepEqual(change(fresh, to), refusal('noCommitInTerm'));
  assert.ok(fresh.why.includes('cfg.refuse.term'));

  const node = leader();
  assert.deepEqual(change(node, to), { kind: 'accepted', at: { term: 1, index: 2 } });
  assert.deepEqual(change(node, configurationOf(three)), refusal('changePending'));
  assert.ok(node.why.includes('cfg.refuse.pending'));
  node.settle();
  for (const peer of ['n2', 'n3']) node.matched(2, peer);
  node.settle();
  assert.equal(node.status.last.index, 3, 'C_new follows');
  assert.deepEqual(change(node, configurationOf(three)), refusal('changePending'), 'C_new is not committed');
  for (const peer of ['n2', 'n3']) node.matched(3, peer);
  node.settle();
  assert.equal(change(node, configurationOf(three)).kind, 'accepted');
});

test('a change to what is in force already is answered with a committed entry, and appends nothing', () => {
  const node = leader();
  assert.deepEqual(change(node, configurationOf(three)), { kind: 'accepted', at: { term: 1, index: 1 } });
  assert.equal(node.status.last.index, 1);
});

test('a change is refused while leadership is handed over, and a leader of two minds hands over to no one that leaves', () => {
  const node = leader();
  node.step({ kind: 'transferLeadership', to: id('n2') });
  assert.deepEqual(change(node, configurationOf(['n1'])), refusal('transferring'));
  node.step({ kind: 'abortTransfer' });
  change(node, configurationOf(['n1', 'n3']));
  assert.deepEqual(node.step({ kind: 'transferLeadership', to: id('n2') }), refusal('notVoter'));
});

const address = new Uint8Array(1);
const flaws: readonly (readonly [string, Configuration, RegExp])[] = [
  ['nobody votes', configurationOf([], ['n1']), /needs a voter/],
  ['it is joint', configurationOf(['n1'], [], ['n2']), /outgoing/],
  ['ids are not sorted', configurationOf(['n2', 'n1']), /sorted/],
  ['an id stands twice', configurationOf(['n1', 'n1']), /sorted/],
  ['a voter is a learner, too', configurationOf(['n1'], ['n1']), /not both/],
  ['an id is empty', configurationOf(['', 'n1']), /empty/],
  ['an address is missing', { ...configurationOf(['n1', 'n2']), addresses: [[id('n1'), address]] }, /every member/],
  [
    'a stranger has an address',
    {
      ...configurationOf(['n1']),
      addresses: [
        [id('n1'), address],
        [id('n2'), address],
      ],
    },
    /nobody else/,
  ],
  [
    'an address is too long',
    { ...configurationOf(['n1']), addresses: [[id('n1'), new Uint8Array(addressBytesMax + 1)]] },
    /longer/,
  ],
  ['they are too many', configurationOf(Array.from({ length: membersMax + 1 }, (_, n) => `n${100 + n}`)), /at most 64/],
];
for (const [title, to, reason] of flaws) {
  test(`a configuration is refused when ${title}`, () => {
    assert.match(flawOf(to, configurationOf(['n1'])) ?? '', reason);
    assert.deepEqual(change(leader(), to), refusal('invalid'));
  });
}

test('both sets together are bounded as well, and addresses once given stay', () => {
  const many = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => `n${from + n}`);
  assert.match(flawOf(configurationOf(many(200, 40)), configurationOf(many(100, 40))) ?? '', /80 servers/);
  const addressed = { ...configurationOf(['n1']), addresses: [[id('n1'), address] as const] };
  assert.match(flawOf(configurationOf(['n1']), addressed) ?? '', /every member/);
});

test('C_old,new has the addresses of both, C_new those of its own', () => {
  const of = (names: readonly string[], byte: number): Configuration => ({
    ...configurationOf(names),
    addresses: names.map((name) => [id(name), new Uint8Array([byte])] as const),
  });
  const both = joint(of(['n1', 'n2'], 1), of(['n2', 'n3'], 2));
  assert.deepEqual(both.outgoing, ['n1', 'n2']);
  assert.deepEqual(
    both.addresses.map(([name, bytes]) => [name, bytes[0]]),
    [
      ['n1', 1],
      ['n2', 2],
      ['n3', 2],
    ],
  );
  assert.deepEqual(settled(both), of(['n2', 'n3'], 2));
});

test('while joint, an entry needs a majority of both sets, and a learner is none of either', () => {
  const node = leader(['n1', 'n2', 'n3'], ['n9']);
  change(node, configurationOf(['n1', 'n4', 'n5'], ['n9']));
  assert.deepEqual(node.status.configuration.outgoing, three);
  node.settle();
  for (const peer of ['n2', 'n3', 'n9']) node.matched(2, peer);
  assert.equal(node.status.commit, 1, 'the new voters have not agreed');
  node.matched(2, 'n4');
  assert.equal(node.status.commit, 2);
  node.settle();
  assert.deepEqual(node.status.configuration.outgoing, [], 'C_new is in force once it is appended');
  for (const peer of ['n2', 'n3', 'n9']) {
    if (node.peer(peer) !== undefined) node.matched(3, peer);
  }
  assert.equal(node.status.commit, 2, 'the old voters decide nothing any more');
  assert.equal(node.peer('n2'), undefined);
  node.matched(3, 'n5');
  assert.equal(node.status.commit, 3);
});

test('a change of learners alone is one entry', () => {
  const node = leader();
  change(node, configurationOf(three, ['n4']));
  assert.deepEqual(node.status.configuration, configurationOf(three, ['n4']));
  const sent = node.settle();
  assert.equal(sentTo(sent, 'appendEntries', 'n4').length, 1);
  node.matched(2, 'n4');
  assert.equal(node.status.commit, 1);
  node.matched(2, 'n2');
  assert.equal(node.status.commit, 2);
  node.settle();
  assert.equal(node.status.last.index, 2);
});

test('a new leader ends a change that another began, once it has committed in its own term', () => {
  const both = configurationOf(['n1', 'n2'], [], three);
  const node = new OneNode({ entries: [...entriesFrom(1, 1), configurationEntry(2, 1, both)], commit: 2 }).lead();
  assert.equal(node.status.last.index, 4, 'it knows that C_old,new is committed: the no-op, and C_new');
  assert.deepEqual(change(node, configurationOf(three)), refusal('noCommitInTerm'));

  const unsure = new OneNode({ entries: [...entriesFrom(1, 1), configurationEntry(2, 1, both)], commit: 1 }).lead();
  assert.equal(unsure.status.last.index, 3);
  unsure.matched(3, 'n2');
  unsure.settle();
  assert.deepEqual(unsure.status.configuration, configurationOf(['n1', 'n2']));
});

test('a leader that leaves does not count itself, steps down with the commit of C_new, and names who has everything', () => {
  const node = leader();
  change(node, configurationOf(['n2', 'n3']));
  node.settle();
  node.matched(2, 'n2');
  assert.equal(node.status.commit, 1, 'n1 and n2 are no majority of n2 and n3');
  node.matched(2, 'n3');
  node.settle();
  assert.ok(node.leads);
  node.matched(3, 'n2');
  assert.equal(node.status.commit, 2);
  node.matched(3, 'n3');
  assert.ok(node.leads, 'the news of the commit leaves first');
  const { send } = node.ready();
  assert.equal(sentTo(send, 'appendEntries', 'n2')[0]?.commit, 3);
  assert.equal(only(send, 'timeoutNow').to, 'n2');
  assert.equal(node.status.role, 'learner');
  assert.deepEqual(node.step({ kind: 'campaign' }), { kind: 'refused', reason: 'notVoter', leader: undefined });
});

test('a server outside its newest configuration campaigns until that is committed, and does not count its own vote', () => {
  const gone = configurationOf(['n2', 'n3']);
  const entries = [...entriesFrom(1, 1), configurationEntry(2, 1, gone)];
  const unsure = new OneNode({ entries, commit: 1 });
  assert.equal(unsure.status.role, 'follower');
  unsure.step({ kind: 'campaign' });
  unsure.settle();
  unsure.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n2' });
  assert.ok(!unsure.leads, 'its own vote is none');
  unsure.receive({ kind: 'requestVoteReply', phase: 'vote', granted: true, from: 'n3' });
  assert.ok(unsure.leads);

  const sure = new OneNode({ entries, commit: 2 });
  assert.equal(sure.status.role, 'learner');
  assert.equal(sure.step({ kind: 'campaign' }).kind, 'refused');
});

test('a server that must ask one other voter waits for its timer like everybody', () => {
  const alone = new OneNode({ voters: ['n1'] });
  alone.tick();
  assert.equal(alone.status.term, 1, 'alone it need not wait');
  const entries = [...entriesFrom(1, 1), configurationEntry(2, 1, configurationOf(['n2']))];
  const outside = new OneNode({ entries, commit: 1 });
  outside.tick();
  assert.equal(outside.status.term, 1, 'the one voter is somebody else');
});

test('a read that waited for the old voters is served when they are gone', () => {
  const node = leader(['n1', 'n2']);
  change(node, configurationOf(['n1']));
  node.settle();
  node.step({ kind: 'read', readId: 7, mode: 'readIndex' });
  node.matched(2, 'n2', 1);
  node.settle();
  assert.deepEqual(node.status.configuration.voters, ['n1']);
  assert.deepEqual(node.reads, [{ readId: 7, index: 1 }]);
});

test('an answer from before a server was removed says nothing about it when it is back', () => {
  const node = leader(three, ['n4']);
  const old = node.peer('n4')?.sentRound ?? 0;
  for (const to of [configurationOf(three), configurationOf(three, ['n4'])]) {
    change(node, to);
    node.settle();
    node.matched(node.status.last.index, 'n2');
    node.settle();
  }
  node.matched(1, 'n4', old);
  assert.equal(node.peer('n4')?.match, 0, 'its disk may be another by now');
  node.matched(1, 'n4');
  assert.equal(node.peer('n4')?.match, 1);
});

test('the configuration of a snapshot is the one as of its end, and rules again when the tail behind it is gone', () => {
  const base = snapshotAt(5, 1, configurationOf(['n1', 'n2']));
  const tail = configurationEntry(6, 1, configurationOf(['n1', 'n2'], ['n3']));
  const node = new OneNode({ base, entries: [tail], term: 1 });
  assert.deepEqual(node.status.configuration.learners, ['n3']);
  assert.deepEqual(node.core.metaAt(at(5)).configuration, base.configuration);

  const snapshot = snapshotAt(9, 2, configurationOf(['n1', 'n2', 'n4']));
  node.receive({ kind: 'installSnapshot', snapshot, round: 1, term: 2 });
  assert.deepEqual(node.status.configuration, snapshot.configuration, 'nothing of the old tail is left');
});

test('a snapshot of a server that joined says nothing of the members: whoever knows them goes on knowing', () => {
  const node = new OneNode({ voters: three, log: [1], commit: 1 });
  node.receive({ kind: 'installSnapshot', snapshot: snapshotAt(9, 2, configurationOf([])), round: 1, term: 2 });
  assert.equal(node.status.last.index, 9);
  assert.deepEqual(node.status.configuration, configurationOf(three));
});

test('a server that does not know its cluster never campaigns, votes, and learns it from the log', () => {
  const node = new OneNode({ voters: [] });
  node.tick(100);
  assert.equal(node.status.term, 0);
  node.requestVote([0, 0], { term: 1 });
  assert.equal(node.status.votedFor, 'n2', 'it may have been made a voter without knowing it');
  node.append([0, 0], entriesFrom(1, 1, 1), { commit: 2 });
  node.settle();
  node.step({ kind: 'compacted', through: at(2) });
  node.settle();
  assert.equal(node.status.first, 3);
  node.append([2, 1], [configurationEntry(3, 1, configurationOf(three))], { commit: 3 });
  node.settle();
  assert.deepEqual(node.status.configuration, configurationOf(three));
});

test('a dump in the middle of a change goes on as if nothing had been', async () => {
  const { load } = await import('../../src/core/raft.ts');
  const { optionsOf } = await import('./one-node.ts');
  const { canonicalHash } = await import('../../src/core/dump.ts');
  const node = leader();
  change(node, configurationOf(['n1', 'n2', 'n4'], ['n5']));
  const loaded = load(node.core.dump(), optionsOf({}));
  for (const core of [node.core, loaded]) core.ready();
  assert.equal(canonicalHash(loaded.dump()), canonicalHash(node.core.dump()));
  assert.deepEqual(loaded.status(), node.core.status());
});

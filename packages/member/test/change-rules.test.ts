import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Configuration, NodeId } from '@kontiki/raft';
import type { MemberRecord, MembershipChange } from '../src/api.ts';
import { configurationAfter, refusalOfChange, type Situation } from '../src/change-rules.ts';

/** `a` started, `a?` not started, `a*` a learner; ids count from 1. */
function members(text: string): readonly MemberRecord[] {
  return text.split(' ').map((word, at) => ({
    id: BigInt(at + 1),
    name: word.includes('?') ? '' : word,
    peerUrls: [`http://${at + 1}`],
    clientUrls: [],
    isLearner: word.includes('*'),
  }));
}

/** `up` are connected, `steady` for five seconds; member 1 leads. */
function situation(text: string, up = '', steady = up, changes: Partial<Situation> = {}): Situation {
  const has = (list: string, id: bigint): boolean => id === 1n || list.split(' ').includes(String(id));
  return {
    members: members(text),
    removed: new Set([99n]),
    self: 1n,
    isStrict: true,
    isConnected: (id) => has(up, id),
    isSteady: (id) => has(steady, id),
    match: (id) => (id <= BigInt(members(text).length) ? 100 : undefined),
    own: 100,
    ...changes,
  };
}

const addVoter = { kind: 'add', id: 50n, peerUrls: ['http://50'], isLearner: false } as const;
const addLearner = { ...addVoter, isLearner: true } as const;
const remove = (id: bigint): MembershipChange => ({ kind: 'remove', id });
const promote = (id: bigint): MembershipChange => ({ kind: 'promote', id });

describe('a change of membership', () => {
  const rows: readonly (readonly [why: string, change: MembershipChange, given: Situation, refused: string])[] = [
    ['a second voter is always welcome', addVoter, situation('a'), 'no'],
    ['a third needs two that have started', addVoter, situation('a b?', '2'), 'notEnoughStarted'],
    ['and that are connected', addVoter, situation('a b'), 'unhealthyCluster'],
    ['for five seconds', addVoter, situation('a b', '2', ''), 'unhealthyCluster'],
    ['and then it comes', addVoter, situation('a b', '2'), 'no'],
    ['a fourth needs three of four', addVoter, situation('a b c', '2'), 'unhealthyCluster'],
    ['a learner needs them, too', addLearner, situation('a b c', '2'), 'unhealthyCluster'],
    ['but not started voters', addLearner, situation('a b?', '2'), 'no'],
    ['learners do not count for the quorum', addVoter, situation('a b l*', '2'), 'no'],
    ['a lax leader asks nobody', addVoter, situation('a b? c?', '', '', { isStrict: false }), 'no'],
    ['who is down may go', remove(3n), situation('a b c', '2'), 'no'],
    ['who is up may not, when another is down', remove(2n), situation('a b c', '2'), 'unhealthyCluster'],
    ['the leader may not either', remove(1n), situation('a b c', '2'), 'unhealthyCluster'],
    ['it may when all are there', remove(1n), situation('a b c', '2 3'), 'no'],
    ['the last may not go', remove(1n), situation('a'), 'notEnoughStarted'],
    ['nor the one that has started, of two', remove(1n), situation('a b?', '2'), 'notEnoughStarted'],
    ['a learner may always go', remove(2n), situation('a l*'), 'no'],
    ['nobody is not found', remove(7n), situation('a b c', '2 3'), 'memberNotFound'],
    ['a learner is promoted', promote(2n), situation('a l*', '2'), 'no'],
    ['with 90 % of the log', promote(2n), situation('a l*', '2', '2', { match: () => 90 }), 'no'],
    ['not with 89 %', promote(2n), situation('a l*', '2', '2', { match: () => 89 }), 'learnerNotReady'],
    ['a voter is not', promote(2n), situation('a b', '2'), 'memberNotLearner'],
    ['nobody is not found either', promote(7n), situation('a b', '2'), 'memberNotFound'],
    ['not into a quorum that has not started', promote(4n), situation('a b? c? l*', '4'), 'notEnoughStarted'],
    ['a taken id is refused', { ...addVoter, id: 1n }, situation('a'), 'memberExists'],
    ['a taken URL is refused', { ...addVoter, peerUrls: ['http://1', 'http://x'] }, situation('a'), 'peerUrlExists'],
    ['a removed id is refused', { ...addVoter, id: 99n }, situation('a'), 'memberNotFound'],
    ['a second learner is refused', addLearner, situation('a l*'), 'tooManyLearners'],
    ['risk comes before fault', { ...addVoter, id: 1n }, situation('a b'), 'unhealthyCluster'],
    ['one keeps its own URL', { kind: 'update', id: 1n, peerUrls: ['http://1'] }, situation('a b'), 'no'],
    ['not that of another', { kind: 'update', id: 1n, peerUrls: ['http://2'] }, situation('a b'), 'peerUrlExists'],
  ];
  for (const [why, change, given, refused] of rows) {
    it(`${change.kind}: ${why}`, () => assert.equal(refusalOfChange(change, given) ?? 'no', refused));
  }
});

describe('the configuration after a change', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const from: Configuration = {
    voters: ['1', '3'] as NodeId[],
    outgoing: [],
    learners: ['2'] as NodeId[],
    addresses: [
      ['1' as NodeId, bytes('one')],
      ['2' as NodeId, bytes('two')],
      ['3' as NodeId, bytes('three')],
    ],
  };
  const shown = (change: MembershipChange): string => {
    const { voters, learners, addresses } = configurationAfter(change, from);
    const urls = addresses.map(([id, address]) => `${id}=${new TextDecoder().decode(address)}`);
    return `${voters.join(' ')} | ${learners.join(' ')} | ${urls.join(' ')}`;
  };

  it('has who was added as a learner, sorted', () => {
    const change = { kind: 'add', id: 0x2an, peerUrls: ['u', 'v'], isLearner: false } as const;
    assert.equal(shown(change), '1 3 | 2 2a | 1=one 2=two 2a=u\nv 3=three');
  });
  it('has a promoted learner among the voters', () => {
    assert.equal(shown(promote(2n)), '1 2 3 |  | 1=one 2=two 3=three');
  });
  it('has nothing of who was removed', () => {
    assert.equal(shown(remove(2n)), '1 3 |  | 1=one 3=three');
    assert.equal(shown(remove(3n)), '1 | 2 | 1=one 2=two');
  });
  it('has a new address of who was updated, and the same standing', () => {
    assert.equal(shown({ kind: 'update', id: 2n, peerUrls: ['x'] }), '1 3 | 2 | 1=one 2=x 3=three');
  });
});

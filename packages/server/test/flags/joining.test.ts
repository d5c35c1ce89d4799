import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judged, matchedWith } from '../../src/joining.ts';

const flagged = [
  { id: 91n, name: 'a', peerUrls: ['http://a:1'] },
  { id: 92n, name: 'b', peerUrls: ['http://b:1', 'http://b:2'] },
];
const self = { id: 92n, name: 'b', peerUrls: ['http://b:1', 'http://b:2'] };
const row = (id: bigint, name: string, ...peerUrls: readonly string[]) => ({
  id,
  name,
  peerUrls,
  clientUrls: [],
  isLearner: false,
});

describe('a member that joins', () => {
  it('finds itself among the members of now by its peer URLs, whatever their order', () => {
    const members = [row(1n, 'a', 'http://a:1'), row(2n, '', 'http://b:2', 'http://b:1')];

    assert.deepEqual(matchedWith({ clusterId: 7n, members }, flagged, self), {
      clusterId: 7n,
      memberId: 2n,
      members: members.map(({ id, peerUrls }) => ({ id, peerUrls })),
      joins: true,
    });
  });

  const refused: readonly (readonly [why: string, members: readonly ReturnType<typeof row>[], says: string])[] = [
    ['that was not added', [row(1n, 'a', 'http://a:1')], 'member count is unequal'],
    [
      'under other URLs',
      [row(1n, 'a', 'http://a:1'), row(2n, '', 'http://c:1')],
      'PeerURLs: no match found for existing member (2, [http://c:1])',
    ],
    [
      'whose data was lost',
      [row(1n, 'a', 'http://a:1'), row(2n, 'b', 'http://b:1', 'http://b:2')],
      'member 2 has already been bootstrapped',
    ],
  ];
  for (const [why, members, says] of refused) {
    it(`${why} is told in etcd's words`, () => {
      assert.equal(matchedWith({ clusterId: 7n, members }, flagged, self), says);
    });
  }

  it('believes the one that knows more: that it was added, and that it has started', () => {
    const [before, added, started] = [
      [],
      [row(2n, '', 'http://b:1', 'http://b:2')],
      [row(2n, 'b', 'http://b:1', 'http://b:2')],
    ].map((own) => ({ clusterId: 7n, members: [row(1n, 'a', 'http://a:1'), ...own] }));
    assert.ok(before !== undefined && added !== undefined && started !== undefined);

    assert.equal(typeof judged([before, added], flagged, self), 'object');
    assert.equal(judged([added, started], flagged, self), 'member 2 has already been bootstrapped');
    assert.equal(judged([before], flagged, self), 'member count is unequal');
  });
});

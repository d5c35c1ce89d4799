// The size of a server's state is added up; it is what the codec would have written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Entry, Index, Message, NodeId, Term } from '@kontiki/raft';
import { ByteWriter, writeMessage } from '@kontiki/transport';
import { stateBytes } from '../../src/labs/state-bytes.ts';

const [a, b] = ['s0', 's1'] as NodeId[] as [NodeId, NodeId];
const configuration: Configuration = {
  voters: [a, b],
  outgoing: [],
  learners: [],
  addresses: [
    [a, Uint8Array.of(1, 2)],
    [b, new Uint8Array(0)],
  ],
};

function written(message: Message): number {
  const out = new ByteWriter();
  writeMessage(out, message);
  return out.length;
}

test('the size of the state is that of its entries and its base as messages', () => {
  for (const { term, index, lengths } of [
    { term: 0, index: 0, lengths: [] },
    { term: 1, index: 0, lengths: [0, 1, 127] },
    { term: 127, index: 126, lengths: [128, 0, 5000] },
    { term: 128, index: 20_000, lengths: Array.from({ length: 300 }, (_, at) => at) },
  ]) {
    const base = { last: { term: term as Term, index: index as Index }, configuration };
    const ends = { from: a, to: a, term: term as Term, round: 0 };
    const commit = index as Index;
    const places = lengths.map((length, at) => ({ length, term: term as Term, index: (index + 1 + at) as Index }));
    const entries = places.map(({ length, ...place }): Entry => {
      if (length === 0) return { kind: 'noop', ...place };
      if (length === 1) return { kind: 'configuration', ...place, configuration };
      return { kind: 'command', ...place, data: new Uint8Array(length) };
    });

    const found = stateBytes({ base, entries, term: term as Term, votedFor: b, commit });

    const append = written({ kind: 'appendEntries', ...ends, prev: base.last, entries, commit });
    const announcement = written({ kind: 'installSnapshot', ...ends, snapshot: base });
    assert.equal(found, append + announcement + b.length);
  }
});

// Random messages of every kind, for round trips.

import type { Configuration, Entry, Index, LogId, Message, NodeId, SnapshotMeta, Term } from '@kontiki/raft';
import fc from 'fast-check';

/** Records with the prototype that decoded ones have. */
const plain = { noNullPrototype: true } as const;
const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => text as NodeId);
const logId: fc.Arbitrary<LogId> = fc.record(
  {
    term: number.map((term) => term as Term),
    index: number.map((index) => index as Index),
  },
  plain,
);
const ids = fc.uniqueArray(id, { maxLength: 4 }).map((list) => list.sort(compare));

export const configuration: fc.Arbitrary<Configuration> = fc.record(
  {
    voters: ids,
    outgoing: ids,
    learners: ids,
    addresses: ids.chain((list) =>
      fc.tuple(...list.map((member) => fc.uint8Array({ maxLength: 20 }).map((address) => [member, address] as const))),
    ),
  },
  plain,
);

const snapshot: fc.Arbitrary<SnapshotMeta> = fc.record({ last: logId, configuration }, plain);

const entryBody = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((data) => ({ kind: 'command' as const, data })),
  configuration.map((value) => ({ kind: 'configuration' as const, configuration: value })),
  fc.constant({ kind: 'noop' as const }),
);

/** Consecutive indexes and terms that never fall, as in every log. */
const run = fc
  .record({
    prev: fc.record({ term: fc.nat(1000), index: fc.nat(100_000) }, plain),
    bodies: fc.array(fc.tuple(fc.nat(3), entryBody), { maxLength: 6 }),
  })
  .map(({ prev, bodies }) => {
    let { term } = prev;
    const entries: Entry[] = bodies.map(([rise, body], at) => {
      term += rise;
      return { ...body, term: term as Term, index: (prev.index + 1 + at) as Index };
    });
    return { prev: prev as LogId, entries };
  });

const phase = fc.constantFrom('preVote' as const, 'vote' as const);
const index = number.map((value) => value as Index);
const from = 'a' as NodeId;
const to = 'b' as NodeId;
const term = number.map((value) => value as Term);

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({ term, phase, last: logId, transfer: fc.boolean() })
    .map((fields): Message => ({ kind: 'requestVote', from, to, ...fields })),
  fc
    .record({ term, phase, granted: fc.boolean() })
    .map((fields): Message => ({ kind: 'requestVoteReply', from, to, ...fields })),
  fc.record({ term, commit: index, round: number, run }).map(
    ({ run: { prev, entries }, ...fields }): Message => ({
      kind: 'appendEntries',
      from,
      to,
      prev,
      entries,
      ...fields,
    }),
  ),
  fc
    .record({
      term,
      round: number,
      outcome: fc.oneof(
        index.map((match) => ({ kind: 'matched' as const, match })),
        fc
          .record({ rejected: index, conflictTerm: fc.option(term, { nil: undefined }), tryIndex: index })
          .map((fields) => ({ kind: 'rejected' as const, ...fields })),
      ),
    })
    .map((fields): Message => ({ kind: 'appendEntriesReply', from, to, ...fields })),
  fc
    .record({ term, snapshot, round: number })
    .map((fields): Message => ({ kind: 'installSnapshot', from, to, ...fields })),
  fc.record({ term, readId: number }).map((fields): Message => ({ kind: 'readIndex', from, to, ...fields })),
  fc
    .record({ term, readId: number, index: fc.option(index, { nil: undefined }) })
    .map((fields): Message => ({ kind: 'readIndexReply', from, to, ...fields })),
  term.map((value): Message => ({ kind: 'timeoutNow', from, to, term: value })),
);

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

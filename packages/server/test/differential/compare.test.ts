/** Flipping any one field of any reply turns the comparison red, but for the changes that are listed here. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone, create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  HashKVResponseSchema,
  LeaseGrantResponseSchema,
  LeaseTimeToLiveResponseSchema,
  PutResponseSchema,
  ResponseHeaderSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import { type CompareContext, compareMessages } from './compare.ts';
import { messageRoots } from './coverage.ts';
import { Differences } from './differences.ts';
import { fieldRules } from './field-rules.ts';
import { Identities } from './identities.ts';
import { filled, mutations } from './mutations.ts';
import { comparePairs } from './watch-compare.ts';

const responses = messageRoots.filter(({ name }) => name.endsWith('Response'));
/** The members of the widest oneof, ResponseOp's. */
const choices = [0, 1, 2, 3];

function context(differences = Differences.none): CompareContext {
  return { identities: new Identities(), differences, endpoint: 0 };
}

/** Whether the change is seen, once the two sides have answered alike before. */
function isSeen<Desc extends DescMessage>(
  schema: Desc,
  original: MessageShape<Desc>,
  changed: MessageShape<Desc>,
): boolean {
  const known = context();
  assert.deepEqual(compareMessages(schema, original, clone(schema, original), known), [], 'equal replies are equal');
  return compareMessages(schema, original, changed, known).length > 0;
}

test('a flip of any field of any reply is seen, but for the listed ones', () => {
  const unseen = new Set<string>();
  const flipped = new Set<string>();
  for (const schema of responses) {
    for (const choice of choices) {
      const original = filled(schema, choice);
      for (const { field, how, message } of mutations(schema, original)) {
        flipped.add(field);
        if (!isSeen(schema, original, message)) unseen.add(`${field} ${how}`);
      }
    }
  }

  assert.deepEqual([...unseen].toSorted(), [
    'etcdserverpb.HashKVResponse.hash changed',
    'etcdserverpb.HashKVResponse.hash cleared',
    // Sets: etcd leaves their order to chance.
    'etcdserverpb.LeaseLeasesResponse.leases turned around',
    'etcdserverpb.LeaseTimeToLiveResponse.keys turned around',
    // A term rises with an election, on either side.
    'etcdserverpb.ResponseHeader.raft_term changed',
  ]);
  for (const field of everyField(responses)) assert.ok(flipped.has(field), `${field} was flipped`);
});

test('every rule names a field that exists', () => {
  const fields = everyField(messageRoots);
  for (const name of fieldRules.keys()) assert.ok(fields.has(name), name);
});

test('a lease that each side named itself is the same lease from then on', () => {
  const known = context();
  assert.ok(known.identities.bindLease(7n, 9n));
  const compare = (reference: bigint, target: bigint): number =>
    compareMessages(
      LeaseGrantResponseSchema,
      create(LeaseGrantResponseSchema, { ID: reference }),
      create(LeaseGrantResponseSchema, { ID: target }),
      known,
    ).length;

  assert.equal(compare(7n, 9n), 0);
  assert.equal(compare(7n, 7n), 1);
  assert.equal(compare(9n, 9n), 0, 'an id that a client chose');
  assert.equal(known.identities.bindLease(8n, 9n), false, 'an id given twice');
  assert.equal(known.identities.bindLease(10n, -1n), false, 'an id that is not positive');
});

test('a member that changes its id, a second cluster id and a falling term are seen', () => {
  const known = context();
  const header = { clusterId: 1n, memberId: 2n, revision: 3n, raftTerm: 4n };
  const compare = (target: Partial<typeof header>, endpoint = 0): number =>
    compareMessages(
      ResponseHeaderSchema,
      create(ResponseHeaderSchema, header),
      create(ResponseHeaderSchema, { ...header, ...target }),
      { ...known, endpoint },
    ).length;

  assert.equal(compare({ clusterId: 11n, memberId: 12n, raftTerm: 14n }), 0);
  assert.equal(compare({ clusterId: 11n, memberId: 13n, raftTerm: 14n }, 1), 0, 'another member');
  assert.equal(compare({ clusterId: 11n, memberId: 13n, raftTerm: 14n }), 1);
  assert.equal(compare({ clusterId: 12n, memberId: 12n, raftTerm: 14n }), 1);
  assert.equal(compare({ clusterId: 11n, memberId: 12n, raftTerm: 13n }), 1);
  assert.equal(compare({ clusterId: 11n, memberId: 12n, raftTerm: 0n }), 1);
});

test('seconds left may differ by two, and -1 only equals itself', () => {
  const compare = (reference: bigint, target: bigint): number =>
    compareMessages(
      LeaseTimeToLiveResponseSchema,
      create(LeaseTimeToLiveResponseSchema, { TTL: reference }),
      create(LeaseTimeToLiveResponseSchema, { TTL: target }),
      context(),
    ).length;

  assert.equal(compare(100n, 98n), 0);
  assert.equal(compare(100n, 103n), 1);
  assert.equal(compare(-1n, 0n), 1);
  assert.equal(compare(1n, 0n), 1);
});

test('seconds left differ once a side has elected again, and a lease that is over still equals none that lives', () => {
  const known = context();
  const compare = (raftTerm: bigint, reference: bigint, target: bigint): number =>
    compareMessages(
      LeaseTimeToLiveResponseSchema,
      create(LeaseTimeToLiveResponseSchema, { header: { raftTerm: 3n }, TTL: reference }),
      create(LeaseTimeToLiveResponseSchema, { header: { raftTerm }, TTL: target }),
      known,
    ).length;

  assert.equal(compare(2n, 100n, 110n), 1);
  assert.equal(compare(4n, 100n, 110n), 0);
  assert.equal(compare(4n, 100n, 110n), 0);
  assert.equal(compare(4n, -1n, 110n), 1);
});

test('a listed difference is accepted as it is listed, and not otherwise', () => {
  const field = 'etcdserverpb.HashKVResponse.hash_revision';
  const row = { id: 'x', where: `field ${field}`, kind: 'version', ours: '7', theirs: '0', reason: 'r' } as const;
  const differences = new Differences([row]);
  const compare = (reference: bigint, target: bigint): number =>
    compareMessages(
      HashKVResponseSchema,
      create(HashKVResponseSchema, { hashRevision: reference }),
      create(HashKVResponseSchema, { hashRevision: target }),
      context(differences),
    ).length;

  assert.deepEqual(differences.unmet(), [`x: field ${field}`]);
  assert.equal(compare(0n, 8n), 1);
  assert.equal(compare(0n, 0n), 1, 'the row says that they differ');
  assert.equal(compare(0n, 7n), 0);
  assert.deepEqual(differences.unmet(), []);
});

test('an absent message is not an empty one', () => {
  const [absent, empty] = [create(PutResponseSchema), create(PutResponseSchema, { prevKv: {} })];
  assert.equal(compareMessages(PutResponseSchema, absent, empty, context()).length, 1);
});

test('of a watcher in step, a flip of any field of any response is seen', () => {
  const original = filled(WatchResponseSchema, 0);
  for (const { field, how, message } of mutations(WatchResponseSchema, original)) {
    if (field === 'etcdserverpb.ResponseHeader.raft_term' && how === 'changed') continue;
    assert.ok(isPairSeen([original], [message], true), `${field} ${how}`);
  }
});

test('of a watcher that catches up, only the cuts between its batches and their headers may differ', () => {
  const original = filled(WatchResponseSchema, 0);
  const unseen = new Set<string>();
  for (const { field, how, message } of mutations(WatchResponseSchema, original)) {
    if (!isPairSeen([original], [message], false)) unseen.add(`${field} ${how}`);
  }
  assert.deepEqual([...unseen].toSorted(), [
    'etcdserverpb.ResponseHeader.raft_term changed',
    'etcdserverpb.ResponseHeader.revision changed',
    'etcdserverpb.WatchResponse.fragment changed',
    'etcdserverpb.WatchResponse.fragment cleared',
  ]);

  const [first, second] = original.events;
  assert.ok(first !== undefined && second !== undefined);
  const batches = [
    create(WatchResponseSchema, { ...original, events: [first] }),
    create(WatchResponseSchema, { ...original, events: [second] }),
  ];
  assert.equal(isPairSeen([original], batches, false), false);
  assert.equal(isPairSeen([original], batches, true), true, 'in step, the cuts count');
  assert.equal(isPairSeen([original], batches.toReversed(), false), true, 'the order of events counts');
});

test('a header whose revision is below the event it carries is seen', () => {
  const original = filled(WatchResponseSchema, 0);
  const early = clone(WatchResponseSchema, original);
  Object.assign(early.header ?? {}, { revision: 1n });
  assert.equal(isPairSeen([original], [early], false), true);
});

function isPairSeen(reference: readonly WatchResponse[], target: readonly WatchResponse[], isSynced: boolean): boolean {
  const copy = (list: readonly WatchResponse[]): WatchResponse[] =>
    list.map((item) => clone(WatchResponseSchema, item));
  const known = context();
  comparePairs(copy(reference), copy(reference), isSynced, known);
  const [left, right] = [copy(reference), copy(target)];
  // What stays without a partner is reported by the runner.
  return comparePairs(left, right, isSynced, known).length > 0 || left.length !== right.length;
}

function everyField(roots: readonly DescMessage[]): ReadonlySet<string> {
  const fields = new Set<string>();
  const visited = new Set<string>();
  const visit = (schema: DescMessage): void => {
    if (visited.has(schema.typeName)) return;
    visited.add(schema.typeName);
    for (const field of schema.fields) {
      fields.add(`${schema.typeName}.${field.name}`);
      if (field.message !== undefined) visit(field.message);
    }
  };
  roots.forEach(visit);
  return fields;
}

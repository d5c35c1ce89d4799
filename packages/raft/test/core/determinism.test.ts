// Same inputs, same outputs; and a run that is loaded from a dump goes on as if nothing had been.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Input } from '../../src/core/api.ts';
import { canonicalHash, copyPlain } from '../../src/core/dump.ts';
import { createRaft, load, type RaftCore } from '../../src/core/raft.ts';
import { drawCluster } from './draw-cluster.ts';
import { at, bytes, id, optionsOf, term, terms } from './one-node.ts';

const options = optionsOf({
  log: [1, 1],
  commit: 1,
  preVote: true,
  checkQuorum: true,
  draw: (_purpose, counter, below) => (counter * 3) % below,
});
const envelope = { from: id('n2'), to: id('n1') };

const inputs: readonly Input[] = [
  { kind: 'tick', elapsed: 3 },
  ...Array.from({ length: 12 }, () => ({ kind: 'tick', elapsed: 1 }) as const),
  {
    kind: 'receive',
    message: { ...envelope, kind: 'requestVoteReply', phase: 'preVote', granted: true, term: term(2) },
  },
  { kind: 'persisted', through: 1 as never },
  { kind: 'receive', message: { ...envelope, kind: 'requestVoteReply', phase: 'vote', granted: true, term: term(2) } },
  { kind: 'propose', data: bytes('one') },
  { kind: 'read', readId: 9, mode: 'readIndex' },
  { kind: 'persisted', through: 2 as never },
  {
    kind: 'receive',
    message: {
      ...envelope,
      kind: 'appendEntriesReply',
      term: term(2),
      round: 1,
      outcome: { kind: 'matched', match: at(2) },
    },
  },
  { kind: 'applied', through: at(1) },
  { kind: 'tick', elapsed: 2 },
  {
    kind: 'receive',
    message: {
      ...envelope,
      kind: 'appendEntries',
      term: term(5),
      prev: { term: term(1), index: at(2) },
      entries: terms(1, 1, 5).slice(2),
      commit: at(2),
      round: 7,
    },
  },
  { kind: 'persisted', through: 3 as never },
];

/** Runs the inputs, calling `between` before each; everything that came out, hashed. */
function run(core: RaftCore, between: (core: RaftCore) => RaftCore = (same) => same): string[] {
  let node = core;
  return inputs.map((input) => {
    node = between(node);
    const verdict = node.step(input);
    return canonicalHash([verdict, node.ready(), node.status(), node.dump()]);
  });
}

test('the same options and inputs give the same outputs, state by state', () => {
  const first = run(createRaft(options));
  assert.deepEqual(run(createRaft(options)), first);
  assert.equal(new Set(first).size, first.length, 'every input left a trace');
});

test('a node that is dumped and loaded before every input goes on as if nothing had been', () => {
  const reloaded = run(createRaft(options), (core) => load(core.dump(), options));
  assert.deepEqual(reloaded, run(createRaft(options)));
});

test('a dump shares nothing that changes', () => {
  const core = createRaft(options);
  const dump = core.dump();
  const before = canonicalHash(dump);
  run(core);
  assert.equal(canonicalHash(dump), before);
  const other = load(dump, options);
  run(other);
  assert.equal(canonicalHash(dump), before);
});

test('without a why-sink a run is the same run', () => {
  const { length } = inputs;
  const tags: string[] = [];
  const traced = run(createRaft({ ...options, why: (rule) => void tags.push(rule) }));
  assert.deepEqual(traced, run(createRaft(options)));
  assert.ok(tags.length > length / 2);
});

test('a whole cluster under faults replays to the same hash from the same seed, reloaded or not', () => {
  const end = (seed: number): string => {
    const cluster = drawCluster(seed, { reload: false });
    for (let count = 0; count < 1500; count += 1) cluster.event();
    return canonicalHash([cluster.happened, cluster.describe(), cluster.servers.map(({ core }) => core?.dump())]);
  };
  for (const seed of [3, 17, 42]) assert.equal(end(seed), end(seed), `SEED=${seed}`);
  assert.notEqual(end(3), end(17));
});

test('the canonical hash tells values apart and ignores the order of fields', () => {
  assert.equal(canonicalHash({ one: 1, two: [2, 'x'] }), canonicalHash({ two: [2, 'x'], one: 1, three: undefined }));
  const values = [
    0,
    1,
    -1,
    2 ** 40,
    0.5,
    Number.POSITIVE_INFINITY,
    '',
    '0',
    [],
    [0],
    [[0]],
    {},
    { a: 0 },
    true,
    false,
    undefined,
    bytes('a'),
    bytes('b'),
    'a',
  ];
  assert.equal(new Set(values.map((value) => canonicalHash([value]))).size, values.length);
  assert.match(canonicalHash('x'), /^[0-9a-f]{16}$/);
});

test('a plain copy is deep, but for bytes', () => {
  const original = { list: [{ deep: 1 }], data: bytes('x') };
  const copy = copyPlain(original);
  assert.deepEqual(copy, original);
  assert.notEqual(copy.list[0], original.list[0]);
  assert.equal(copy.data, original.data);
});

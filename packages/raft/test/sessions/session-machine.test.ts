import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIndex, asTerm, type CommittedCommand } from '@kontiki/raft';
import { stateMachineSuite } from '@kontiki/raft/contracts';
import {
  defaultSessionLimits,
  encodeCommand,
  MalformedError,
  type SessionCommand,
  SessionMachine,
} from '@kontiki/raft/sessions';
import { add, encodeSum, Tally } from '@kontiki/raft/testing';

function machine(): SessionMachine<number, 'sum', number> {
  return new SessionMachine({ machine: new Tally(), encodeReply: encodeSum });
}

const client = asIndex(1);

function increment(sequence: number, stamp = 0): Uint8Array {
  return encodeCommand({ kind: 'command', stamp, client, sequence, firstOpen: 1, body: add(1) });
}

const register = encodeCommand({ kind: 'register', stamp: 0, limits: defaultSessionLimits });

function committed(commands: readonly Uint8Array[], from = 1): readonly CommittedCommand[] {
  return commands.map((command, at) => ({ term: asTerm(1), index: asIndex(from + at), command }));
}

stateMachineSuite({
  test,
  create: () => ({ fresh: machine, drive: () => {}, dispose: () => {} }),
  commands: [register, increment(1), increment(2), increment(3)],
  whole: 'sum',
});

test('a duplicate in the same batch, or in another one, is executed once', () => {
  const together = machine();
  const apart = machine();
  const commands = committed([register, increment(1), increment(1), increment(2), increment(1)]);
  const results = together.apply(commands);
  const single = commands.flatMap((command) => apart.apply([command]));

  assert.deepEqual(single, results);
  assert.equal(together.query('sum'), 2);
});

test('a duplicate behind a snapshot, however its bytes are cut, is executed once', () => {
  const original = machine();
  original.apply(committed([register, increment(1)]));
  const bytes = Uint8Array.from([...original.snapshot()].flatMap((chunk) => [...chunk]));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const copy = machine();
    copy.restore([bytes.subarray(0, cut), bytes.subarray(cut)]);
    copy.apply(committed([increment(1)], 3));

    assert.equal(copy.query('sum'), 1, `cut at ${cut}`);
  }
});

test('a snapshot of a machine without sessions is refused', () => {
  assert.throws(() => machine().restore([Uint8Array.of(0, 0)]), MalformedError);
  assert.throws(() => machine().restore([Uint8Array.from({ length: 100 }, () => 1)]), MalformedError);
});

test('a snapshot in the making does not show what comes after', () => {
  const original = machine();
  original.apply(committed([register, increment(1)]));
  const taken = original.snapshot();
  original.apply(committed([increment(2)], 3));
  const copy = machine();
  copy.restore([...taken]);

  assert.equal(copy.query('sum'), 1);
  const [again] = copy.apply(committed([increment(2)], 3));
  assert.deepEqual(again?.kind === 'done' && again.at, 3);
});

test('what expires is forgotten at the same command, whatever the members call time', () => {
  const fast = machine();
  const slow = machine();
  fast.table.clock.advance(1_000_000);
  const limits = { ...defaultSessionLimits, idleTicks: 10 };
  const log: readonly SessionCommand[] = [
    { kind: 'register', stamp: 0, limits },
    { kind: 'register', stamp: 5, limits },
    { kind: 'plain', stamp: 12, body: add(1) },
  ];
  for (const each of [fast, slow]) each.apply(committed(log.map(encodeCommand)));

  assert.deepEqual([fast.table.has(asIndex(1)), fast.table.has(asIndex(2))], [false, true]);
  assert.deepEqual(slow.table.encode(), fast.table.encode());
});

// The search for an order: against its ten-line twin on all kinds of small histories, on histories made wrong by hand, and
// for size.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Chance } from '../../src/chance.ts';
import { checkLinearizability, type Verdict } from '../../src/linearizability/checker.ts';
import type { History, Model, Operation } from '../../src/linearizability/model.ts';
import { counterModel } from '../../src/linearizability/models/counter.ts';
import {
  type KeyValuesInput,
  type KeyValuesOutput,
  keyValuesModel,
} from '../../src/linearizability/models/key-values.ts';
import { listModel } from '../../src/linearizability/models/list.ts';
import { type RegisterInput, type RegisterOutput, registerModel } from '../../src/linearizability/models/register.ts';
import {
  type VersionedInput,
  type VersionedOutput,
  type VersionedState,
  versionedKeyModel,
} from '../../src/linearizability/models/versioned-key.ts';
import { madeHistory } from './made-history.ts';
import { hasOrder } from './permutations.ts';

const seed = Number(process.env.SEED ?? 1);

function call<Input, Output>(
  client: string,
  began: number,
  at: number | undefined,
  input: Input,
  output?: Output,
): Operation<Input, Output> {
  const answer = at === undefined || output === undefined ? undefined : { at, output };
  return { client, input, began, answer };
}

const write = (value: string): RegisterInput => ({ kind: 'write', key: 'k', value });
const read: RegisterInput = { kind: 'read', key: 'k' };
const written: RegisterOutput = { kind: 'written' };
const value = (found: string | undefined): RegisterOutput => ({ kind: 'value', value: found });

describe('hand-made histories', () => {
  const rows: readonly {
    readonly title: string;
    readonly history: History<RegisterInput, RegisterOutput>;
    readonly kind: Verdict['kind'];
  }[] = [
    { title: 'nothing at all', history: [], kind: 'linearizable' },
    {
      title: 'a read that overlaps a write may have either value',
      history: [
        call('a', 1, 6, write('x'), written),
        call('b', 2, 3, read, value(undefined)),
        call('b', 4, 5, read, value('x')),
      ],
      kind: 'linearizable',
    },
    {
      title: 'a stale read',
      history: [
        call('a', 1, 2, write('x'), written),
        call('a', 3, 4, write('y'), written),
        call('b', 5, 6, read, value('x')),
      ],
      kind: 'illegal',
    },
    {
      title: 'a lost write',
      history: [call('a', 1, 2, write('x'), written), call('b', 3, 4, read, value(undefined))],
      kind: 'illegal',
    },
    {
      title: 'a value that nobody wrote',
      history: [call('a', 1, 2, write('x'), written), call('b', 1, 4, read, value('z'))],
      kind: 'illegal',
    },
    {
      title: 'reads that go back while a write is open',
      history: [
        call('a', 1, 9, write('x'), written),
        call('b', 2, 3, read, value('x')),
        call('c', 4, 5, read, value(undefined)),
      ],
      kind: 'illegal',
    },
    {
      title: 'a write without an answer may come late',
      history: [
        call('a', 1, undefined, write('x')),
        call('b', 2, 3, read, value(undefined)),
        call('b', 4, 5, read, value('x')),
      ],
      kind: 'linearizable',
    },
    {
      title: 'a write without an answer may come to nothing',
      history: [call('a', 1, undefined, write('x')), call('b', 2, 3, read, value(undefined))],
      kind: 'linearizable',
    },
    {
      title: 'a write without an answer happens once',
      history: [
        call('a', 1, undefined, write('x')),
        call('b', 2, 3, read, value('x')),
        call('b', 4, 5, write('y'), written),
        call('b', 6, 7, read, value('x')),
      ],
      kind: 'illegal',
    },
    {
      title: 'what happens at one time is concurrent',
      history: [call('a', 1, 2, write('x'), written), call('b', 2, 3, read, value(undefined))],
      kind: 'linearizable',
    },
  ];
  for (const { title, history, kind } of rows) {
    test(`${title}: ${kind}`, () => {
      assert.equal(checkLinearizability(registerModel, history).kind, kind);
    });
  }

  test('a double apply shows in a counter', () => {
    const add = { kind: 'add', by: 1 } as const;
    const history = [call('a', 1, 2, add, 1), call('b', 3, undefined, add, undefined), call('a', 4, 5, add, 4)];

    assert.equal(checkLinearizability(counterModel, history).kind, 'illegal');
  });

  test('two reads that disagree on the order of appends show in a list', () => {
    const append = (one: string) => ({ kind: 'append', key: 'k', value: one }) as const;
    const all = { kind: 'read', key: 'k' } as const;
    const history = [
      call('a', 1, 9, append('x'), []),
      call('b', 1, 9, append('y'), []),
      call('c', 2, 8, all, ['x', 'y']),
      call('d', 2, 8, all, ['y', 'x']),
    ];

    assert.equal(checkLinearizability(listModel, history).kind, 'illegal');
    assert.equal(checkLinearizability(listModel, history.slice(0, 3)).kind, 'linearizable');
  });

  const put = (key: string, one: string): KeyValuesInput => ({
    kind: 'txn',
    when: [],
    success: [{ kind: 'put', key, value: one }],
    failure: [],
  });
  const at = (revision: number): KeyValuesOutput => ({ kind: 'txn', revision, succeeded: true });

  test('a gap in the revisions shows in the whole store, unless a call without an answer fills it', () => {
    const history = [call('a', 1, 2, put('a', 'x'), at(2)), call('a', 3, 4, put('b', 'y'), at(4))];
    const filled = [...history, call<KeyValuesInput, KeyValuesOutput>('b', 1, undefined, put('c', 'z'))];

    assert.equal(checkLinearizability(keyValuesModel, history).kind, 'illegal');
    assert.equal(checkLinearizability(keyValuesModel, filled).kind, 'linearizable');
  });

  test('a transaction over two keys is seen whole', () => {
    const both: KeyValuesInput = {
      kind: 'txn',
      when: [{ key: 'a', modRevision: 0 }],
      success: [
        { kind: 'put', key: 'a', value: 'x' },
        { kind: 'put', key: 'b', value: 'x' },
      ],
      failure: [],
    };
    const half: KeyValuesOutput = {
      kind: 'range',
      revision: 2,
      found: [{ key: 'a', value: 'x', modRevision: 2, version: 1 }],
    };
    const history = [call('a', 1, 9, both, at(2)), call('b', 2, 3, { kind: 'range', prefix: '' } as const, half)];

    assert.equal(checkLinearizability(keyValuesModel, history).kind, 'illegal');
  });

  test('one key of the store: a version that was counted twice, and a revision that falls, are seen', () => {
    const putK = { kind: 'put', key: 'k', value: 'x' } as const;
    const readK = { kind: 'read', key: 'k' } as const;
    const found = (version: number, modRevision: number, revision: number): VersionedOutput => ({
      kind: 'read',
      revision,
      found: { value: 'x', version, modRevision },
    });
    const history = (...outputs: readonly VersionedOutput[]): History<VersionedInput, VersionedOutput> => [
      call<VersionedInput, VersionedOutput>('a', 1, 2, putK, { kind: 'put', revision: 7 }),
      ...outputs.map((output, i) => call<VersionedInput, VersionedOutput>('b', 3 + 2 * i, 4 + 2 * i, readK, output)),
    ];

    assert.equal(checkLinearizability(versionedKeyModel, history(found(1, 7, 9), found(1, 7, 9))).kind, 'linearizable');
    assert.equal(checkLinearizability(versionedKeyModel, history(found(2, 7, 9))).kind, 'illegal');
    assert.equal(checkLinearizability(versionedKeyModel, history(found(1, 7, 9), found(1, 7, 8))).kind, 'illegal');
  });

  test('one key of the store: the revision of a write without an answer is what the first read says', () => {
    const history = (second: number): History<VersionedInput, VersionedOutput> => [
      call<VersionedInput, VersionedOutput>('a', 1, undefined, { kind: 'put', key: 'k', value: 'x' }),
      ...[7, second].map((modRevision, i) =>
        call<VersionedInput, VersionedOutput>(
          'b',
          2 + 2 * i,
          3 + 2 * i,
          { kind: 'read', key: 'k' },
          {
            kind: 'read',
            revision: 9,
            found: { value: 'x', version: 1, modRevision },
          },
        ),
      ),
    ];

    assert.equal(checkLinearizability(versionedKeyModel, history(7)).kind, 'linearizable');
    assert.equal(checkLinearizability(versionedKeyModel, history(8)).kind, 'illegal');
  });

  test('an illegal history is told by what has an order and what cannot follow', () => {
    const verdict = checkLinearizability(registerModel, [
      call('a', 1, 2, write('x'), written),
      call('b', 3, 4, read, value(undefined)),
    ]);

    assert.equal(verdict.kind, 'illegal');
    if (verdict.kind !== 'illegal') return;
    assert.equal(
      verdict.text,
      [
        'k: 1 calls have an order, no call can come next',
        '  a [1, 2] write k = x',
        '  the state is then "x"; one of these has to be next:',
        '  b [3, 4] read k: nothing — impossible here',
      ].join('\n'),
    );
  });

  test('an answer before the call is refused', () => {
    assert.throws(() => checkLinearizability(registerModel, [call('a', 5, 4, read, value(undefined))]), RangeError);
  });
});

/** Compares the search with its twin on histories that a service has made, and on the same with a wrong answer. */
function agrees<State, Input, Output>(
  model: Model<State, Input, Output>,
  made: (chance: Chance) => History<Input, Output>,
  broken: (output: Output, chance: Chance) => Output,
): void {
  const kinds = { linearizable: 0, illegal: 0, undecided: 0 };
  for (let round = 0; round < 1500; round += 1) {
    const chance = new Chance(seed, `round ${round}`);
    const right = made(chance);
    const wrong = right.map((operation) =>
      operation.answer !== undefined && chance.oneIn(4)
        ? { ...operation, answer: { ...operation.answer, output: broken(operation.answer.output, chance) } }
        : operation,
    );
    for (const history of [right, wrong]) {
      const { kind } = checkLinearizability(model, history);
      kinds[kind] += 1;
      const expected = hasOrder(model, history) ? 'linearizable' : 'illegal';
      assert.equal(kind, expected, `SEED=${seed}, round ${round}: ${JSON.stringify(history)}`);
    }
    assert.equal(checkLinearizability(model, right).kind, 'linearizable', `SEED=${seed}, round ${round}`);
  }
  assert.ok(kinds.linearizable > 500 && kinds.illegal > 300, JSON.stringify(kinds));
}

describe('the search agrees with the definition', () => {
  const size = { calls: 6, clients: 4, silent: 20 } as const;

  test('on registers', () => {
    const input = (chance: Chance): RegisterInput => {
      if (chance.oneIn(2)) return read;
      if (chance.oneIn(2)) return write(chance.pick(['x', 'y']));
      return { kind: 'cas', key: 'k', from: chance.pick(['x', 'y']), to: chance.pick(['x', 'y']) };
    };
    const answer = (state: string | undefined, asked: RegisterInput): RegisterOutput => {
      if (asked.kind === 'read') return value(state);
      return asked.kind === 'write' ? written : { kind: 'swapped', isSwapped: state === asked.from };
    };
    agrees(
      registerModel,
      (chance) => madeHistory(registerModel, { ...size, chance, input, answer }),
      (output, chance): RegisterOutput => {
        if (output.kind === 'value') return value(chance.oneIn(3) ? undefined : chance.pick(['x', 'y']));
        return output.kind === 'swapped' ? { kind: 'swapped', isSwapped: !output.isSwapped } : output;
      },
    );
  });

  test('on counters', () => {
    agrees(
      counterModel,
      (chance) =>
        madeHistory(counterModel, {
          ...size,
          chance,
          input: () => (chance.oneIn(2) ? { kind: 'read' } : { kind: 'add', by: 1 }),
          answer: (state, asked) => (asked.kind === 'add' ? state + asked.by : state),
        }),
      (output, chance) => output + chance.pick([-1, 1]),
    );
  });

  test('on one key of the store', () => {
    agrees(
      versionedKeyModel,
      (chance) => madeHistory(versionedKeyModel, { ...size, chance, input: versionedInput, answer: versionedAnswer }),
      (output, chance) => ({ ...output, revision: Math.max(1, output.revision + chance.pick([-1, 1])) }),
    );
  });
});

function versionedInput(chance: Chance): VersionedInput {
  const key = 'k';
  const draw = chance.below(10);
  if (draw < 4) return { kind: 'read', key };
  if (draw < 7) return { kind: 'put', key, value: chance.pick(['x', 'y']) };
  if (draw < 8) return { kind: 'delete', key };
  return { kind: 'putIf', key, expected: chance.between(0, 4), value: 'z' };
}

function versionedAnswer(state: VersionedState, asked: VersionedInput): VersionedOutput {
  const { value: found, version, changedFrom: modRevision, reached } = state;
  const isThere = found !== undefined;
  switch (asked.kind) {
    case 'put':
      return { kind: 'put', revision: reached + 1 };
    case 'delete':
      return { kind: 'delete', deleted: isThere ? 1 : 0, revision: isThere ? reached + 1 : reached };
    case 'read':
      return { kind: 'read', revision: reached, found: isThere ? { value: found, version, modRevision } : undefined };
    case 'putIf': {
      const succeeded = (isThere ? modRevision : 0) === asked.expected;
      return { kind: 'putIf', succeeded, revision: succeeded ? reached + 1 : reached };
    }
  }
}

describe('size', () => {
  const plain = (calls: number, clients: number, silent: number): History<RegisterInput, RegisterOutput> => {
    let next = 0;
    return madeHistory(registerModel, {
      calls,
      clients,
      silent,
      chance: new Chance(seed, `plain ${calls} ${clients} ${silent}`),
      input: (chance): RegisterInput => {
        next += 1;
        return chance.oneIn(2) ? read : write(`${next}`);
      },
      answer: (state, asked) => (asked.kind === 'read' ? value(state) : written),
    });
  };
  const versioned = (calls: number, clients: number, silent: number): History<VersionedInput, VersionedOutput> => {
    const chance = new Chance(seed, `versioned ${calls} ${clients} ${silent}`);
    const [input, answer] = [versionedInput, versionedAnswer];
    return madeHistory(versionedKeyModel, { calls, clients, silent, chance, input, answer });
  };
  const decide = <State, Input, Output>(
    t: TestContext,
    model: Model<State, Input, Output>,
    history: History<Input, Output>,
  ): void => {
    const began = process.cpuUsage();
    const { kind, effort } = checkLinearizability(model, history);
    const { user, system } = process.cpuUsage(began);
    t.diagnostic(`${Math.round((user + system) / 1000)} ms, ${effort.steps} steps, ${effort.cached} kept`);
    assert.equal(kind, 'linearizable', `SEED=${seed}`);
  };
  for (const [calls, clients, silent] of [
    [1000, 10, 0],
    [5000, 10, 0],
    [5000, 10, 2],
    [2000, 30, 0],
  ] as const) {
    test(`one key of the store: ${calls} calls of ${clients} clients, ${silent} % without an answer`, (t) => {
      decide(t, versionedKeyModel, versioned(calls, clients, silent));
    });
  }
  for (const [calls, clients, silent] of [
    [1000, 10, 0],
    [1000, 10, 2],
    [2000, 5, 2],
  ] as const) {
    test(`a register without versions: ${calls} calls of ${clients} clients, ${silent} % without an answer`, (t) => {
      decide(t, registerModel, plain(calls, clients, silent));
    });
  }

  test('a wrong answer far into a long history is found', () => {
    const history = versioned(3000, 8, 1);
    const at = history.findLastIndex(({ answer }) => answer?.output.kind === 'read');
    const found = history[at];
    assert.ok(found?.answer !== undefined);
    const output = { kind: 'read', revision: found.answer.output.revision, found: undefined } as const;
    const other = { value: 'never written', version: 1, modRevision: 2 };
    const wrong = { ...found, answer: { ...found.answer, output: { ...output, found: other } } };

    assert.equal(checkLinearizability(versionedKeyModel, history.with(at, wrong)).kind, 'illegal');
  });

  test('a search that runs out of its budget says so, which is no success', () => {
    const verdict = checkLinearizability(registerModel, plain(500, 10, 0), { steps: 100, cached: 1000 });

    assert.equal(verdict.kind, 'undecided');
    if (verdict.kind === 'undecided') assert.match(verdict.text, /undecided after \d+ steps with \d+ states kept/);
  });
});

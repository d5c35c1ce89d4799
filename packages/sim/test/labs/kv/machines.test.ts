// The two stores alone, against their specifications, and the specifications against histories made by hand.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Chance } from '../../../src/chance.ts';
import { AppendMachine, type AppendRequest } from '../../../src/labs/kv/append-machine.ts';
import { type AppendInput, appendModel, appendModelOf } from '../../../src/labs/kv/append-model.ts';
import { decodeJson, encodeJson } from '../../../src/labs/kv/json-bytes.ts';
import { type Versioned, VersionedMachine, type VersionedRequest } from '../../../src/labs/kv/versioned-machine.ts';
import { type VersionedOutput, versionedModel, versionedModelOf } from '../../../src/labs/kv/versioned-model.ts';
import { checkLinearizability } from '../../../src/linearizability/checker.ts';
import type { History, Model, Operation } from '../../../src/linearizability/model.ts';
import { madeHistory } from '../../linearizability/made-history.ts';

const append = (value: string, number: number, client = 1): AppendRequest => ({
  kind: 'append',
  key: 'k',
  value,
  client,
  number,
});
const get: AppendRequest = { kind: 'get', key: 'k' };

function call<Input, Output>(
  began: number,
  at: number | undefined,
  input: Input,
  output: Output,
): Operation<Input, Output> {
  return { client: `c${began}`, input, began, answer: at === undefined ? undefined : { at, output } };
}

test('bytes give back what was put into them, whatever the language', () => {
  const value = { text: 'Ωλ\u{1f600} "quoted"', long: 'x'.repeat(20_000) };

  assert.deepEqual(decodeJson(encodeJson(value)), value);
});

describe("6.824's store", () => {
  test('a repeated append changes nothing and has the answer of the first', () => {
    const machine = new AppendMachine({ tellsBefore: true });

    machine.doOperation(append('a', 1));
    assert.deepEqual(machine.doOperation(append('b', 2)), { value: 'a' });
    assert.deepEqual(machine.doOperation(append('c', 1, 2)), { value: 'ab' });
    assert.deepEqual(machine.doOperation(append('b', 2)), { value: 'a' });

    assert.deepEqual(machine.doOperation(get), { value: 'abc' });
  });

  test('a copy that was restored from a snapshot knows what its clients have done', () => {
    const machine = new AppendMachine();
    machine.doOperation(append('a', 1));
    const copy = new AppendMachine();
    copy.restore(machine.snapshot());

    copy.doOperation(append('a', 1));

    assert.deepEqual(copy.doOperation(get), { value: 'a' });
  });
});

describe("6.5840's store", () => {
  test('a put is carried out only at its version', () => {
    const machine = new VersionedMachine();
    const put = (value: string, version: number) => machine.doOperation({ kind: 'put', key: 'k', value, version }).kind;

    assert.equal(put('a', 1), 'errNoKey');
    assert.equal(put('a', 0), 'ok');
    assert.equal(put('a', 0), 'errVersion');
    assert.equal(put('b', 1), 'ok');
    assert.deepEqual(machine.doOperation({ kind: 'get', key: 'k' }), { kind: 'value', value: 'b', version: 2 });
    assert.deepEqual(machine.doOperation({ kind: 'get', key: 'other' }), { kind: 'errNoKey' });
  });
});

describe('the specifications', () => {
  const appendOf = (value: string) => ({ kind: 'append', key: 'k', value }) as const;
  const read = { kind: 'get', key: 'k', value: '' } as const;

  for (const { title, seen, kind } of [
    { title: 'an append that is seen once', seen: 'ab', kind: 'linearizable' },
    { title: 'an append that is seen twice', seen: 'abb', kind: 'illegal' },
    { title: 'an append that is lost', seen: 'a', kind: 'illegal' },
    { title: 'appends out of order', seen: 'ba', kind: 'illegal' },
  ]) {
    test(`${title}: ${kind}`, () => {
      const history = [
        call(1, 2, appendOf('a'), { value: undefined }),
        call(3, 4, appendOf('b'), { value: undefined }),
        call(5, 6, read, { value: seen }),
      ];
      assert.equal(checkLinearizability(appendModel, history).kind, kind);
      assert.equal(checkLinearizability(appendModelOf(history), history).kind, kind, 'with what the history tells');
    });
  }

  const put = (value: string, version: number) => ({ kind: 'put', key: 'k', value, version }) as const;
  const value = (text: string, version: number): VersionedOutput => ({ kind: 'value', value: text, version });

  for (const { title, outcome, seen, kind } of [
    {
      title: 'a put that may have been carried out, and was',
      outcome: 'errMaybe',
      seen: value('b', 2),
      kind: 'linearizable',
    },
    {
      title: 'a put that may have been carried out, and was not',
      outcome: 'errMaybe',
      seen: value('c', 2),
      kind: 'linearizable',
    },
    { title: 'a put that was refused, and is seen', outcome: 'errVersion', seen: value('b', 2), kind: 'illegal' },
    { title: 'the right value at another version', outcome: 'ok', seen: value('b', 3), kind: 'illegal' },
    { title: 'a refusal without a reason', outcome: 'errVersion', seen: value('a', 1), kind: 'illegal' },
  ] as const) {
    test(`${title}: ${kind}`, () => {
      const history = [
        call<ReturnType<typeof put> | { kind: 'get'; key: string }, VersionedOutput>(1, 2, put('a', 0), { kind: 'ok' }),
        call(3, 10, put('b', 1), { kind: outcome }),
        ...(seen.kind === 'value' && seen.value === 'c' ? [call(3, 4, put('c', 1), { kind: 'ok' as const })] : []),
        call(11, 12, { kind: 'get', key: 'k' } as const, seen),
      ];
      assert.equal(checkLinearizability(versionedModel, history).kind, kind);
      assert.equal(checkLinearizability(versionedModelOf(history), history).kind, kind, 'with what the history tells');
    });
  }
});

describe('what the history tells changes no verdict', () => {
  const seed = Number(process.env.SEED ?? 1);
  const size = { calls: 8, clients: 4, silent: 10 } as const;
  const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

  function agree<State, Input, Output>(
    model: Model<State, Input, Output>,
    modelOf: (history: History<Input, Output>) => Model<State, Input, Output>,
    made: (chance: Chance) => History<Input, Output>,
    broken: (output: Output, chance: Chance) => Output,
  ): void {
    let illegal = 0;
    for (let round = 0; round < 1000; round += 1) {
      const chance = new Chance(seed, `round ${round}`);
      const right = made(chance);
      const wrong = right.map((one) =>
        one.answer !== undefined && chance.oneIn(4)
          ? { ...one, answer: { ...one.answer, output: broken(one.answer.output, chance) } }
          : one,
      );
      for (const history of [right, wrong]) {
        const { kind } = checkLinearizability(model, history);
        if (kind === 'illegal') illegal += 1;
        const guided = checkLinearizability(modelOf(history), history).kind;
        assert.equal(guided, kind, `SEED=${seed}, round ${round}: ${JSON.stringify(history)}`);
      }
    }
    assert.ok(illegal > 200, `${illegal} illegal histories`);
  }

  test('of appends', () => {
    const input = (chance: Chance): AppendInput => {
      const kind = chance.pick(['get', 'get', 'append', 'append', 'put'] as const);
      return { kind, key: 'k', value: kind === 'get' ? '' : chance.pick(letters) };
    };
    agree(
      appendModel,
      appendModelOf,
      (chance) =>
        madeHistory(appendModel, {
          ...size,
          chance,
          input,
          answer: (state, { kind }) => ({ value: kind === 'get' ? state : undefined }),
        }),
      ({ value }, chance) => ({ value: value === undefined ? undefined : `${value}${chance.pick(letters)}` }),
    );
  });

  test('of versions', () => {
    const input = (chance: Chance): VersionedRequest =>
      chance.oneIn(3)
        ? { kind: 'get', key: 'k' }
        : { kind: 'put', key: 'k', value: chance.pick(letters), version: chance.below(4) };
    const answer = ({ value, version }: Versioned, asked: VersionedRequest): VersionedOutput => {
      if (asked.kind === 'get') return version === 0 ? { kind: 'errNoKey' } : { kind: 'value', value, version };
      if (asked.version === version) return { kind: asked.value < 'd' ? 'errMaybe' : 'ok' };
      return { kind: version === 0 ? 'errNoKey' : asked.value < 'd' ? 'errMaybe' : 'errVersion' };
    };
    agree(
      versionedModel,
      versionedModelOf,
      (chance) => madeHistory(versionedModel, { ...size, chance, input, answer }),
      (output, chance) => {
        if (output.kind === 'value') return { ...output, value: chance.pick(letters) };
        return { kind: chance.pick(['ok', 'errVersion', 'errMaybe'] as const) };
      },
    );
  });
});

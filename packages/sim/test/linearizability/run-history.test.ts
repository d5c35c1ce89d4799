// The search for an order and the known log judge the same runs: both are content with a right one, and what the log shows
// to be a stale read, the search finds without knowing the log.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import type { KeyCall } from '../../src/key-history.ts';
import { checkLinearizability, type Verdict } from '../../src/linearizability/checker.ts';
import { versionedKeyModel } from '../../src/linearizability/models/versioned-key.ts';
import { mutantNamed } from '../../src/mutants.ts';
import type { Plan } from '../../src/plan.ts';
import { run, ViolationError } from '../../src/run.ts';

const size = { members: 3, seconds: 30 } as const;
const plan: Partial<Plan> = {
  clients: 8,
  thinkTicks: 12,
  watchers: 1,
  valueBytes: 0,
  faults: ['isolate', 'killProcess', 'heal'],
  faultEvery: 40,
  settings: { electionTicks: 20, heartbeatTicks: 2 },
};

function judge(calls: readonly KeyCall[]): Verdict {
  return checkLinearizability(versionedKeyModel, calls);
}

test('the calls of a run under faults have an order, and with one answer changed they have none', async (t) => {
  const { calls } = await run(1, { host: nodeHost, size, plan });

  const verdict = judge(calls);
  t.diagnostic(JSON.stringify(verdict.effort));
  assert.equal(verdict.kind, 'linearizable');
  assert.ok(calls.length > 100 && calls.some(({ answer }) => answer === undefined));

  const reads = calls.flatMap((call, at) =>
    call.answer?.output.kind === 'read' && call.answer.output.found ? [at] : [],
  );
  const at = reads[Math.floor(reads.length / 2)] ?? assert.fail('nobody has read anything');
  const call = calls[at] ?? assert.fail();
  const { answer } = call;
  assert.ok(answer?.output.kind === 'read' && answer.output.found !== undefined);
  const found = { ...answer.output.found, version: answer.output.found.version + 1 };
  const wrong = calls.with(at, { ...call, answer: { ...answer, output: { ...answer.output, found } } });
  const other = judge(wrong);
  assert.equal(other.kind, 'illegal');
});

test('a stale read that the known log shows has no order either', async (t) => {
  const { rules } = mutantNamed('readWithoutBarrier');
  for (let seed = 1; seed <= 30; seed += 1) {
    try {
      await run(seed, { host: nodeHost, size, plan, rules });
    } catch (error: unknown) {
      if (!(error instanceof ViolationError)) throw error;
      const [{ checker, text } = assert.fail()] = error.violations;
      if (checker !== 'KnownLogOracle') continue;
      const verdict = judge(error.report.calls);
      // What is stale by other keys alone is right as far as this key goes.
      if (verdict.kind === 'linearizable') continue;
      t.diagnostic(`seed ${seed}: ${text}; ${verdict.kind === 'illegal' ? verdict.text.split('\n')[0] : ''}`);
      assert.equal(verdict.kind, 'illegal');
      return;
    }
  }
  assert.fail('no seed has shown a stale read of one key');
});

// One run is its inputs: drawn twice it is the same, and its list drives it again. `SEED=n` takes another seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import { run } from '../src/run.ts';

const seed = Number(process.env.SEED ?? 3);
const size = { members: 3, seconds: 15 };

test('one seed is one run, to the last message', async () => {
  const first = await run(seed, { host: nodeHost, size });
  const second = await run(seed, { host: nodeHost, size });

  assert.equal(second.traceHash, first.traceHash);
  assert.notEqual((await run(seed + 1, { host: nodeHost, size })).traceHash, first.traceHash);
});

test('the inputs that a run leaves drive the same run again', async () => {
  const drawn = await run(seed, { host: nodeHost, size });
  const again = await run(seed, { host: nodeHost, size, inputs: drawn.inputs });

  assert.ok(drawn.inputs.length > 50, `${drawn.inputs.length} inputs`);
  assert.equal(again.traceHash, drawn.traceHash);
  assert.deepEqual(again.inputs, drawn.inputs);
});

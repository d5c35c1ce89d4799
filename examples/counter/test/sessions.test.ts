import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeAdd } from '../src/counter.ts';
import { type Call, CountersWithSessions } from '../src/sessions.ts';

test('each visit counts once, though answers are lost and the leader stops', { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-sessions-'));
  const counters = await CountersWithSessions.start(directory, [0, 0, 0]);
  t.after(async () => {
    await counters.stop();
    await rm(directory, { recursive: true });
  });
  let calls = 0;
  // Every third answer, for a while: a client whose rounds of retries had the same length as the losses would never get through.
  const losing: Call = async (to, request) => {
    const answer = await counters.call(to, request);
    calls += 1;
    if (calls <= 60 && calls % 3 === 0) throw new Error('the answer was lost on the way');
    return answer;
  };
  const client = await counters.connect('visitor', losing);
  t.after(() => client.close());
  const visit = encodeAdd({ name: 'visits', amount: 1 });
  const first = await Promise.all(Array.from({ length: 20 }, () => client.propose(visit)));

  const { id } = await counters.cluster.leader();
  const stopping = counters.cluster.stopReplica(id);
  const second = await Promise.all(Array.from({ length: 20 }, () => client.propose(visit)));
  await stopping;
  await counters.cluster.startReplica(id);

  assert.ok(calls >= 60, `${calls} calls, a third of the first 60 without an answer`);
  assert.deepEqual(
    [...first, ...second].sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, n) => n + 1),
  );
  const node = counters.cluster.node(id);
  assert.equal(await node.read('visits', { consistency: 'session', session: client.reads }), 40);
  await client.close();
});

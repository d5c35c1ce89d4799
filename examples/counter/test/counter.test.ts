import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stateMachineSuite } from '@kontiki/raft/contracts';
import { LocalCluster } from '../src/cluster.ts';
import { Counters, encodeAdd } from '../src/counter.ts';

stateMachineSuite({
  test,
  create: () => ({ fresh: () => new Counters(), drive: () => {}, dispose: () => {} }),
  commands: [1, 2, 3, 4].map((amount) => encodeAdd({ name: 'visits', amount })),
  whole: 'visits',
});

test('a count survives its leader, and all replicas at once', { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-counter-'));
  const visit = encodeAdd({ name: 'visits', amount: 1 });

  const cluster = await LocalCluster.start({
    cluster: 'counter',
    directory,
    ports: [0, 0, 0],
    machine: () => new Counters(),
  });
  t.after(async () => {
    await cluster.stop();
    await rm(directory, { recursive: true });
  });
  const results = await Promise.all(Array.from({ length: 50 }, () => cluster.propose(visit)));
  assert.deepEqual(
    results,
    Array.from({ length: 50 }, (_, n) => n + 1),
    'each result is the value right after that command',
  );

  const { id } = await cluster.leader();
  await cluster.stopReplica(id);
  assert.equal(await cluster.propose(visit), 51);
  await cluster.startReplica(id);
  assert.equal(await cluster.node(id).read('visits'), 51, 'the replica that came back reads what it missed');
  await cluster.stop();
  for (const replica of cluster.ids) await cluster.startReplica(replica);

  assert.equal(await (await cluster.leader()).read('visits'), 51);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalCluster } from '@kontiki/example-counter/cluster';
import { OutcomeUnknownError } from '@kontiki/raft';
import { stateMachineSuite } from '@kontiki/raft/contracts';
import { ConfigurationClient } from '../src/client.ts';
import { Configuration, encode } from '../src/configuration.ts';

stateMachineSuite({
  test,
  create: () => ({ fresh: () => new Configuration(), drive: () => {}, dispose: () => {} }),
  commands: ['a', 'b', 'c', 'd'].map((value) => encode({ kind: 'set', name: 'x', value })),
  whole: 'x',
});

test('test-and-set changes a value only from the version it names', { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-config-'));
  t.after(() => rm(directory, { recursive: true }));
  const cluster = await LocalCluster.start({
    cluster: 'config',
    directory,
    ports: [0, 0, 0],
    machine: () => new Configuration(),
  });
  const client = new ConfigurationClient(cluster);

  assert.deepEqual(await client.get('x'), { value: '', version: 0 });
  assert.equal(await client.set('x', 'one'), 1);
  assert.deepEqual(await client.testAndSet('x', 'two', 0), { kind: 'conflict', found: { value: 'one', version: 1 } });
  assert.deepEqual(await client.testAndSet('x', 'two', 1), { kind: 'set', version: 2 });
  assert.deepEqual(await client.get('x'), { value: 'two', version: 2 });

  const claims = ['s1', 's2', 's3', 's4', 's5'].map((server) => client.claim('primary', server));
  const { id } = await cluster.leader();
  await cluster.stopReplica(id);
  const winners = new Set(await Promise.all(claims));
  assert.equal(winners.size, 1, `one winner, although the leader left: ${[...winners].join(' ')}`);
  const [winner] = winners;
  assert.ok(winner !== undefined);
  assert.equal(await client.release('primary', winner), true);
  assert.equal(await client.release('primary', winner), false, 'it has nothing to release any more');
  assert.equal(await client.claim('primary', 's9'), 's9');
  await cluster.stop();
});

test('a claim whose outcome is unknown is asked again and never won twice', async () => {
  const machine = new Configuration();
  let index = 0;
  const apply = (command: Uint8Array) => {
    index += 1;
    const [outcome] = machine.apply([{ term: 1, index, command } as Parameters<typeof machine.apply>[0][number]]);
    assert.ok(outcome !== undefined);
    return outcome;
  };
  let failures = 1;
  const client = new ConfigurationClient({
    propose: (command) => {
      const outcome = apply(command);
      failures -= 1;
      return failures >= 0 ? Promise.reject(new OutcomeUnknownError('the leader left')) : Promise.resolve(outcome);
    },
    leader: () => Promise.resolve({ read: (name) => Promise.resolve(machine.query(name)) }),
  });

  assert.equal(await client.claim('primary', 's1'), 's1');
  assert.equal(await client.claim('primary', 's2'), 's1');
});

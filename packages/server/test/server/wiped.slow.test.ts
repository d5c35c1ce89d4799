// A founder whose disk is gone comes back under its old name and id: the others know its old disk by heart, and refuse.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/log.ts';
import { startServer } from '../../src/server.ts';
import { MemoryMachine, planCluster, recordingLogger } from './memory-server.ts';

test('a wiped member is refused under its old id by the others, and takes part in nothing', async () => {
  const configs = await planCluster(3);
  const [first, second, third] = configs;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const servers = await Promise.all(
    configs.map((config) => startServer(config, { logger: silentLogger, storage: new MemoryMachine().storage() })),
  );
  const [one, two] = servers;
  assert.ok(one !== undefined && two !== undefined);
  await servers[2]?.stop();

  const { logger, lines } = recordingLogger();
  const wiped = await startServer(third, { logger, storage: new MemoryMachine().storage() });
  try {
    const status = wiped.member.status();
    assert.deepEqual([status.leader, status.term, status.commit], [undefined, 0, 0]);
    const refusals = lines.filter(({ msg }) => msg === 'peer connection refused').map(({ reason }) => String(reason));
    assert.ok(
      refusals.some((reason) => /must be removed and added again under a new id/.test(reason)),
      refusals.join('\n'),
    );
    await one.member.linearize();
    assert.notEqual(one.member.status().leader, wiped.member.identity.memberId);
  } finally {
    await Promise.all([one, two, wiped].map((server) => server.stop()));
  }
});

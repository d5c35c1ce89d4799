// The dearest of the hostile clients against a whole server, in short: `npm run hostile -- --target server` plays all of them.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { HostileRun } from '../../grpc/test/hostile/round.ts';
import { attacks } from './hostile/attacks.ts';
import { etcdTarget } from './hostile/target.ts';

const patienceMs = 1500;
let run: HostileRun;

before(async () => {
  const limits = { stallMs: patienceMs, openingMs: patienceMs, blockMs: patienceMs };
  const keepalive = { intervalMs: patienceMs, timeoutMs: 2 * patienceMs };
  run = await HostileRun.start({ handshakeMs: patienceMs, limits, keepalive }, etcdTarget);
  await run.warm(300);
});
after(() => run.stop());

it('whoever asks for much side by side and takes nothing costs little, and an ordinary client is served', async () => {
  const dearest = attacks.filter(({ name }) => name.includes('16 times, windows') || name.includes('ranges of 16 MiB'));
  assert.equal(dearest.length, 2);

  const { name, grownMiB, calls, p99Ms, faults } = await run.play(dearest, 2, 1500);

  process.stdout.write(
    `# ${name}: +${grownMiB.toFixed(0)} MiB, ${calls} calls beside it, p99 ${p99Ms.toFixed(0)} ms\n`,
  );
  assert.deepEqual(faults, []);
});

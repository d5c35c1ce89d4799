// Hostile clients over real sockets, in short: `npm run hostile` plays each longer, with more connections, and prints a table.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attacks } from './hostile/attacks.ts';
import { HostileRun, type Row } from './hostile/round.ts';

const connections = 4;
/** Who waits is let wait so long. */
const patienceMs = 1500;
let run: HostileRun;
let aliveBefore = 0;

before(async () => {
  run = await HostileRun.start({
    handshakeMs: patienceMs,
    limits: { stallMs: patienceMs, openingMs: patienceMs, blockMs: patienceMs },
    keepalive: { intervalMs: patienceMs, timeoutMs: 2 * patienceMs },
  });
  say(await run.warm(500));
  aliveBefore = (await run.state()).aliveBytes;
});
after(() => run.stop());

function say({ name, grownMiB, calls, p99Ms, fates }: Row): void {
  const ends = Object.entries(fates).map(([fate, count]) => `${fate} × ${count}`);
  process.stdout.write(
    `# ${name}: +${grownMiB.toFixed(0)} MiB, ${calls} calls beside it, p99 ${p99Ms.toFixed(0)} ms, ${ends.join(', ')}\n`,
  );
}

for (const attack of attacks.filter(({ waits }) => !waits)) {
  test(`${attack.name}: ended, at little cost, and an ordinary client is served`, async () => {
    const row = await run.play([attack], connections, 500);
    say(row);

    assert.deepEqual(row.faults, []);
  });
}

test('all who wait, at once: ended, at little cost, and an ordinary client is served', async () => {
  const row = await run.play(
    attacks.filter(({ waits }) => waits),
    1,
    2 * patienceMs,
  );
  say(row);

  assert.deepEqual(row.faults, []);
});

test('when all is over, nothing of it is left', async () => {
  const grown = (await run.state()).aliveBytes - aliveBefore;

  assert.ok(grown < 20 * 2 ** 20, `${(grown / 2 ** 20).toFixed(1)} MiB more are alive`);
});

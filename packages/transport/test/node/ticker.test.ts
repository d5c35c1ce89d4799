import assert from 'node:assert/strict';
import { stat } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { NodeTicker } from '@kontiki/transport/node';

test('after a long turn, ticks are told before what is deferred runs', async () => {
  const ticker = new NodeTicker(1);
  let ticks = 0;
  const cancel = ticker.start((elapsed) => {
    ticks += elapsed;
  });
  const seen = await new Promise<number>((resolve) => {
    // From a callback of the disk or the network, what is deferred comes before the timers.
    stat('.', () => {
      ticker.defer(() => resolve(ticks));
      const end = performance.now() + 30;
      while (performance.now() < end);
    });
  });
  cancel();

  assert.ok(seen >= 29, `30 ticks have passed, ${seen} were told`);
});

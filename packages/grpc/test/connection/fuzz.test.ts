// Damaged sessions, in short: `npm run fuzz:grpc` plays them for as long as it is told to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playCalls, playRaw } from '../fuzz/in-memory.ts';
import { FuzzedServer } from '../fuzz/over-sockets.ts';
import { createRandom, seedOf } from '../random.ts';

const seed = seedOf(44487);
const sessions = 150;

test('whatever bytes come, nothing of ours fails, and when the connection is gone nothing is left', async () => {
  let ended = 0;
  for (let run = seed; run < seed + sessions; run++) {
    try {
      if (playRaw(createRandom(run))) ended += 1;
      if (await playCalls(createRandom(run))) ended += 1;
    } catch (error: unknown) {
      throw new Error(`SEED=${run}`, { cause: error });
    }
  }

  assert.ok(ended > sessions / 10 && ended < 2 * sessions, `${ended} were ended by an offence`);
});

test('over sockets as well', async () => {
  const server = new FuzzedServer();
  await server.start();
  try {
    for (let round = 0; round < 3; round++) await server.play(seed + round * 100);
  } finally {
    await server.close();
  }
});

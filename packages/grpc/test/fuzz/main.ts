// npm run fuzz:grpc -- [--minutes 10] [--seed N] [--sessions N]
// Sessions of clients, damaged at random, against connections in memory and over sockets, until time is up. Fails with the seed
// when something of the server throws, is left behind, or memory goes on growing.

import { amount, count, longCommand, seed as seedOf } from '../../../../scripts/long-command.ts';
import { aliveBytes } from '../memory.ts';
import { createRandom } from '../random.ts';
import { playCalls, playRaw } from './in-memory.ts';
import { FuzzedServer } from './over-sockets.ts';

const options = longCommand(
  'fuzz:grpc',
  'Sessions of clients, damaged at random, against the gRPC server in memory and over sockets, until time is up.',
)
  .option('--minutes <N>', 'how long', amount, 10)
  .option('--seed <N>', 'of the first session; by the clock if absent', seedOf)
  .option(
    '--sessions <N>',
    'only so many, in memory: to repeat one that failed, the seed it was told with, and 1',
    count,
  )
  .parse()
  .opts();
/** In memory, between two rounds over sockets. */
const sessionsPerRound = 200;
/** Code and tables are as warm as they get. */
const warmMs = 20_000;
const reportMs = 60_000;
const growthBytesMax = 4 * 2 ** 20;

const begun = Date.now();
let { seed = Date.now() % 1_000_000_000 } = options;
let [inMemory, overSockets, ended] = [0, 0, 0];
process.stdout.write(`seed ${seed}\n`);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

if (options.sessions !== undefined) {
  await play(options.sessions);
  process.stdout.write(`${inMemory} sessions, ${ended} ended by an offence, nothing is left of them\n`);
} else {
  await playFor(options.minutes * 60_000);
}

async function playFor(ms: number): Promise<void> {
  const server = new FuzzedServer();
  await server.start();
  let warm: number | undefined;
  let reportedAt = begun;
  while (Date.now() - begun < ms) {
    await play(sessionsPerRound);
    try {
      overSockets += await server.play(seed);
    } catch (error: unknown) {
      fail(error);
    }
    const now = Date.now();
    if (warm === undefined && now - begun >= Math.min(warmMs, ms / 4)) warm = report();
    if (now - reportedAt < reportMs) continue;
    reportedAt = now;
    report();
  }
  await server.close();
  const growth = report() - (warm ?? 0);
  process.stdout.write(
    `${inMemory} sessions in memory and ${overSockets} over sockets in ${((Date.now() - begun) / 60_000).toFixed(1)} minutes, ` +
      `${ended} ended by an offence, no failure; since the warm-up ${(growth / 1024).toFixed(0)} KiB more are alive\n`,
  );
  if (growth > growthBytesMax) fail(new Error('memory goes on growing'));
}

async function play(sessions: number): Promise<void> {
  for (let count = 0; count < sessions; count++, seed++) {
    try {
      if (playRaw(createRandom(seed))) ended += 1;
      if (await playCalls(createRandom(seed))) ended += 1;
    } catch (error: unknown) {
      fail(error);
    }
    inMemory += 2;
  }
}

function report(): number {
  const alive = aliveBytes();
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  process.stdout.write(
    `${((Date.now() - begun) / 1000).toFixed(0).padStart(5)} s  seed ${seed}  ${inMemory + overSockets} sessions  ` +
      `${mib(alive)} MiB alive, ${mib(process.memoryUsage().rss)} MiB resident\n`,
  );
  return alive;
}

function fail(error: unknown): never {
  process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.stdout.write(`FAILED at seed ${seed}. In memory, repeat: npm run fuzz:grpc -- --seed ${seed} --sessions 1\n`);
  process.exit(1);
}

// npm run membership -- [--short] [--seed N] [--keep]
// A cluster of real processes changes its members under concurrent writers: 1 -> 3 -> 5 -> 3, the leader among those who go; a
// dead member is replaced; a wiped one is refused under its old id. At the end no write may be lost or doubled, and at no time
// may writes have stopped for longer than an election takes. `--short` leaves out the way to five and back.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { longCommand, seed as seedOf } from '../../../../scripts/long-command.ts';
import { judge } from '../crash/judge.ts';
import { viewsOf } from '../crash/round.ts';
import { startWriters, type Writers } from '../crash/writers.ts';
import { gapsOf, type Step } from './gaps.ts';
import { Operator, type Seat } from './operator.ts';

const {
  short,
  seed = Date.now() % 1_000_000,
  keep,
} = longCommand(
  'membership',
  'A cluster of real processes changes its members under concurrent writers; looks for lost and doubled writes, and for pauses.',
)
  .option('--short', 'leaves out the way to five members and back')
  .option('--seed <N>', 'draws what the writers do; by the clock if absent', seedOf)
  .option('--keep', 'leaves data and logs behind even if all is well')
  .parse()
  .opts();
const writerCount = 8;
/** Writers go round, so that they are everywhere when somebody goes. */
const callsPerEndpoint = 20;
/** An election: its timeout of at most two seconds, a vote, and a client that finds the new leader. */
const gapMsMax = 5_000;
const folder = mkdtempSync(join(tmpdir(), 'kontiki-membership-'));
process.stdout.write(`seed ${seed}, data in ${folder}\n`);

const operator = new Operator(folder, seed);
const steps: Step[] = [];
const wrong: string[] = [];
let writers: Writers | undefined;
try {
  const first = await operator.seat('n1');
  await operator.start(first, `n1=${first.peerUrl}`, 'new');
  writers = startWriters(operator.endpoints, 1, writerCount, callsPerEndpoint);
  await play(first);
  await step('everybody writes on', () => sleep(1_000));
  await writers.stop();
  const views = await viewsOf(operator.members, 'once/1/');
  wrong.push(...judge(writers.records, views));
} catch (error: unknown) {
  wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  for (const { name, lines } of operator.members) wrong.push(`${name}: ${lines.slice(-8).join(`\n${name}: `)}`);
}
await writers?.stop();
await Promise.all(operator.members.map((member) => member.kill()));

const gaps = gapsOf(writers?.records ?? [], steps);
for (const { during, ms } of gaps) {
  process.stdout.write(
    `${during.padEnd(46)} longest gap of acknowledgements ${String(Math.round(ms)).padStart(5)} ms\n`,
  );
  if (ms > gapMsMax) wrong.push(`no write got through for ${Math.round(ms)} ms: ${during} (at most ${gapMsMax})`);
}
for (const sentence of wrong.slice(0, 20)) process.stdout.write(`VIOLATION ${sentence}\n`);
if (wrong.length > 0) {
  process.stdout.write(`FAILED (seed ${seed}); data and logs stay in ${folder}\n`);
  process.exit(1);
}
if (!keep) rmSync(folder, { recursive: true, force: true });
const longest = Math.max(...gaps.map(({ ms }) => ms));
process.stdout.write(
  `${steps.length} steps, ${writers?.acknowledged()} acknowledged writes, 0 lost, 0 doubled, hashes equal, ` +
    `longest gap ${Math.round(longest)} ms (seed ${seed})\n`,
);
process.exit(0);

async function play(first: Seat): Promise<void> {
  const seats = new Map([[first.name, first]]);
  const grow = async (name: string): Promise<void> => {
    const seat = await operator.seat(name);
    seats.set(name, seat);
    await step(`${name} joins`, () => operator.grow(seat));
  };
  for (const name of ['n2', 'n3']) await grow(name);
  if (!short) {
    for (const name of ['n4', 'n5']) await grow(name);
    const leader = await operator.leader();
    await step(`${leader}, which leads, is removed`, () => remove(leader));
    const successor = await operator.leader();
    const other = operator.members.find(({ name }) => name !== successor)?.name ?? fail('nobody is left');
    await step(`${other} is removed`, () => remove(other));
  }
  const victim = await operator.leader();
  const seat = seats.get(victim) ?? fail(`${victim} has no seat`);
  const id = await operator.idOf(victim);
  await step(`${victim}, which leads, is killed and its disk wiped`, async () => {
    await operator.leave(victim).kill();
    operator.wipe(seat);
  });
  await step(`${victim} is refused under its old id`, () => refused(seat));
  await step(`${victim} is removed and replaced`, async () => {
    await operator.insist('member', 'remove', id);
    await operator.grow(seat);
  });
  if ((await operator.idOf(victim)) === id) wrong.push(`${victim} was replaced under its old id ${id}`);
}

async function step(what: string, act: () => Promise<unknown>): Promise<void> {
  const fromMs = performance.now();
  steps.push({ what, fromMs });
  await act();
  process.stdout.write(`${((performance.now() - fromMs) / 1000).toFixed(1).padStart(5)} s  ${what}\n`);
  // What the change has left to do falls into its own step.
  await sleep(1_000);
}

/** Removed members end by themselves, in etcd's words and with its exit code. */
async function remove(name: string): Promise<void> {
  const id = await operator.idOf(name);
  const gone = operator.leave(name);
  await operator.insist('member', 'remove', id);
  const code = await Promise.race([gone.ended(), sleep(20_000).then(() => 'none')]);
  if (code !== 0) wrong.push(`${name} was removed and ended with ${code}:\n${gone.lines.slice(-5).join('\n')}`);
  if (!gone.lines.some((line) => line.includes('the member has been permanently removed from the cluster'))) {
    wrong.push(`${name} was removed and did not say so:\n${gone.lines.slice(-5).join('\n')}`);
  }
}

/** A wiped disk does not come back as the member whose votes it has forgotten (§5.2). */
async function refused(seat: Seat): Promise<void> {
  const urls = (await operator.list()).map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const outcome = await operator.start(seat, urls, 'existing').then(
    () => 'it started',
    (error: unknown) => String(error),
  );
  operator.leave(seat.name);
  if (!outcome.includes('has already been bootstrapped'))
    wrong.push(`a wiped ${seat.name} was not refused: ${outcome}`);
}

function fail(reason: string): never {
  throw new Error(reason);
}

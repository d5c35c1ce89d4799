// npm run crash -- [--rounds 50] [--seed N] [--without-fdatasync] [--keep]
// Three processes under concurrent writers; each round takes one, two or all of them away at a random moment and looks for
// lost and doubled writes. Half of the rounds run on storage whose unsynced bytes die with the process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, longCommand, seed as seedOf } from '../../../../scripts/long-command.ts';
import { createCluster } from './cluster.ts';
import type { WriteRecord } from './record.ts';
import { acknowledgedAtLeast, lookAtAll, playRound, type RoundResult } from './round.ts';
import { type Round, scheduleOf } from './schedule.ts';

const {
  rounds,
  seed = Date.now() % 1_000_000,
  withoutFdatasync,
  keep,
} = longCommand(
  'crash',
  'Three processes under concurrent writers; each round takes one, two or all of them away at a random moment and looks for lost and doubled writes.',
)
  .option('--rounds <N>', 'how many', count, 50)
  .option('--seed <N>', 'draws the rounds; by the clock if absent', seedOf)
  .option('--without-fdatasync', 'on storage that says "synced" and is not: such a run must fail')
  .option('--keep', 'leaves data and logs behind even if all is well')
  .parse()
  .opts();
/** From so many rounds on, some blows must have fallen while a snapshot was on its way. */
const longRun = 40;
const folder = mkdtempSync(join(tmpdir(), 'kontiki-crash-'));
process.stdout.write(`seed ${seed}, ${rounds} rounds, data in ${folder}\n`);

const members = await createCluster(folder, seed);
const records: WriteRecord[] = [];
let failed = false;
let acknowledged = 0;
let hits = 0;
try {
  for (let number = 1; number <= rounds && !failed; number++) {
    const round = scheduleOf(seed, number);
    const storage = withoutFdatasync ? 'withoutFdatasync' : round.storage;
    const result = await playRound(members, round, storage, records);
    acknowledged += result.acknowledged;
    hits += result.hitSnapshot ? 1 : 0;
    process.stdout.write(`${line(round, storage, result)}\n`);
    for (const violation of result.violations.slice(0, 20)) process.stdout.write(`  VIOLATION ${violation}\n`);
    failed = result.violations.length > 0;
  }
  if (!failed) {
    const violations = await lookAtAll(members, records);
    for (const violation of violations.slice(0, 20)) process.stdout.write(`  VIOLATION at the end: ${violation}\n`);
    failed = violations.length > 0;
  }
} catch (error: unknown) {
  failed = true;
  process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
await Promise.all(members.map((member) => member.kill()));
const begun = members.reduce((sum, { snapshots }) => sum + snapshots.begun, 0);
process.stdout.write(
  `${begun} snapshots went from member to member; ${hits} blows fell within milliseconds of the begin of one\n`,
);
if (!failed && rounds >= longRun && hits === 0) {
  process.stdout.write('no blow has hit a snapshot: this run proves nothing about them\n');
  failed = true;
}
if (failed) {
  process.stdout.write(
    `FAILED. Repeat: npm run crash -- --rounds ${rounds} --seed ${seed}; data and logs stay in ${folder}\n`,
  );
  process.exit(1);
}
if (!keep) rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  `${rounds} rounds, ${acknowledged} acknowledged writes, 0 lost, 0 doubled, hashes equal (seed ${seed})\n`,
);
process.exit(0);

function line(round: Round, storage: string, result: RoundResult): string {
  const away = result.unavailableMs === undefined ? '' : `, away ${Math.round(result.unavailableMs)} ms`;
  const what = round.blow.kind === 'stopOne' ? `stopOne ${round.blow.forMs} ms` : round.blow.kind;
  return (
    `round ${String(round.number).padStart(3)}  ${storage.padEnd(9)} ${what.padEnd(16)} ${result.victims.join(',').padEnd(9)}` +
    `${String(result.acknowledged).padStart(6)} acknowledged (at least ${acknowledgedAtLeast}), ${result.unknown} unknown${away}${result.hitSnapshot ? ', and again on a snapshot' : ''}`
  );
}

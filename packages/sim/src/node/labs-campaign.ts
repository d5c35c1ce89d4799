// Many seeds of the labs on all cores, an hour and more of them: what fails is told at once and again at the end, and nothing
// that fails keeps the others from being played.

import type { SettingName } from '../labs/settings.ts';
import type { LabTest } from '../labs/suite.ts';
import { type Print, stopwatch } from './command-line.ts';
import type { Pool } from './pool.ts';

export interface Case {
  readonly test: LabTest;
  readonly setting: SettingName;
}

export interface Seeds {
  readonly from: number;
  readonly seeds: number;
}

/** Seeds that one worker plays before it answers. */
const seedsAtOnce = 10;
/** Ten runs take seconds: whoever has not answered by then never will. */
const secondsMax = 600;
/** How often the output tells how far it is, of the whole. */
const reports = 20;

type Players = Pick<Pool, 'playLab' | 'size'>;

/** Answers the exit code: 1 when anything failed. */
export async function campaign(
  cases: readonly Case[],
  { from, seeds }: Seeds,
  pool: Players,
  print: Print,
  progress: Print,
): Promise<number> {
  const seconds = stopwatch();
  const seedsOf = ({ test }: Case): number => (test.isSeedless === true ? 1 : seeds);
  const all = cases.reduce((sum, one) => sum + seedsOf(one), 0);
  const failures: string[] = [];
  let done = 0;
  let reported = 0;
  let virtualMs = 0;
  const report = (): string => {
    const left = (seconds() / done) * (all - done);
    const estimate = done < all ? `, ${minutes(left)} left` : '';
    return `${done} of ${all} runs, ${failures.length} failed, ${minutes(seconds())}${estimate}`;
  };
  print(`${cases.length} tests and settings, ${seeds} seeds each from ${from}, ${pool.size} workers`);
  const play = async (one: Case, first: number, count: number): Promise<void> => {
    const played = await playBatch(one, first, count, pool);
    done += count;
    virtualMs += played.virtualMs;
    for (const failure of played.failures) {
      progress('');
      failures.push(printFailure(one, failure, print));
    }
    progress(report());
    if (done * reports < all * (reported + 1)) return;
    reported = Math.floor((done * reports) / all);
    progress('');
    print(report());
  };
  const jobs: Promise<void>[] = [];
  for (let first = from; first < from + seeds; first += seedsAtOnce) {
    for (const one of cases) {
      const count = Math.min(seedsAtOnce, from + seedsOf(one) - first);
      if (count > 0) jobs.push(play(one, first, count));
    }
  }
  await Promise.all(jobs);
  progress('');
  if (failures.length > 0) print(`failed, each to be repeated alone:\n${failures.join('\n')}`);
  const speed = (virtualMs / 1000 / seconds()).toFixed(0);
  print(`${all} runs in ${seconds().toFixed(0)} s, ${speed} × real time: ${verdictOf(failures.length)}`);
  return failures.length > 0 ? 1 : 0;
}

interface Batch {
  readonly failures: readonly Failure[];
  readonly virtualMs: number;
}

/** What a run failed with; of a worker that broke or does not answer, all that it had to play. */
interface Failure {
  readonly seed: number;
  readonly seeds?: number;
  readonly text: string;
}

async function playBatch({ test, setting }: Case, from: number, seeds: number, pool: Players): Promise<Batch> {
  try {
    return await pool.playLab({ kind: 'lab', test: test.name, setting, from, seeds }, secondsMax);
  } catch (error: unknown) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { failures: [{ seed: from, seeds, text }], virtualMs: 0 };
  }
}

/** Answers the command that repeats it. */
export function printFailure({ test, setting }: Case, { seed, seeds = 1, text }: Failure, print: Print): string {
  const which = seeds === 1 ? `--seed ${seed}` : `--repeat ${seeds} --from ${seed}`;
  const again = `npm run labs -- --only ${test.name} --setting ${setting} ${which}`;
  print(`${test.name} (${setting}) seed ${seed} FAILS: ${text}`);
  print(`  repeat it: ${again}`);
  return again;
}

export function verdictOf(failed: number): string {
  return failed === 0 ? 'all passed' : `${failed} FAILED`;
}

function minutes(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

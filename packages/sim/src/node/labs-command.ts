// `npm run labs`: every test of the lectures' labs in each setting, and the labs' own table; or many seeds of them on all cores.
// The exit code says whether all passed: 1 when a test failed, 2 when the question was wrong.

import { parseArgs } from 'node:util';
import type { Numbers } from '../labs/raft-lab.ts';
import { type SettingName, settingNamed, settingNames } from '../labs/settings.ts';
import { type LabTest, labTestsNamed } from '../labs/suite.ts';
import { allLabTests } from './lab-tests.ts';
import { Pool } from './pool.ts';
import type { Print } from './sim-command.ts';

const usage = `usage: npm run labs -- [--only TEST]… [--setting paper|product|hard]… [--seed S] [--workers W]
       npm run labs -- --repeat N […]   N seeds of each, from S on; prints what fails
       npm run labs -- --list
`;
/** Seeds that one worker plays before it answers. */
const seedsAtOnce = 10;

interface Settings {
  readonly tests: readonly LabTest[];
  readonly settings: readonly SettingName[];
  readonly seed: number;
  readonly repeat: number | undefined;
  readonly workers: number | undefined;
}

interface Case {
  readonly test: LabTest;
  readonly setting: SettingName;
}

export async function labsCommand(args: readonly string[], print: Print, progress: Print): Promise<number> {
  let settings: Settings;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true, default: [] },
        setting: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string', default: '1' },
        repeat: { type: 'string' },
        workers: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      print(usage);
      for (const name of settingNames) print(`${name.padEnd(8)} ${settingNamed(name).about}`);
      return 0;
    }
    settings = {
      tests: labTestsNamed(values.only, allLabTests),
      settings: settingsNamed(values.setting),
      seed: whole('seed', values.seed, 0),
      repeat: values.repeat === undefined ? undefined : whole('repeat', values.repeat, 1),
      workers: values.workers === undefined ? undefined : whole('workers', values.workers, 1),
    };
    if (values.list) {
      for (const { name, title, part, network } of settings.tests) {
        const parts = [part.mit6824, part.mit65840].map((one) => (one ?? '').padEnd(9)).join('');
        print(`${name.padEnd(nameWidth)} ${parts} ${network.padEnd(11)} ${title}`);
      }
      return 0;
    }
  } catch (error: unknown) {
    print(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const cases = settings.tests.flatMap((test) =>
    settings.settings.filter((setting) => test.settings.includes(setting)).map((setting) => ({ test, setting })),
  );
  const pool = new Pool(settings.workers);
  try {
    const { repeat } = settings;
    return repeat === undefined
      ? await table(cases, settings.seed, pool, print)
      : await campaign(cases, settings.seed, repeat, pool, print, progress);
  } finally {
    await pool.close();
  }
}

async function table(cases: readonly Case[], seed: number, pool: Pool, print: Print): Promise<number> {
  const seconds = stopwatch();
  let failed = 0;
  print(headLine);
  const rows = cases.map(({ test, setting }) => {
    const row = pool.playLab({ kind: 'lab', test: test.name, setting, from: seed, seeds: 1 });
    // Awaited in their order, below; until then nobody listens.
    row.catch(() => {});
    return row;
  });
  for (const [at, { test, setting }] of cases.entries()) {
    const row = await rows[at];
    const [failure] = row?.failures ?? [];
    if (failure === undefined) print(lineOf(test, setting, row?.numbers, row?.realMs ?? 0));
    else {
      failed += 1;
      printFailure({ test, setting }, failure, print);
    }
  }
  print(
    `${cases.length} runs of ${new Set(cases.map(({ test }) => test)).size} tests in ${seconds().toFixed(1)} s: ${verdictOf(failed)}`,
  );
  return failed > 0 ? 1 : 0;
}

async function campaign(
  cases: readonly Case[],
  from: number,
  seeds: number,
  pool: Pool,
  print: Print,
  progress: Print,
): Promise<number> {
  const seconds = stopwatch();
  const seedsOf = ({ test }: Case): number => (test.isSeedless === true ? 1 : seeds);
  const all = cases.reduce((sum, one) => sum + seedsOf(one), 0);
  let done = 0;
  let failed = 0;
  let virtualMs = 0;
  let tenths = 0;
  print(`${cases.length} tests and settings, ${seeds} seeds each from ${from}, ${pool.size} workers`);
  const play = async ({ test, setting }: Case, first: number, count: number): Promise<void> => {
    const played = await pool.playLab({ kind: 'lab', test: test.name, setting, from: first, seeds: count });
    done += count;
    failed += played.failures.length;
    virtualMs += played.virtualMs;
    for (const failure of played.failures) {
      progress('');
      printFailure({ test, setting }, failure, print);
    }
    progress(`${done} of ${all} runs, ${failed} failed, ${seconds().toFixed(0)} s`);
    for (; done * 10 >= all * (tenths + 1); tenths++) {
      progress('');
      print(`${done} of ${all} runs in ${seconds().toFixed(0)} s, ${failed} failed`);
    }
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
  print(
    `${all} runs in ${seconds().toFixed(0)} s, ${(virtualMs / 1000 / seconds()).toFixed(0)} × real time: ${verdictOf(failed)}`,
  );
  return failed > 0 ? 1 : 0;
}

function verdictOf(failed: number): string {
  return failed === 0 ? 'all passed' : `${failed} FAILED`;
}

function printFailure(
  { test, setting }: Case,
  { seed, text }: { readonly seed: number; readonly text: string },
  print: Print,
): void {
  print(`${test.name} (${setting}) seed ${seed} FAILS: ${text}`);
  print(`  repeat it: npm run labs -- --only ${test.name} --setting ${setting} --seed ${seed}`);
}

const nameWidth = Math.max(...allLabTests.map(({ name }) => name.length));
const headLine = `${'test'.padEnd(nameWidth)} setting  virtual s  real s  peers    RPCs      bytes  commands`;

function lineOf({ name }: LabTest, setting: SettingName, numbers: Numbers | undefined, realMs: number): string {
  if (numbers === undefined) return name;
  const { virtualMs, peers, rpcs, bytes, commands } = numbers;
  return [
    name.padEnd(nameWidth),
    setting.padEnd(8),
    (virtualMs / 1000).toFixed(1).padStart(9),
    (realMs / 1000).toFixed(2).padStart(7),
    String(peers).padStart(6),
    String(rpcs).padStart(7),
    String(bytes).padStart(10),
    String(commands).padStart(9),
  ].join(' ');
}

function settingsNamed(names: readonly string[]): readonly SettingName[] {
  const found = settingNames.filter((name) => names.includes(name));
  const unknown = names.find((name) => !settingNames.some((setting) => setting === name));
  if (unknown !== undefined)
    throw new RangeError(`there is no setting ${unknown}; there are ${settingNames.join(', ')}`);
  return found.length === 0 ? settingNames : found;
}

function stopwatch(): () => number {
  const begun = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - begun) / 1e9;
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`--${name} is a whole number from ${least} on`);
  return value;
}

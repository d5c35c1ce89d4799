// `npm run labs`: every test of the lectures' labs in each setting, and the labs' own table; or many seeds of them on all cores.
// The exit code says whether all passed: 1 when a test failed, 2 when the question was wrong.

import { parseArgs } from 'node:util';
import type { Numbers } from '../labs/raft-lab.ts';
import { type SettingName, settingNamed, settingNames } from '../labs/settings.ts';
import { type LabTest, labTestsNamed } from '../labs/suite.ts';
import { type Print, stopwatch, whole } from './command-line.ts';
import { allLabTests } from './lab-tests.ts';
import { type Case, campaign, printFailure, verdictOf } from './labs-campaign.ts';
import { Pool } from './pool.ts';

const usage = `usage: npm run labs -- [--only TEST]… [--setting paper|product|hard]… [--seed S] [--workers W]
       npm run labs -- --repeat N [--from F] […]   N seeds of each, from F on; prints what fails
       npm run labs -- --list
`;
interface Settings {
  readonly tests: readonly LabTest[];
  readonly settings: readonly SettingName[];
  readonly seed: number;
  readonly repeat: number | undefined;
  readonly workers: number | undefined;
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
        from: { type: 'string' },
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
      seed: values.from === undefined ? whole('seed', values.seed, 0) : whole('from', values.from, 0),
      repeat: values.repeat === undefined ? undefined : whole('repeat', values.repeat, 1),
      workers: values.workers === undefined ? undefined : whole('workers', values.workers, 1),
    };
    if (values.from !== undefined && values.repeat === undefined)
      throw new RangeError('--from says where --repeat begins; one run again is --seed');
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
      : await campaign(cases, { from: settings.seed, seeds: repeat }, pool, print, progress);
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

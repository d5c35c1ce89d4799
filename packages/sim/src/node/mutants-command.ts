// `npm run mutants`: every known bug, one at a time, against the default swarm, of clusters or of sessions. No schedule is
// written for any of them: seeds are tried in order until one of the checkers that the mutant names has seen it.

import { parseArgs } from 'node:util';
import { type Mutant, mutantNamed, mutants } from '../mutants.ts';
import { type Size, usualSize } from '../plan.ts';
import { type Print, stopwatch } from './command-line.ts';
import { type Finding, Hunt, nextHunt } from './hunt.ts';
import { Pool } from './pool.ts';

const usage =
  'usage: npm run mutants -- [--only NAME] [--seeds-max 2000] [--from S] [--members 5] [--seconds 60] [--workers N]\n';
/** A bug may make a run go round for ever. */
const secondsMax = 300;
const slowestShown = 5;

interface Settings {
  readonly chosen: readonly Mutant[];
  readonly seedsMax: number;
  readonly from: number;
  readonly size: Size;
  readonly workers: number | undefined;
}

/** Exit code 1 when a mutant lives. */
export async function mutantsCommand(args: readonly string[], print: Print, progress: Print): Promise<number> {
  let settings: Settings;
  try {
    settings = settingsOf(args);
  } catch (error: unknown) {
    print(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const seconds = stopwatch();
  const pool = new Pool(settings.workers);
  try {
    const { chosen, seedsMax } = settings;
    const hunts = chosen.map((mutant) => new Hunt(mutant, seedsMax));
    const findings: Finding[] = [];
    const tell = (found: Finding): void => {
      findings.push(found);
      progress('');
      print(rowOf(found));
    };
    print(`${chosen.length} mutants, up to ${seedsMax} seeds each from ${settings.from}, ${pool.size} workers`);
    print(`${'mutant'.padEnd(34)} ${'package'.padEnd(9)} seeds seconds  checker`);
    await Promise.all(Array.from({ length: pool.size }, () => work(hunts, pool, settings, tell, progress)));
    progress('');
    for (const line of summary(findings, seconds())) print(line);
    return findings.some(({ seen }) => seen === undefined) ? 1 : 0;
  } finally {
    await pool.close();
  }
}

/** What one worker does, until no seed is left that nobody has taken. */
async function work(
  hunts: readonly Hunt[],
  pool: Pool,
  { from, size }: Settings,
  tell: (found: Finding) => void,
  progress: Print,
): Promise<void> {
  for (let hunt = nextHunt(hunts); hunt !== undefined; hunt = nextHunt(hunts)) {
    const { mutant } = hunt;
    const at = hunt.take();
    progress(`${mutant.name}: seed ${from + at}`);
    const taken = stopwatch();
    let found: Finding | undefined;
    try {
      const seed = from + at;
      const { name } = mutant;
      const { violations } = await (mutant.swarm === 'sessions'
        ? pool.playSessions(seed, name, secondsMax)
        : pool.play({ kind: 'seed', seed, size, mutant: name }, secondsMax));
      found = hunt.tried(at, { violations, seconds: taken() });
    } catch (error: unknown) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      found = hunt.failed(at, `seed ${from + at}: ${reason}`, taken());
    }
    if (found !== undefined) tell(found);
  }
}

function settingsOf(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      'seeds-max': { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      members: { type: 'string', default: String(usualSize.members) },
      seconds: { type: 'string', default: String(usualSize.seconds) },
      workers: { type: 'string' },
    },
  });
  return {
    chosen: values.only?.map(mutantNamed) ?? mutants,
    seedsMax: Number(values['seeds-max']),
    from: Number(values.from),
    size: { members: Number(values.members), seconds: Number(values.seconds) },
    workers: values.workers === undefined ? undefined : Number(values.workers),
  };
}

function rowOf({ mutant, seeds, seconds, seen }: Finding): string {
  const line = seen?.text.split('\n')[0]?.slice(0, 110) ?? '';
  const name = `${mutant.name.padEnd(34)} ${mutant.package.padEnd(9)}`;
  return `${name} ${String(seeds).padStart(5)} ${seconds.toFixed(1).padStart(7)}  ${(seen?.checker ?? 'ALIVE').padEnd(26)} ${line}`;
}

function summary(findings: readonly Finding[], seconds: number): readonly string[] {
  const alive = findings.filter(({ seen }) => seen === undefined);
  const slowest = findings.filter(({ seen }) => seen !== undefined).toSorted((a, b) => b.seeds - a.seeds);
  const bySeeds = slowest.slice(0, slowestShown).map(({ mutant, seeds }) => `${mutant.name} ${seeds}`);
  return [
    `${findings.length - alive.length} of ${findings.length} mutants caught in ${seconds.toFixed(0)} s`,
    ...(bySeeds.length === 0 ? [] : [`most seeds: ${bySeeds.join(', ')}`]),
    ...alive.map(({ mutant, seeds, others }) => {
      const seenByOthers = [...others].slice(0, slowestShown).join(', ') || 'nobody';
      return `ALIVE after ${seeds} seeds: ${mutant.name} (${mutant.package}): ${mutant.about} Seen by others: ${seenByOthers}`;
    }),
  ];
}

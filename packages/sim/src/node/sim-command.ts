// `npm run sim`: many seeds on all cores, what they add up to, and of those that fail the command that repeats them and a
// small story. The exit code says whether all is well: 1 when a checker has found something, 3 when the canary lives.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectedMarks, unreachable } from '../marks.ts';
import { mutantNamed } from '../mutants.ts';
import { type Size, ticksPerSecond, usualSize } from '../plan.ts';
import type { PlantedFault } from '../planted.ts';
import { run, ViolationError } from '../run.ts';
import { parseStory, printStory, type RunStory } from '../run-story.ts';
import { type SeedResult, Tally } from '../swarm.ts';
import { type Print, stopwatch, whole } from './command-line.ts';
import { nodeHost } from './node-host.ts';
import { type Played, Pool } from './pool.ts';
import { playSessions, shareOut } from './session-seeds.ts';
import { programVersion } from './version.ts';

const usage = `usage: npm run sim -- [--seeds N] [--from S] [--members 5] [--seconds 60] [--workers N] [--hash]
                      [--save DIR] [--shrink-runs 300] [--mutant NAME] [--canary] [--trace]
       npm run sim -- --story FILE [--trace]
`;
/** A run that must fail, in every campaign: without it, silence could mean that nobody listens. */
const canary: { readonly seed: number; readonly planted: readonly PlantedFault[]; readonly size: Size } = {
  seed: 0,
  planted: ['watchSkipsARevision'],
  size: { members: 3, seconds: 20 },
};
const shrunkMax = 3;
/** Fewer runs than this have not had the time to reach every corner: which they missed says little. */
const marksFrom = 100;

interface Settings {
  readonly seeds: number;
  readonly from: number;
  readonly size: Size;
  readonly workers: number | undefined;
  readonly save: string;
  readonly shrinkRuns: number;
  readonly mutant: string | undefined;
  readonly hash: boolean;
  readonly canary: boolean;
  readonly trace: boolean;
}

export async function simCommand(args: readonly string[], print: Print, progress: Print): Promise<number> {
  let settings: Settings;
  let storyFile: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '100' },
        from: { type: 'string', default: '1' },
        members: { type: 'string', default: String(usualSize.members) },
        seconds: { type: 'string', default: String(usualSize.seconds) },
        workers: { type: 'string' },
        save: { type: 'string', default: '.kontiki/sim' },
        'shrink-runs': { type: 'string', default: '300' },
        mutant: { type: 'string' },
        story: { type: 'string' },
        hash: { type: 'boolean', default: false },
        canary: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
      },
    });
    storyFile = values.story;
    settings = {
      seeds: whole('seeds', values.seeds, 1),
      from: whole('from', values.from, 0),
      size: { members: whole('members', values.members, 3), seconds: whole('seconds', values.seconds, 1) },
      workers: values.workers === undefined ? undefined : whole('workers', values.workers, 1),
      save: values.save,
      shrinkRuns: whole('shrink-runs', values['shrink-runs'], 0),
      mutant: values.mutant === undefined ? undefined : mutantNamed(values.mutant).name,
      hash: values.hash,
      canary: values.canary,
      trace: values.trace,
    };
  } catch (error: unknown) {
    print(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  if (storyFile !== undefined) return await playAgain(storyFile, settings.trace, print);
  if (settings.trace) return await playOne(settings, print);
  return await campaign(settings, print, progress);
}

async function campaign(settings: Settings, print: Print, progress: Print): Promise<number> {
  const { from, size, mutant } = settings;
  const { ofCluster: seeds, ofSessions } = shareOut(settings.seeds, mutant);
  const pool = new Pool(settings.workers);
  const tally = new Tally(size);
  const seconds = stopwatch();
  const stories = new Map<number, RunStory>();
  try {
    print(
      `${seeds} seeds from ${from}, ${size.members} members, ${size.seconds} virtual seconds each, ${pool.size} workers`,
    );
    const planted = settings.canary ? canary.planted : [];
    const canaryRun = pool.play({ kind: 'seed', ...canary });
    let broken = 0;
    const play = async (seed: number): Promise<void> => {
      const job = { kind: 'seed', seed, size, planted, ...(mutant === undefined ? {} : { mutant }) } as const;
      const played = await pool.play(job).catch((error: unknown) => {
        // A run that throws has shown nothing about its seed; the others go on.
        broken += 1;
        progress('');
        print(`seed ${seed} BREAKS: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        print(`  repeat it: ${repeatCommand(seed, settings)}`);
      });
      if (played === undefined) return;
      const result: SeedResult = { seed, report: played.report, violations: played.violations };
      tally.add(result);
      const [first] = played.violations;
      if (first !== undefined) {
        progress('');
        stories.set(seed, storyOf(played, settings, planted));
        print(`seed ${seed} FAILS: ${first.checker}: ${first.text}`);
        print(`  repeat it: ${repeatCommand(seed, settings)}`);
      }
      progress(`${tally.runs} of ${seeds} seeds, ${tally.failures.length} failed, ${seconds().toFixed(0)} s`);
    };
    const sessions = playSessions({ from, seeds: ofSessions, mutant }, pool, (line) => {
      progress('');
      print(line);
    });
    await Promise.all(Array.from({ length: seeds }, (_, at) => play(from + at)));
    const sessionsFailed = await sessions;
    progress('');
    const elapsed = seconds();
    for (const line of summary(tally, elapsed, settings)) print(line);
    const [sang] = (await canaryRun).violations;
    print(sang === undefined ? 'canary: FOUND NOTHING' : `canary: fails as it must (${sang.checker})`);
    await saveStories(stories, settings, pool, print);
    if (tally.failures.length + sessionsFailed + broken > 0) return 1;
    return sang === undefined ? 3 : 0;
  } finally {
    await pool.close();
  }
}

function summary(tally: Tally, elapsed: number, { hash }: Settings): readonly string[] {
  const { counts, faults, idle, missed, failures, surprises } = tally;
  const virtual = tally.ticks / ticksPerSecond;
  const byKind = Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1));
  const rate = (tally.runs / elapsed).toFixed(2);
  return [
    `${tally.runs} seeds in ${elapsed.toFixed(0)} s: ${rate} seeds/s, ${(virtual / elapsed).toFixed(0)} × real time, ${failures.length} failed`,
    `operations: ${counts.acknowledged ?? 0} acknowledged, ${counts.unknown ?? 0} unknown, ${counts.failed ?? 0} refused; ` +
      `${counts.watched ?? 0} events watched`,
    `faults: ${counts.faults ?? 0}: ${byKind.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    `marks: ${tally.marksReached} of ${expectedMarks.length} reached, ${Object.keys(unreachable).length} out of reach` +
      (missed.length === 0
        ? ''
        : `; NOT REACHED${tally.runs < marksFrom ? `: ${missed.length}` : `: ${missed.join(', ')}`}`),
    ...(surprises.length === 0 ? [] : [`marks reached that are listed as out of reach: ${surprises.join(', ')}`]),
    `idle: ${idle.length}${idle.length === 0 ? '' : ` (seeds ${idle.slice(0, 20).join(' ')}${idle.length > 20 ? ' …' : ''})`}`,
    ...(hash ? [`hash: ${tally.hash}`] : []),
  ];
}

function storyOf({ report, violations }: Played, { mutant }: Settings, planted: readonly PlantedFault[]): RunStory {
  const [first] = violations;
  if (first === undefined) throw new TypeError('a run without a violation has no story');
  const { plan, inputs } = report;
  return { version: programVersion(), plan, inputs, mutant, planted, checker: first.checker, text: first.text };
}

/** Each failing seed whole, the first of them small. */
async function saveStories(
  stories: ReadonlyMap<number, RunStory>,
  settings: Settings,
  pool: Pool,
  print: Print,
): Promise<void> {
  if (stories.size === 0) return;
  mkdirSync(settings.save, { recursive: true });
  const inOrder = [...stories].sort(([a], [b]) => a - b);
  for (const [seed, story] of inOrder) writeFileSync(join(settings.save, `seed-${seed}.story`), printStory(story));
  print(`${stories.size} stories in ${settings.save}`);
  if (settings.shrinkRuns === 0) return;
  await Promise.all(
    inOrder.slice(0, shrunkMax).map(async ([seed, story]) => {
      const shrunk = await pool.shrink(story, settings.shrinkRuns);
      const file = join(settings.save, `seed-${seed}.shrunk.story`);
      writeFileSync(file, printStory(shrunk.story));
      const { length } = shrunk.story.inputs;
      print(
        `seed ${seed}: ${shrunk.before} inputs shrunk to ${length} in ${shrunk.runs} runs: npm run sim -- --story ${file}`,
      );
    }),
  );
}

function repeatCommand(seed: number, { size, mutant, canary: isCanary }: Settings): string {
  const { members, seconds } = size;
  return [
    `npm run sim -- --from ${seed} --seeds 1`,
    members === usualSize.members ? '' : ` --members ${members}`,
    seconds === usualSize.seconds ? '' : ` --seconds ${seconds}`,
    mutant === undefined ? '' : ` --mutant ${mutant}`,
    isCanary ? ' --canary' : '',
    ` (version ${programVersion()})`,
  ].join('');
}

async function playAgain(file: string, isTraced: boolean, print: Print): Promise<number> {
  const story = parseStory(readFileSync(file, 'utf8'));
  const { plan, inputs, planted, mutant } = story;
  print(`${inputs.length} inputs of seed ${plan.seed}, once found by ${story.checker} in version ${story.version}`);
  const rules = mutant === undefined ? {} : { rules: mutantNamed(mutant).rules };
  return await verdictOf(
    run(plan.seed, { host: nodeHost, plan, inputs, planted, ...rules, ...(isTraced ? { print } : {}) }),
    print,
  );
}

/** One seed in this process, with all of its trace. */
async function playOne({ from, size, mutant }: Settings, print: Print): Promise<number> {
  const rules = mutant === undefined ? {} : { rules: mutantNamed(mutant).rules };
  return await verdictOf(run(from, { host: nodeHost, size, print, ...rules }), print);
}

async function verdictOf(playing: Promise<{ readonly traceHash: string }>, print: Print): Promise<number> {
  try {
    const { traceHash } = await playing;
    print(`no violation; trace ${traceHash}`);
    return 0;
  } catch (error: unknown) {
    if (!(error instanceof ViolationError)) throw error;
    for (const { checker, text } of error.violations) print(`${checker}: ${text}`);
    return 1;
  }
}

// `npm run mutants`: every known bug, one at a time, against the default swarm. No schedule is written for any of them:
// seeds are tried in order until one of the checkers that the mutant names has seen it.

import { parseArgs } from 'node:util';
import { type Mutant, mutantNamed, mutants } from '../mutants.ts';
import { type Size, usualSize } from '../plan.ts';
import { Pool } from './pool.ts';
import type { Print } from './sim-command.ts';

interface Finding {
  readonly mutant: Mutant;
  /** How many seeds it took, or how many were in vain. */
  readonly seeds: number;
  readonly checker: string | undefined;
  readonly text: string;
  /** What others saw, in seeds before. */
  readonly others: ReadonlySet<string>;
}

const usage =
  'usage: npm run mutants -- [--only NAME] [--seeds-max 2000] [--from S] [--members 5] [--seconds 60] [--workers N]\n';

/** Exit code 1 when a mutant lives. */
export async function mutantsCommand(args: readonly string[], print: Print, progress: Print): Promise<number> {
  let chosen: readonly Mutant[];
  let seedsMax: number;
  let from: number;
  let size: Size;
  let workers: number | undefined;
  try {
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
    chosen = values.only?.map(mutantNamed) ?? mutants;
    seedsMax = Number(values['seeds-max']);
    from = Number(values.from);
    size = { members: Number(values.members), seconds: Number(values.seconds) };
    workers = values.workers === undefined ? undefined : Number(values.workers);
  } catch (error: unknown) {
    print(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const pool = new Pool(workers);
  try {
    const findings: Finding[] = [];
    const waiting = [...chosen];
    const hunt = async (): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const found = await search(mutant, pool, { seedsMax, from, size, progress });
        findings.push(found);
        progress('');
        print(rowOf(found));
      }
    };
    await Promise.all(Array.from({ length: pool.size }, hunt));
    progress('');
    const alive = findings.filter(({ checker }) => checker === undefined);
    const most = Math.max(...findings.map(({ seeds }) => seeds));
    print(
      `${findings.length - alive.length} of ${findings.length} mutants caught, the last of them by seed ${most} of its hunt`,
    );
    for (const { mutant, others } of alive) {
      print(
        `ALIVE: ${mutant.name} (${mutant.package}): ${mutant.about} Seen by others: ${[...others].join(', ') || 'nobody'}`,
      );
    }
    return alive.length > 0 ? 1 : 0;
  } finally {
    await pool.close();
  }
}

async function search(
  mutant: Mutant,
  pool: Pool,
  { seedsMax, from, size, progress }: { seedsMax: number; from: number; size: Size; progress: Print },
): Promise<Finding> {
  const others = new Set<string>();
  for (let at = 0; at < seedsMax; at++) {
    progress(`${mutant.name}: seed ${from + at}`);
    const { violations } = await pool.play({ kind: 'seed', seed: from + at, size, mutant: mutant.name });
    const hit = violations.find(({ checker }) => mutant.caughtBy.includes(checker));
    if (hit !== undefined) return { mutant, seeds: at + 1, checker: hit.checker, text: hit.text, others };
    for (const { checker } of violations) others.add(checker);
  }
  return { mutant, seeds: seedsMax, checker: undefined, text: '', others };
}

function rowOf({ mutant, seeds, checker, text }: Finding): string {
  const line = text.split('\n')[0]?.slice(0, 110) ?? '';
  const seen = checker === undefined ? 'ALIVE' : checker;
  return `${mutant.name.padEnd(34)} ${mutant.package.padEnd(9)} ${String(seeds).padStart(5)}  ${seen.padEnd(26)} ${line}`;
}

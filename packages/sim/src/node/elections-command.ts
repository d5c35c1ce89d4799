// `npm run elections`: the tables of docs/elections.md, and with --svg its figures. The exit code is 1 where our elections are
// not those of the paper and the thesis.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawFigures } from '../elections/figures.ts';
import { type Measured, measure, printMeasured, usualSeed, usualTrials } from '../elections/measure.ts';
import { claims, printTable, tables } from '../elections/report.ts';
import { type Print, whole } from './command-line.ts';

const usage = `usage: npm run elections -- [--trials ${usualTrials}] [--seed ${usualSeed}] [--svg DIR]

  --trials N   elections of each cell of the tables; figure 16 has a tenth of them
  --seed N     the same seed plays the same elections
  --svg DIR    writes the figures and the numbers they show, as docs/figures has them
`;

/** What the tables assume, as docs/elections.md says at more length. */
const models: readonly string[] = [
  'Timeouts are the shortest timeout plus a draw from the random range; a tick is a ten-thousandth of the range, or 1 µs.',
  'Pre-vote and check-quorum are off. An election ends when a candidate has its majority.',
  'Split votes: timeouts from [1, 2), one latency for all messages, no disk, timers start together.',
  'Wide-area network: latency 30 to 40 ms, timeouts 300 to 600 ms, no disk, timers start together.',
  "Figure 16: latency 0.2 to 1 ms; a candidate's own vote is written in 1.2 to 2.8 ms before it asks, a vote in 7 to 13 ms",
  'before it is told, a term without a vote at once; the leader dies within half a timeout of its last heartbeat; two of the',
  'four that are left have the logs to win.',
];

export function electionsCommand(args: readonly string[], print: Print, progress: Print): number {
  let settings: { readonly seed: number; readonly trials: number; readonly svg: string | undefined };
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: String(usualSeed) },
        trials: { type: 'string', default: String(usualTrials) },
        svg: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      print(usage);
      return 0;
    }
    settings = { seed: whole('seed', values.seed, 0), trials: whole('trials', values.trials, 10), svg: values.svg };
  } catch (error: unknown) {
    print(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const { seed, trials, svg } = settings;
  print(`seed ${seed}, ${trials} elections a cell\n`);
  for (const line of models) print(line);
  const measured = measure({ seed, trials, progress: (done, of) => progress(`${done} of ${of} elections`) });
  progress('');
  for (const table of tables(measured)) print(`\n${table.title}\n\n${printTable(table)}`);
  if (svg !== undefined) print(`\n${writeFigures(measured, svg)} files in ${svg}`);
  return verdict(measured, print);
}

function verdict(measured: Measured, print: Print): number {
  const all = claims(measured);
  const broken = all.filter(({ holds }) => !holds);
  print('');
  for (const { says } of broken) print(`DOES NOT HOLD: ${says}`);
  print(`${all.length - broken.length} of ${all.length} claims hold`);
  return broken.length === 0 ? 0 : 1;
}

function writeFigures(measured: Measured, folder: string): number {
  mkdirSync(folder, { recursive: true });
  const files = [...drawFigures(measured), { name: 'elections.json', text: printMeasured(measured) }];
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  return files.length;
}

// Plays every experiment and keeps what the tables and figures show. The result is plain data: a file of it beside the figures
// lets a test draw them again without playing.

import { playElection } from './election.ts';
import {
  type Experiment,
  figure16Rows,
  splitCells,
  ticksPerMs,
  ticksPerRange,
  variations,
  wanLines,
} from './experiments.ts';
import { type Summary, summarize } from './statistics.ts';

export const usualSeed = 1;
/** Elections of each cell of the split votes and each line of the WAN; figure 16 has a tenth, as many as the paper. */
export const usualTrials = 10_000;

export interface Measured {
  readonly seed: number;
  readonly trials: number;
  /** In the order of `splitCells`, in units of the random range. */
  readonly split: readonly Figures[];
  /** In the order of `wanLines`, `figure16Rows` and `variations`, in ms. */
  readonly wan: readonly Summary[];
  readonly figure16: readonly Summary[];
  readonly variations: readonly { readonly narrow: Figures; readonly quick: Figures }[];
}

/** What is not drawn as a curve. */
export type Figures = Omit<Summary, 'curve'>;

export interface Campaign {
  readonly seed: number;
  readonly trials: number;
  readonly progress: (done: number, of: number) => void;
}

/** How many elections of this experiment are played, so that the usual number gives the paper's. */
export function trialsOf(kind: 'split' | 'wan' | 'figure16', trials: number, share = 1): number {
  return kind === 'figure16' ? Math.max(1, Math.round((trials / 10) * share)) : trials;
}

export function measure({ seed, trials, progress }: Campaign): Measured {
  const small = trialsOf('figure16', trials);
  const rowTrials = figure16Rows.map(({ trialsShare }) => trialsOf('figure16', trials, trialsShare));
  const total =
    (splitCells.length + wanLines.length) * trials +
    rowTrials.reduce((sum, count) => sum + count, 0) +
    variations.length * 2 * small;
  let done = 0;
  const note = (): void => {
    done += 1;
    if (done % 500 === 0) progress(done, total);
  };
  const inMs = (experiment: Experiment, count: number): Summary =>
    play(experiment, { seed, trials: count, ticksPerUnit: ticksPerMs, note });
  return {
    seed,
    trials,
    split: splitCells.map((cell) => figures(play(cell, { seed, trials, ticksPerUnit: ticksPerRange, note }))),
    wan: wanLines.map((line) => inMs(line, trials)),
    figure16: figure16Rows.map((row, at) => inMs(row, rowTrials[at] ?? small)),
    variations: variations.map(({ narrow, quick }) => ({
      narrow: figures(inMs(narrow, small)),
      quick: figures(inMs(quick, small)),
    })),
  };
}

function figures({ curve: _curve, ...rest }: Summary): Figures {
  return rest;
}

/** As a file: a row of a table to a line. */
export function printMeasured({ seed, trials, ...parts }: Measured): string {
  const lists = Object.entries(parts).map(([name, rows]) => {
    const lines = rows.map((row: object) => JSON.stringify(row));
    return `"${name}": [\n${lines.join(',\n')}\n]`;
  });
  return `{ "seed": ${seed}, "trials": ${trials},\n${lists.join(',\n')}\n}\n`;
}

interface Series {
  readonly seed: number;
  readonly trials: number;
  readonly ticksPerUnit: number;
  readonly note?: () => void;
}

/** So many elections of one experiment. Each is keyed by itself: fewer of them are the first of more. */
export function play({ name, setting }: Experiment, { seed, trials, ticksPerUnit, note }: Series): Summary {
  const outcomes = Array.from({ length: trials }, (_, trial) => {
    const outcome = playElection(setting, { seed, name, trial });
    note?.();
    return outcome;
  });
  return summarize(outcomes, ticksPerUnit);
}

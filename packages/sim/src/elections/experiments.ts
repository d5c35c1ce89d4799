// The elections of the paper and the thesis as settings: what was asked, of which cluster, and what they found.

import type { Delay, Setting } from './election.ts';

/** Of the tables in units of the random range. */
export const ticksPerRange = 10_000;
/** Of the tables in milliseconds: a tick is a microsecond, at most a thousandth of any range here. */
export const ticksPerMs = 1_000;

const none: Delay = { least: 0, most: 0 };
const noDisk: Setting['disk'] = { candidate: none, vote: none, term: none };
const ms = (least: number, most: number): Delay => ({ least: least * ticksPerMs, most: most * ticksPerMs });
/** Far beyond any election that can be won. */
const neverTicks = 1e10;

export interface Experiment {
  readonly name: string;
  readonly setting: Setting;
}

/** thesis §9.2, §9.3: timeouts from [1, 2), one latency for all messages, no disk, timers that start together. */
export interface SplitCell extends Experiment {
  readonly servers: number;
  readonly live: number;
  readonly latency: number;
}

export const splitClusters: readonly { readonly servers: number; readonly live: number }[] = [
  { servers: 3, live: 2 },
  { servers: 5, live: 4 },
  { servers: 5, live: 3 },
  { servers: 7, live: 6 },
  { servers: 7, live: 4 },
];
export const splitLatencies: readonly number[] = [0.05, 0.1, 0.2];

export const splitCells: readonly SplitCell[] = splitClusters.flatMap(({ servers, live }) =>
  splitLatencies.map((latency) => {
    const ticks = latency * ticksPerRange;
    return {
      name: `split/${servers}/${live}/${latency}`,
      servers,
      live,
      latency,
      setting: {
        servers,
        live,
        shortest: ticksPerRange,
        range: ticksPerRange,
        latency: { least: ticks, most: ticks },
        disk: noDisk,
        begins: { kind: 'fresh' },
        logs: [],
        ticksMax: neverTicks,
      } as const,
    };
  }),
);

/** thesis §9.4: five servers across a continent, one-way latency 30 to 40 ms, timeouts 300 to 600 ms. */
export interface WanLine extends Experiment {
  readonly failed: number;
  /** What the thesis read off its simulator, in ms; it gives none for a cluster without failures. */
  readonly thesis: { readonly mean: number; readonly p999: number } | undefined;
}

/** For the closed form: the mean latency in units of the random range, and that range in ms. */
export const wanLatency: { readonly mean: number; readonly rangeMs: number } = { mean: 35 / 300, rangeMs: 300 };

export const wanLines: readonly WanLine[] = [
  { failed: 0, thesis: undefined },
  { failed: 1, thesis: { mean: 475, p999: 1500 } },
  { failed: 2, thesis: { mean: 650, p999: 3000 } },
].map(({ failed, thesis }) => ({
  name: `wan/${failed}`,
  failed,
  thesis,
  setting: {
    servers: 5,
    live: 5 - failed,
    shortest: 300 * ticksPerMs,
    range: 300 * ticksPerMs,
    latency: ms(30, 40),
    disk: noDisk,
    begins: { kind: 'fresh' },
    logs: [],
    ticksMax: neverTicks,
  },
}));

/**
 * Figure 16 (§9.3): the leader of five servers sends a last heartbeat to all and dies within the interval of half a timeout; the
 * logs are such that two of the four that are left cannot win. The paper measured a real cluster whose broadcast time was 15 ms,
 * network and disk; how the two share it is assumed here.
 */
export const figure16Disk: Setting['disk'] = { candidate: ms(1.2, 2.8), vote: ms(7, 13), term: none };
const figure16Latency = ms(0.2, 1);
const twoMayWin: readonly number[] = [1, 1, 2, 2];

export interface Figure16Row extends Experiment {
  readonly timeouts: string;
  /** Which of the figure's two plots shows it. */
  readonly plots: readonly ('randomness' | 'base')[];
  /** What the paper's text says of it. */
  readonly paper: string;
  /** Of the trials that the others get: this one needs the fewest to make its point, and the most time for each. */
  readonly trialsShare: number;
}

function figure16(shortest: number, longest: number, change: Partial<Setting> = {}): Setting {
  return {
    servers: 5,
    live: 4,
    shortest: shortest * ticksPerMs,
    range: (longest - shortest) * ticksPerMs,
    latency: figure16Latency,
    disk: figure16Disk,
    begins: { kind: 'heartbeat', interval: (shortest * ticksPerMs) / 2 },
    logs: twoMayWin,
    ticksMax: neverTicks,
    ...change,
  };
}

export const figure16Rows: readonly Figure16Row[] = [
  row(150, 150, ['randomness'], 'over 10 s', { trialsShare: 0.1, change: { ticksMax: 10_000 * ticksPerMs } }),
  row(150, 151, ['randomness'], ''),
  row(150, 155, ['randomness'], 'median 287'),
  row(150, 175, ['randomness'], ''),
  row(150, 200, ['randomness'], 'longest 513'),
  row(150, 300, ['randomness', 'base'], 'recommended'),
  row(12, 24, ['base'], 'mean 35, longest 152'),
  row(25, 50, ['base'], ''),
  row(50, 100, ['base'], ''),
  row(100, 200, ['base'], ''),
];

function row(
  shortest: number,
  longest: number,
  plots: Figure16Row['plots'],
  paper: string,
  { trialsShare = 1, change = {} }: { readonly trialsShare?: number; readonly change?: Partial<Setting> } = {},
): Figure16Row {
  const timeouts = `${shortest}–${longest}`;
  const setting = figure16(shortest, longest, change);
  return { name: `figure16/${timeouts}`, timeouts, plots, paper, trialsShare, setting };
}

/** What the two rows that can be compared with the paper hang on: one assumption changed at a time. */
export interface Variation {
  readonly says: string;
  readonly narrow: Experiment;
  readonly quick: Experiment;
}

export const variations: readonly Variation[] = [
  variation('as above', {}),
  variation('each of the four logs has another length', { logs: [1, 2, 3, 4] }),
  variation('all logs are equal: all four may win', { logs: [] }),
  variation('a term without a vote costs as much as a vote', { disk: { ...figure16Disk, term: figure16Disk.vote } }),
  variation('a candidate writes 5 to 8 ms before it asks', { disk: { ...figure16Disk, candidate: ms(5, 8) } }),
  variation('a candidate asks while it writes', { disk: { ...figure16Disk, candidate: none } }),
  variation('no disk', { disk: noDisk }),
];

function variation(says: string, change: Partial<Setting>): Variation {
  return {
    says,
    // The name keys the chance: timeouts are the same ones as in the rows above.
    narrow: { name: 'figure16/150–155', setting: figure16(150, 155, change) },
    quick: { name: 'figure16/12–24', setting: figure16(12, 24, change) },
  };
}

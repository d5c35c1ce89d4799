// The figures of docs/elections.md, drawn from what was measured.

import { splitRate } from './closed-form.ts';
import { type Figure16Row, figure16Rows, splitCells, splitClusters, wanLines } from './experiments.ts';
import type { Measured } from './measure.ts';
import { type Axis, draw, type Plot, type Point, type Series } from './plot.ts';
import { errorsMax } from './report.ts';
import { standardErrorOf } from './statistics.ts';

export interface File {
  readonly name: string;
  readonly text: string;
}

export function drawFigures(measured: Measured): readonly File[] {
  return [
    { name: 'split-votes.svg', text: draw(splitVotes(measured)) },
    { name: 'wide-area.svg', text: draw(wideArea(measured)) },
    { name: 'figure-16-randomness.svg', text: draw(figure16(measured, 'randomness')) },
    { name: 'figure-16-base.svg', text: draw(figure16(measured, 'base')) },
  ];
}

const ofElections: Axis = {
  label: 'elections that are over',
  scale: 'linear',
  from: 0,
  to: 1,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
  print: percent,
};

function splitVotes({ seed, trials, split }: Measured): Plot {
  const to = 0.3;
  return {
    title: 'Split votes in the first term',
    says: 'The share of first terms without a leader grows with latency, and more so the fewer servers can be missed. Measured points lie on the curves of the closed form.',
    x: {
      label: 'one-way latency, as a share of the random range of timeouts',
      scale: 'linear',
      from: 0,
      to,
      ticks: [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
      print: (value) => value.toFixed(2),
    },
    y: { ...ofElections, label: 'terms without a leader' },
    series: splitClusters.map(({ servers, live }) => ({
      name: `${live} of ${servers} live`,
      curve: Array.from({ length: 61 }, (_, at): Point => {
        const latency = (to * at) / 60;
        return [latency, splitRate({ servers, live, latency })];
      }),
      marks: splitCells.flatMap((cell, at) => {
        const summary = split[at];
        if (cell.servers !== servers || cell.live !== live || summary === undefined) return [];
        const error = errorsMax * standardErrorOf(splitRate(cell), summary.trials);
        return [{ at: [cell.latency, summary.split / summary.trials] as const, error }];
      }),
    })),
    notes: ['Curves: thesis, chapter 9.', `Points: ${trials} elections each,`, `± ${errorsMax} errors, seed ${seed}.`],
  };
}

function wideArea({ seed, trials, wan }: Measured): Plot {
  return {
    title: 'Elections across a wide-area network',
    says: 'Of five servers, with none, one or two failed, half of the elections are over within some 400 to 550 ms, nearly all within 1 to 2.5 s.',
    x: {
      label: 'time until a candidate has its majority, ms',
      scale: 'linear',
      from: 0,
      to: 2000,
      ticks: [0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000],
      print: String,
    },
    y: ofElections,
    series: wanLines.map(({ failed }, at) => ({
      name: failed === 0 ? 'none failed' : `${failed} failed`,
      curve: cumulative(wan[at]?.curve ?? [], 0),
    })),
    notes: [
      'Five servers, latency 30–40 ms,',
      'timeouts 300–600 ms, no disk.',
      `${trials} elections each,`,
      `seed ${seed}.`,
    ],
  };
}

const randomnessAxis: Axis = {
  label: 'time without a leader, ms',
  scale: 'log',
  from: 70,
  to: 20_000,
  ticks: [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000],
  print: String,
};
const baseAxis: Axis = { ...randomnessAxis, from: 10, to: 1000, ticks: [10, 20, 50, 100, 200, 500, 1000] };

function figure16({ seed, trials, figure16: measured }: Measured, plot: Figure16Row['plots'][number]): Plot {
  const x = plot === 'randomness' ? randomnessAxis : baseAxis;
  const series = figure16Rows.flatMap(({ plots, timeouts, setting }, at): readonly Series[] => {
    const summary = measured[at];
    if (!plots.includes(plot) || summary === undefined) return [];
    if (summary.undecided < summary.trials) return [{ name: timeouts, curve: cumulative(summary.curve, x.from) }];
    const until = setting.ticksMax / 1000;
    return [
      {
        name: `${timeouts}: none in ${until / 1000} s`,
        curve: [
          [x.from, 0],
          [until, 0],
        ],
      },
    ];
  });
  return {
    title: plot === 'randomness' ? 'Figure 16, above: more randomness' : 'Figure 16, below: shorter timeouts',
    says:
      plot === 'randomness'
        ? 'The wider the range of timeouts, the steeper the curves: with one millisecond of randomness elections take seconds, with 50 or more hardly any takes half a second.'
        : 'The shorter the timeouts, the shorter the time without a leader, down to some 35 ms with timeouts of 12 to 24 ms.',
    x,
    y: ofElections,
    series,
    notes: [
      'Election timeouts in ms.',
      'Four of five servers live,',
      'two of them can win.',
      `${trials / 10} elections each,`,
      `seed ${seed}.`,
    ],
  };
}

/** Quantiles in even steps as a curve of the share that is over by each time. */
function cumulative(quantiles: readonly number[], from: number): readonly Point[] {
  const [first = from] = quantiles;
  return [[from, 0], [first, 0], ...quantiles.map((time, at): Point => [time, at / (quantiles.length - 1)])];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

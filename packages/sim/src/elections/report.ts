// What was measured, as tables beside what the paper and the thesis say, and whether the two agree.

import { meanElection, splitRate } from './closed-form.ts';
import { figure16Rows, splitCells, variations, wanLatency, wanLines } from './experiments.ts';
import type { Measured } from './measure.ts';
import { standardErrorOf } from './statistics.ts';

export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly string[])[]; // the first names the columns
}

export interface Claim {
  readonly says: string;
  readonly holds: boolean;
}

/** A measured rate may be so many standard errors from the true one: by chance, one in 370 is further. */
export const errorsMax = 3;

export function tables(measured: Measured): readonly Table[] {
  return [
    splitTable(measured),
    meanTable(measured),
    wanTable(measured),
    figure16Table(measured),
    variationTable(measured),
  ];
}

/** A table as Markdown, which a terminal shows as well. */
export function printTable({ rows }: Table): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const [head = [], ...body] = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function splitTable({ split }: Measured): Table {
  const rows = splitCells.map((cell, at) => {
    const { trials, split: count } = present(split[at]);
    const expected = splitRate(cell);
    const error = standardErrorOf(expected, trials);
    const errors = (count / trials - expected) / error;
    return [
      ...clusterCells(cell),
      percent(expected),
      percent(count / trials),
      `± ${percent(error)}`,
      `${errors < 0 ? '−' : '+'}${Math.abs(errors).toFixed(1)}`,
    ];
  });
  return {
    title: 'Split votes in the first term',
    rows: [['servers', 'live', 'latency', 'closed form', 'measured', 'standard error', 'errors off'], ...rows],
  };
}

function meanTable({ split }: Measured): Table {
  const rows = splitCells.map((cell, at) => {
    const { mean, standardError, p999 } = present(split[at]);
    const expected = meanElection(cell);
    const off = (mean / expected - 1) * 100;
    return [
      ...clusterCells(cell),
      expected.toFixed(3),
      `${mean.toFixed(3)} ± ${standardError.toFixed(3)}`,
      `${off < 0 ? '−' : '+'}${Math.abs(off).toFixed(1)} %`,
      p999.toFixed(2),
    ];
  });
  return {
    title: 'Mean time of an election, in units of the random range',
    rows: [['servers', 'live', 'latency', 'closed form', 'measured', 'off', '99.9 %'], ...rows],
  };
}

function clusterCells({ servers, live, latency }: (typeof splitCells)[number]): readonly string[] {
  return [String(servers), String(live), latency.toFixed(2)];
}

function wanTable({ wan }: Measured): Table {
  const rows = wanLines.map(({ failed, thesis, setting }, at) => {
    const { mean, median, p999, max } = present(wan[at]);
    return [
      String(failed),
      String(setting.live),
      wanClosedForm(setting.live).toFixed(0),
      thesis === undefined ? '' : `${thesis.mean}`,
      mean.toFixed(0),
      median.toFixed(0),
      thesis === undefined ? '' : `below ${thesis.p999}`,
      p999.toFixed(0),
      max.toFixed(0),
    ];
  });
  const head = ['failed', 'live', 'closed form', 'thesis', 'mean', 'median', 'thesis 99.9 %', '99.9 %', 'longest'];
  return { title: 'Five servers across a wide-area network, ms', rows: [head, ...rows] };
}

function wanClosedForm(live: number): number {
  return meanElection({ servers: 5, live, latency: wanLatency.mean }) * wanLatency.rangeMs;
}

function figure16Table({ figure16 }: Measured): Table {
  const rows = figure16Rows.map(({ timeouts, paper, setting }, at) => {
    const { trials, undecided, split, curve, median, mean, p999, max } = present(figure16[at]);
    if (undecided === trials) {
      const limit = `over ${(setting.ticksMax / 1e6).toFixed(0)} s`;
      return [timeouts, String(trials), paper, limit, limit, limit, limit, limit, '100.0 %'];
    }
    const times = [curve[0] ?? 0, median, mean, p999, max].map(millis);
    return [timeouts, String(trials), paper, ...times, percent(split / trials, 1)];
  });
  const head = ['timeouts', 'trials', 'paper', 'shortest', 'median', 'mean', '99.9 %', 'longest', 'first term failed'];
  return { title: 'Figure 16: time without a leader after a crash, ms', rows: [head, ...rows] };
}

function variationTable({ variations: measured }: Measured): Table {
  const rows = variations.map(({ says }, at) => {
    const { narrow, quick } = present(measured[at]);
    return [says, ...[narrow.median, quick.mean, quick.max].map(millis)];
  });
  const head = ['model', '150–155: median (paper 287)', '12–24: mean (paper 35)', '12–24: longest (paper 152)'];
  return { title: 'Figure 16 under other assumptions, ms', rows: [head, ...rows] };
}

/** What must hold. A share of the claims on rates fails by chance: with the usual seed none does. */
export function claims(measured: Measured): readonly Claim[] {
  return [...splitClaims(measured), ...wanClaims(measured), ...figure16Claims(measured)];
}

function splitClaims({ split }: Measured): readonly Claim[] {
  return splitCells.flatMap((cell, at) => {
    const { trials, split: count, mean, standardError } = present(split[at]);
    const { servers, live, latency } = cell;
    const where = `${servers} servers, ${live} live, latency ${latency}`;
    const rate = splitRate(cell);
    const expected = meanElection(cell);
    // The closed form of the mean errs on the high side, and more so with latency.
    const isNear = near({ measured: mean, expected, share: 0.03, standardError });
    return [
      {
        says: `${where}: split votes within ${errorsMax} standard errors of the closed form`,
        holds: Math.abs(count / trials - rate) <= errorsMax * standardErrorOf(rate, trials),
      },
      {
        says: `${where}: mean ${latency <= 0.1 ? 'within 3 % of' : 'not above'} the closed form`,
        holds: latency <= 0.1 ? isNear : mean <= expected + errorsMax * standardError,
      },
    ];
  });
}

function wanClaims({ wan }: Measured): readonly Claim[] {
  return wanLines.flatMap(({ failed, thesis, setting }, at) => {
    const { mean, standardError, p999 } = present(wan[at]);
    const where = `wide-area network, ${failed} failed`;
    const expected = thesis?.mean ?? wanClosedForm(setting.live);
    const claim = {
      says: `${where}: mean within 5 % of the ${thesis === undefined ? 'closed form' : "thesis'"}`,
      holds: near({ measured: mean, expected, share: 0.05, standardError }),
    };
    if (thesis === undefined) return [claim];
    // One election in a thousand: the place of the thousandth is not known to better than a tenth.
    const latest = thesis.p999 * 1.1;
    return [claim, { says: `${where}: 99.9 % within ${thesis.p999} ms or a tenth more`, holds: p999 < latest }];
  });
}

function figure16Claims({ figure16 }: Measured): readonly Claim[] {
  const of = (timeouts: string): Measured['figure16'][number] =>
    present(figure16[figure16Rows.findIndex((row) => row.timeouts === timeouts)]);
  const [fixed, narrow, quick] = [of('150–150'), of('150–155'), of('12–24')];
  // Of a median, roughly: a quarter more than of the mean.
  const ofMedian = narrow.standardError * 1.25;
  return [
    { says: '150–150: no election ends within 10 s', holds: fixed.undecided === fixed.trials },
    {
      says: '150–155: median within 10 % of 287 ms',
      holds: near({ measured: narrow.median, expected: 287, share: 0.1, standardError: ofMedian }),
    },
    { says: '150–200: every election ends within 1 s', holds: of('150–200').max < 1000 },
    { says: '150–300: every election ends within 1 s', holds: of('150–300').max < 1000 },
    {
      says: '12–24: mean within 10 % of 35 ms',
      holds: near({ measured: quick.mean, expected: 35, share: 0.1, standardError: quick.standardError }),
    },
  ];
}

/** Three digits are more than another seed would repeat. */
function millis(time: number): string {
  return time.toFixed(time < 100 ? 1 : 0);
}

interface Comparison {
  readonly measured: number;
  readonly expected: number;
  readonly share: number;
  readonly standardError: number;
}

/** Within a share of what is expected; with few elections, chance alone may be more than that. */
function near({ measured, expected, share, standardError }: Comparison): boolean {
  return Math.abs(measured - expected) <= Math.max(share * expected, errorsMax * standardError);
}

function percent(share: number, digits = 2): string {
  return `${(share * 100).toFixed(digits)} %`;
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('the file of measurements lacks one: it is of another version');
  return value;
}

// The elections of `npm run elections`, few enough for every commit. The full numbers are in docs/figures/elections.json; that
// file, the figures and the tables of docs/elections.md are held to be what the seed gives.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { canonicalHash } from '@kontiki/raft';
import { meanElection, splitRate } from '../../src/elections/closed-form.ts';
import { Election, playElection, type Setting } from '../../src/elections/election.ts';
import {
  type Experiment,
  figure16Rows,
  splitCells,
  ticksPerMs,
  ticksPerRange,
  variations,
  wanLines,
} from '../../src/elections/experiments.ts';
import { drawFigures } from '../../src/elections/figures.ts';
import { type Measured, play, printMeasured, usualSeed, usualTrials } from '../../src/elections/measure.ts';
import { claims, printTable, tables } from '../../src/elections/report.ts';
import { openingTrials, quantile, standardErrorOf, summarize } from '../../src/elections/statistics.ts';
import { electionsCommand } from '../../src/node/elections-command.ts';

const seed = Number(process.env.SEED ?? usualSeed);
console.log(`SEED=${seed}`);
const docs = join(dirname(fileURLToPath(import.meta.url)), '../../../../docs');
const numbers = readFileSync(join(docs, 'figures/elections.json'), 'utf8');
const measured = JSON.parse(numbers) as Measured;

for (const [servers, live, latency, printed, give] of [
  [5, 4, 0.01, 0.06, 0.005],
  [5, 4, 0.1, 5.2, 0.05],
  [5, 4, 0.2, 18.1, 0.05],
  [5, 3, 0.2, 50, 2],
  [7, 6, 0.2, 10, 2],
  [9, 7, 0.2, 15, 2],
  [9, 6, 0.2, 35, 2],
  [9, 5, 0.1, 40, 2],
  [9, 5, 0.2, 70, 3],
] as const) {
  test(`thesis ch. 9: with ${live} of ${servers} servers at latency ${latency}, ${printed} % of votes are split`, () => {
    const rate = splitRate({ servers, live, latency }) * 100;

    assert.ok(Math.abs(rate - printed) <= give, `${rate} %`);
  });
}

test('the closed forms are what one counts by hand where little can happen', () => {
  assert.equal(splitRate({ servers: 3, live: 2, latency: 0.5 }), 0.75);
  assert.equal(splitRate({ servers: 3, live: 2, latency: 0 }), 0);
  assert.ok(Math.abs(splitRate({ servers: 3, live: 3, latency: 0.1 }) - 0.028) < 1e-12);
  assert.equal(meanElection({ servers: 3, live: 2, latency: 0 }), 1 + 1 / 3);
});

/** Few ticks, so that playing each of them is cheap, and all that can happen. */
const coarse: Setting = {
  servers: 5,
  live: 4,
  shortest: 120,
  range: 60,
  latency: { least: 2, most: 11 },
  disk: { candidate: { least: 3, most: 9 }, vote: { least: 10, most: 50 }, term: { least: 0, most: 30 } },
  begins: { kind: 'heartbeat', interval: 60 },
  logs: [1, 2, 3, 3],
  ticksMax: 20_000,
};

test('to jump over ticks in which nothing happens changes nothing', () => {
  let leaderless = 0;
  for (let trial = 0; trial < 40; trial++) {
    const key = { seed, name: 'coarse', trial };
    const jumping = new Election(coarse, key, true);
    const outcome = jumping.play();
    const ticking = new Election(coarse, key, false);

    assert.deepEqual(ticking.play(), outcome);
    assert.deepEqual(
      jumping.nodes.map(({ core }) => canonicalHash(core.dump())),
      ticking.nodes.map(({ core }) => canonicalHash(core.dump())),
    );
    leaderless += outcome.leaderlessTerms;
  }
  assert.ok(leaderless > 0, 'no vote was split: too easy');
});

test('a thousand elections of two of three servers are near the closed form', () => {
  const cell = splitCells.find(({ servers, latency }) => servers === 3 && latency === 0.2);
  assert.ok(cell !== undefined);
  const trials = 1000;

  const { split, mean, undecided } = play(cell, { seed, trials, ticksPerUnit: ticksPerRange });

  const rate = splitRate(cell);
  assert.ok(Math.abs(split / trials - rate) < 5 * standardErrorOf(rate, trials), `${split} of ${trials}`);
  assert.ok(Math.abs(mean / meanElection(cell) - 1) < 0.15, `mean ${mean}`);
  assert.equal(undecided, 0);
});

test('a fifth of the latency splits other votes: the measure can tell', () => {
  const cell = splitCells.find(({ servers, latency }) => servers === 3 && latency === 0.2);
  assert.ok(cell !== undefined);
  const latency = { least: 0.04 * ticksPerRange, most: 0.04 * ticksPerRange };
  const other = { name: cell.name, setting: { ...cell.setting, latency } };

  const { split, trials } = play(other, { seed, trials: 300, ticksPerUnit: ticksPerRange });

  assert.ok(Math.abs(split / trials - splitRate(cell)) > 5 * standardErrorOf(splitRate(cell), trials));
});

test('without randomness nobody wins, and the election is broken off', () => {
  const none = { least: 0, most: 0 };
  const fixed: Setting = {
    ...coarse,
    range: 0,
    latency: { least: 5, most: 5 },
    disk: { candidate: none, vote: none, term: none },
    begins: { kind: 'fresh' },
    logs: [],
    ticksMax: 1200,
  };

  const outcome = playElection(fixed, { seed, name: 'fixed', trial: 0 });

  assert.deepEqual(outcome, { ticks: 1200, leaderlessTerms: 9, wasDecided: false });
});

test('who lacks entries that two of the others have cannot win (§5.4.1)', () => {
  for (let trial = 0; trial < 30; trial++) {
    const election = new Election(coarse, { seed, name: 'logs', trial }, true);
    assert.equal(election.play().wasDecided, true);
    const winner = election.nodes.findIndex(({ core }) => core.node.role.kind === 'leader');

    assert.ok(winner >= 2, `server ${winner + 1} leads`);
  }
});

test('the same key plays the same election, another seed another', () => {
  const times = (of: number): readonly number[] =>
    Array.from({ length: 5 }, (_, trial) => playElection(coarse, { seed: of, name: 'again', trial }).ticks);

  assert.deepEqual(times(seed), times(seed));
  assert.notDeepEqual(times(seed), times(seed + 1));
});

test('quantiles are times that were measured', () => {
  const outcomes = [30, 10, 20, 40].map((ticks) => ({ ticks, leaderlessTerms: 0, wasDecided: true }));

  const { mean, median, max, curve, split } = summarize(outcomes, 10);

  assert.deepEqual({ mean, median, max, split }, { mean: 2.5, median: 2, max: 4, split: 0 });
  assert.equal(curve[0], 1);
  assert.equal(quantile([1, 2, 3], 0.34), 2);
});

test('docs/figures are drawn from the numbers beside them', () => {
  assert.equal(printMeasured(measured), numbers);
  const drawn = drawFigures(measured);
  const names = readdirSync(join(docs, 'figures')).filter((name) => name.endsWith('.svg'));

  for (const { name, text } of drawn) assert.equal(readFileSync(join(docs, 'figures', name), 'utf8'), text, name);
  assert.deepEqual(drawn.map(({ name }) => name).sort(), names.sort());
});

test('docs/elections.md has the tables of those numbers', () => {
  const page = readFileSync(join(docs, 'elections.md'), 'utf8');

  for (const table of tables(measured)) assert.ok(page.includes(printTable(table)), table.title);
});

test('those numbers are of the usual seed and trials, and every claim on them holds', () => {
  assert.deepEqual([measured.seed, measured.trials], [usualSeed, usualTrials]);
  assert.deepEqual(
    claims(measured).filter(({ holds }) => !holds),
    [],
  );
});

test('a claim is broken by numbers that break it', () => {
  const [first, ...rest] = measured.split;
  assert.ok(first !== undefined);
  const moved = { ...measured, split: [{ ...first, split: first.split + 150, mean: first.mean * 1.1 }, ...rest] };
  const slow = {
    ...measured,
    figure16: measured.figure16.map((row) => ({ ...row, median: 400, mean: 50 })),
  };

  assert.equal(claims(moved).filter(({ holds }) => !holds).length, 2);
  assert.deepEqual(
    claims(slow).flatMap(({ says, holds }) => (holds ? [] : [says])),
    ['150–155: median within 10 % of 287 ms', '12–24: mean within 10 % of 35 ms'],
  );
});

test('the first elections of every row come out as they did', () => {
  const opening = (experiment: Experiment, ticksPerUnit: number): number =>
    play(experiment, { seed: usualSeed, trials: openingTrials, ticksPerUnit }).opening;
  // Without randomness none ends, and its row is known by that.
  const decided = figure16Rows.filter((_, at) => measured.figure16[at]?.undecided === 0);

  assert.deepEqual(
    {
      split: splitCells.map((cell) => opening(cell, ticksPerRange)),
      wan: wanLines.map((line) => opening(line, ticksPerMs)),
      figure16: decided.map((row) => opening(row, ticksPerMs)),
      variations: variations.map(({ quick }) => opening(quick, ticksPerMs)),
    },
    {
      split: measured.split.map((row) => row.opening),
      wan: measured.wan.map((row) => row.opening),
      figure16: measured.figure16.flatMap((row) => (row.undecided === 0 ? [row.opening] : [])),
      variations: measured.variations.map(({ quick }) => quick.opening),
    },
  );
});

test('the row of 12 to 24 ms comes out as it did, whole', () => {
  const at = figure16Rows.findIndex(({ timeouts }) => timeouts === '12–24');
  const [row, expected] = [figure16Rows[at], measured.figure16[at]];
  assert.ok(row !== undefined && expected !== undefined);

  const again = play(row, { seed: usualSeed, trials: expected.trials, ticksPerUnit: ticksPerMs });

  assert.deepEqual(again, expected);
});

for (const args of [['--trials', '0'], ['--seed', 'x'], ['--no-such-option']]) {
  test(`refused with the usage: ${args.join(' ')}`, () => {
    const lines: string[] = [];
    const code = electionsCommand(
      args,
      (line) => lines.push(line),
      () => {},
    );

    assert.equal(code, 2);
    assert.match(lines.join('\n'), /usage: npm run elections/);
  });
}

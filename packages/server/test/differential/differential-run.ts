/** One run: a fresh etcd, a fresh target, the requests of one seed, and a verdict with everything to repeat it. */

import type { ClusterProcess } from '../support/cluster-process.ts';
import { startEtcd } from '../support/etcd-process.ts';
import { startKontiki } from '../support/kontiki-process.ts';
import { requirePart } from '../support/real-parts.ts';
import type { Discrepancy } from './compare.ts';
import { Coverage } from './coverage.ts';
import { Differences, documentedDifferences } from './differences.ts';
import { type Episode, episodes } from './episodes.ts';
import { Generator } from './generator.ts';
import { Identities } from './identities.ts';
import { Model } from './model.ts';
import { Random } from './random.ts';
import { Runner } from './runner.ts';
import { GrpcSide, type Side } from './side.ts';
import { spareEtcdCluster } from './spare-etcd.ts';
import { describeStep, type Step } from './steps.ts';

export type TargetName = 'kontiki' | 'etcd';

export interface DifferentialOptions {
  readonly requests: number;
  readonly seed: number;
  readonly target: TargetName;
  readonly members: number;
  /** Go on after this many requests with a mismatch, less one: what follows the first may be its consequence. */
  readonly mismatchesMax: number;
  readonly print: (line: string) => void;
}

/** Requests for each round of all episodes. */
const requestsPerRound = 2500;
const stepsShown = 8;
const answerSecondsMax = 10;

export async function differentialRun(options: DifferentialOptions): Promise<boolean> {
  const etcd = requirePart('etcd');
  if (etcd.kind === 'absent') throw new Error(`${etcd.reason}: it is the reference`);
  const { print, seed, requests, members, target } = options;
  print(`seed ${seed}: ${requests} requests to etcd and to ${target} with ${members} member(s)`);
  const begun = Date.now();
  const clusters: ClusterProcess[] = [];
  const sides: GrpcSide[] = [];
  try {
    const started = await Promise.allSettled([
      startEtcd(etcd.path, 1),
      target === 'etcd' ? startEtcd(etcd.path, members) : startKontiki(members),
    ]);
    for (const result of started) if (result.status === 'fulfilled') clusters.push(result.value);
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    const identities = new Identities();
    sides.push(
      new GrpcSide('etcd', clusters[0]?.endpoints ?? [], (lease) => lease),
      new GrpcSide(target, clusters[1]?.endpoints ?? [], (lease) => identities.targetLease(lease)),
    );
    await Promise.all(sides.map((side) => side.waitUntilReady()));
    const verdict = await compareSides(options, sides, identities);
    print(`${verdict ? 'equal' : 'DIFFERENT'} after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    if (!verdict) {
      print(
        `repeat with: npm run differential -- --requests ${requests} --seed ${seed} --target ${target} --members ${members}`,
      );
      for (const line of clusters[1]?.lastLines().slice(-10) ?? []) print(`  ${line}`);
    }
    return verdict;
  } finally {
    for (const side of sides) side.close();
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
}

async function compareSides(
  options: DifferentialOptions,
  [reference, target]: readonly Side[],
  identities: Identities,
): Promise<boolean> {
  if (reference === undefined || target === undefined) throw new RangeError('two sides are compared');
  const { print, requests, seed } = options;
  const coverage = new Coverage();
  // Held against itself, etcd may not differ at all.
  const differences = options.target === 'kontiki' ? documentedDifferences() : Differences.none;
  const model = new Model();
  const runner = new Runner({ reference, target, answerSecondsMax }, { identities, differences, coverage }, model);
  const past: string[] = [];
  let mismatches = 0;
  let sent = 0;
  const judge = (found: readonly Discrepancy[]): void => {
    if (found.length === 0) return;
    mismatches += 1;
    print(`request ${sent}: ${found.length} mismatch(es). The last requests, newest below:`);
    for (const line of past) print(`  ${line}`);
    for (const { path, reference: left, target: right } of found.slice(0, 5)) {
      print(`  ${path}\n    etcd: ${left}\n    ${target.name}: ${right}`);
    }
  };
  for (const step of steps(new Random(seed), model, requests)) {
    if (options.target === 'etcd' && options.members > 1) spareEtcdCluster(step);
    sent += 1;
    past.push(`${sent} ${describeStep(step)}`);
    if (past.length > stepsShown) past.shift();
    judge(await runner.run(step));
    if (mismatches >= options.mismatchesMax) return false;
  }
  judge(await runner.finish());
  const missing = [
    ...coverage.missing().map((name) => `never seen: ${name}`),
    ...differences.unmet().map((row) => `a row of docs/etcd-api.md that nothing met: ${row}`),
  ];
  for (const line of missing) print(`  ${line}`);
  print(`${sent} requests, revision ${model.revision}; seen ${coverage.summary()}`);
  return mismatches === 0 && missing.length === 0;
}

/** `requests` random steps, and the episodes strewn in. Lazy: each step is chosen from what the model knows by then. */
function* steps(random: Random, model: Model, requests: number): Iterable<Step> {
  const generator = new Generator(random, model);
  const rounds = Math.max(1, Math.round(requests / requestsPerRound));
  const due = Array.from({ length: rounds }, () => episodes)
    .flat()
    .map((episode): readonly [number, Episode] => [random.below(requests), episode])
    .toSorted(([a], [b]) => a - b);
  let sent = 0;
  for (const [position, episode] of due) {
    for (; sent < position; sent += 1) yield generator.next();
    yield* episode({ generator, model });
  }
  for (; sent < requests; sent += 1) yield generator.next();
}

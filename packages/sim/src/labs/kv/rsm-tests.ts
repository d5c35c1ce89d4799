// The tests of 6.5840's rsm layer (4A, and one of 4C): a counter on three servers, submitted to directly.

import { claim } from '../raft-lab.ts';
import type { LabTest } from '../suite.ts';
import type { Body } from '../threads.ts';
import { decodeJson, encodeJson } from './json-bytes.ts';
import type { KvGroup } from './kv-group.ts';
import { groupTest } from './kv-test.ts';
import type { Machine } from './machine.ts';
import type { Submitted } from './rsm.ts';

type CounterRequest = { readonly kind: 'inc' | 'dec' | 'null' };

class Counter implements Machine<CounterRequest, number> {
  value = 0;

  doOperation({ kind }: CounterRequest): number {
    if (kind !== 'null') this.value += kind === 'inc' ? 1 : -1;
    return this.value;
  }

  isRead({ kind }: CounterRequest): boolean {
    return kind === 'null';
  }

  snapshot(): Uint8Array {
    return encodeJson(this.value);
  }

  restore(bytes: Uint8Array): void {
    this.value = decodeJson<number>(bytes);
  }
}

type Counters = KvGroup<CounterRequest, number>;

const servers = 3;
/** A submit is answered within so long, whatever happens. */
const submitLimitMs = 10_000;
const many = 100;

function* basic(group: Counters): Body<number> {
  for (let value = 1; value <= 10; value += 1) yield* incTo(group, value, servers);
  return 10;
}

function* concurrent(group: Counters): Body<number> {
  const { threads } = group;
  yield* threads.joinAll(Array.from({ length: 50 }, () => threads.spawn(() => inc(group))));
  yield* checkCounters(group, 50, servers);
  return 50;
}

function* leaderFailure(group: Counters): Body<number> {
  yield* incTo(group, 1, servers);
  const leader = yield* group.leader();
  group.cluster.disconnect(leader);
  yield* incTo(group, 2, servers - 1);
  group.cluster.connect(leader);
  yield* checkCounters(group, 2, servers);
  return 2;
}

/** What a leader without a majority was asked for does not happen, and is told so once the network is whole. */
function* leaderPartition(group: Counters): Body<number> {
  const { threads, cluster } = group;
  yield* incTo(group, 1, servers);
  const { majority, minority } = yield* group.halves();
  cluster.partition([majority, minority]);
  const [leader = 0] = minority;
  const rsm = group.rsm(leader);
  const ended: Submitted<number>[] = [];
  for (let i = 0; i < many; i += 1) rsm.submitted(encodeJson({ kind: 'dec' }), (submitted) => ended.push(submitted));
  const carriedOut = (): number => ended.filter(({ kind }) => kind === 'ok').length;
  yield* threads.sleep(10);
  yield* incTo(group, 2, 2, majority);
  yield* threads.sleep(1000);
  claim(carriedOut() === 0, () => `${carriedOut()} were carried out by a minority`);
  // A leader that does not ask whether it still leads has nothing to say yet.
  const { checkQuorum = true } = cluster.setting.driver;
  claim(checkQuorum || ended.length === 0, () => `${ended.length} were answered in a minority`);
  group.connectAll();
  yield* threads.sleep(1000);
  claim(ended.length === many, () => `only ${ended.length} were answered within a second`);
  claim(carriedOut() === 0, () => `${carriedOut()} of a deposed leader were carried out`);
  yield* incTo(group, 3, servers);
  return 3;
}

function* restartReplay(group: Counters): Body<number> {
  for (let value = 1; value <= many; value += 1) yield* incTo(group, value, servers);
  yield* group.restartAll();
  yield* incTo(group, many + 1, servers);
  return many + 1;
}

function* shutdown(group: Counters): Body<number> {
  yield* shutdownWithSubmits(group);
  return many;
}

function* restartSubmit(group: Counters): Body<number> {
  yield* restartReplay(group);
  yield* shutdownWithSubmits(group);
  for (const at of group.everybody) group.start(at);
  group.connectAll();
  yield* incTo(group, many + 2, servers);
  return 2 * many + 2;
}

/** Everybody who has submitted is answered, though all servers end. */
function* shutdownWithSubmits(group: Counters): Body {
  const { threads } = group;
  const rsm = group.rsm(yield* group.leader());
  let ended = 0;
  for (let i = 0; i < many; i += 1) {
    rsm.submitted(encodeJson({ kind: 'null' }), () => {
      ended += 1;
    });
  }
  yield* threads.sleep(20);
  for (const at of group.everybody) group.shutdown(at);
  for (let waited = 0; ended < many && waited < submitLimitMs + 1000; waited += 100) yield* threads.sleep(100);
  claim(ended === many, () => `only ${ended} of ${many} were answered when all servers had ended`);
}

function* snapshots(group: Counters): Body<number> {
  for (let value = 1; value <= many; value += 1) yield* incTo(group, value, servers);
  group.checkLog(2 * logBytesMax);
  yield* group.restartAll();
  yield* incTo(group, many + 1, servers);
  group.checkLog(2 * logBytesMax);
  return many + 1;
}

/** Has it raised once by somebody who leads. */
function* inc(group: Counters, among: readonly number[] = group.everybody): Body<number> {
  const { threads, cluster } = group;
  const begun = threads.now;
  while (threads.now - begun < submitLimitMs) {
    for (const at of among) {
      if (!cluster.isConnected(at)) continue;
      const submitted = yield* group.rsm(at).submit({ kind: 'inc' });
      if (submitted.kind === 'ok') return submitted.answer;
    }
    yield* threads.sleep(50);
  }
  throw new Error('nobody raised the counter within 10 s');
}

function* incTo(group: Counters, value: number, expected: number, among?: readonly number[]): Body {
  const found = yield* inc(group, among);
  claim(found === value, () => `the counter is ${found}, not ${value}`);
  yield* checkCounters(group, value, expected);
}

/** Within 10 s, so many servers have counted to it. */
function* checkCounters(group: Counters, value: number, expected: number): Body {
  const { threads } = group;
  const counted = (): readonly number[] => group.everybody.map((at) => (group.rsm(at).machine as Counter).value);
  for (let waited = 0; waited < submitLimitMs; waited += 10) {
    if (counted().filter((one) => one === value).length >= expected) return;
    yield* threads.sleep(10);
  }
  throw new Error(`the counters are ${counted().join(', ')}: not ${expected} of them ${value}`);
}

const logBytesMax = 1000;
const newMachine = (): Counter => new Counter();
const common = { peers: servers, network: 'reliable', newMachine } as const;

export const rsmTests: readonly LabTest[] = [
  groupTest({ ...common, name: 'RsmBasic', title: 'one after the other', part: { mit65840: '4A' }, body: basic }),
  groupTest({ ...common, name: 'RsmConcurrent', title: 'fifty at once', part: { mit65840: '4A' }, body: concurrent }),
  groupTest({
    ...common,
    name: 'RsmLeaderFailure',
    title: 'another leader goes on',
    part: { mit65840: '4A' },
    body: leaderFailure,
  }),
  groupTest({
    ...common,
    name: 'RsmLeaderPartition',
    title: 'a minority does nothing and says so',
    part: { mit65840: '4A' },
    body: leaderPartition,
  }),
  groupTest({
    ...common,
    name: 'RsmRestartReplay',
    title: 'the log is carried out anew',
    part: { mit65840: '4A' },
    body: restartReplay,
  }),
  groupTest({
    ...common,
    name: 'RsmShutdown',
    title: 'whoever waits is answered at the end',
    part: { mit65840: '4A' },
    body: shutdown,
  }),
  groupTest({
    ...common,
    name: 'RsmRestartSubmit',
    title: 'a restart, then an end with many waiting',
    part: { mit65840: '4A' },
    body: restartSubmit,
  }),
  groupTest({
    ...common,
    name: 'RsmSnapshot',
    title: 'a small log, and a restart from a snapshot',
    part: { mit65840: '4C' },
    logBytesMax,
    body: snapshots,
  }),
];

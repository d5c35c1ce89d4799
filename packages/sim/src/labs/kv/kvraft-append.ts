// 6.824's replicated store (3A, and 3B with snapshots): bodies of its tests.

import { claim } from '../raft-lab.ts';
import type { Body } from '../threads.ts';
import {
  AppendClient,
  type AppendHistory,
  appended,
  appendWork,
  checkAppends,
  checkNothingElse,
  newAppendHistory,
} from './append-client.ts';
import type { AppendAnswer, AppendRequest } from './append-machine.ts';
import type { Calls } from './calls.ts';
import { AppendClerk } from './clerks.ts';
import { type GenericFlags, genericTest, thinkMsOf } from './generic-test.ts';
import type { KvGroup } from './kv-group.ts';
import { checkSizes, checkSpeed, snapshotRpc } from './kvraft-common.ts';

export type AppendGroup = KvGroup<AppendRequest, AppendAnswer>;

const roundMs = 5000;

export function* genericAppend(group: AppendGroup, flags: GenericFlags): Body<number> {
  const { threads, chance } = group;
  const { clients, hasRandomKeys = false } = flags;
  const clerks = new Clerks(group);
  const checker = clerks.client();
  const thinkMs = thinkMsOf(clients);
  yield* genericTest({
    ...flags,
    group,
    roundMs,
    work: (number, isOver) =>
      appendWork({ threads, chance, client: clerks.client(), number, hasRandomKeys, clients, thinkMs, isOver }),
    check: function* (written) {
      for (const [number, count] of written.entries()) {
        const text = yield* checker.get(`${number}`);
        if (!hasRandomKeys) checkAppends(number, text, count);
      }
    },
  });
  clerks.history.check();
  return clerks.history.length;
}

/** A thousand appends of one client take less than a third of a heartbeat each. */
export function* appendSpeed(group: AppendGroup): Body<number> {
  const { threads } = group;
  const operations = 1000;
  const clerks = new Clerks(group);
  const client = clerks.client();
  // From here on there is a leader.
  yield* client.get('x');
  const begun = threads.now;
  for (let count = 0; count < operations; count += 1) yield* client.append('x', appended(0, count));
  const tookMs = threads.now - begun;
  checkAppends(0, yield* client.get('x'), operations);
  checkSpeed(operations, tookMs);
  return operations;
}

/** Five clients append ten values each to one key. */
export function* appendOneKey(group: AppendGroup): Body<number> {
  const { threads } = group;
  const clerks = new Clerks(group);
  const checker = clerks.client();
  const clients = 5;
  const values = 10;
  yield* checker.put('k', '');
  const working = Array.from({ length: clients }, (_, number) =>
    threads.spawn(function* () {
      const client = clerks.client();
      for (let count = 0; count < values; count += 1) yield* client.append('k', appended(number, count));
    }),
  );
  yield* threads.joinAll(working);
  checkNothingElse(yield* checker.get('k'), new Array<number>(clients).fill(values));
  clerks.history.check();
  return clerks.history.length;
}

/** A leader without a majority answers nobody, and what it was asked for is done when the network is whole again. */
export function* appendOnePartition(group: AppendGroup): Body<number> {
  const { threads, cluster } = group;
  const clerks = new Clerks(group);
  const everywhere = clerks.client();
  yield* everywhere.put('1', '13');

  const { majority, minority } = yield* group.halves();
  cluster.partition([majority, minority]);
  const inMajority = clerks.client(majority);
  const [putCalls, getCalls] = [group.calls('cut off 1', minority), group.calls('cut off 2', minority)];
  const [putter, getter] = [clerks.over(putCalls), clerks.over(getCalls)];
  yield* inMajority.put('1', '14');
  yield* inMajority.expect('1', '14');

  const stuck = [threads.spawn(() => putter.put('1', '15')), threads.spawn(() => getter.get('1'))];
  const done = (): number => stuck.filter(({ isDone }) => isDone).length;
  yield* threads.sleep(1000);
  claim(done() === 0, () => `${done()} calls were answered in a minority`);
  yield* inMajority.expect('1', '14');
  yield* inMajority.put('1', '16');
  yield* inMajority.expect('1', '16');

  group.connectAll();
  for (const calls of [putCalls, getCalls]) calls.connect(group.everybody);
  for (let waited = 0; waited < 3000 && done() < 2; waited += 100) yield* threads.sleep(100);
  claim(done() === 2, () => `only ${done()} calls of 2 were answered within 3 s after the network was whole`);
  yield* everywhere.expect('1', '15');
  clerks.history.check();
  return clerks.history.length;
}

export function* appendSnapshotRpc(group: AppendGroup): Body<number> {
  const clerks = new Clerks(group);
  yield* snapshotRpc(group, (_, servers) => clerks.client(servers));
  clerks.history.check();
  return clerks.history.length;
}

/** Eight hundred operations on one key leave a small log and a small snapshot. */
export function* appendSnapshotSize(group: AppendGroup): Body<number> {
  const { threads } = group;
  const clerks = new Clerks(group);
  const client = clerks.client();
  const begun = threads.now;
  for (let round = 0; round < 200; round += 1) {
    for (const value of ['0', '1']) {
      yield* client.put('x', value);
      yield* client.expect('x', value);
    }
  }
  checkSizes(group, threads.now - begun);
  clerks.history.check();
  return clerks.history.length;
}

/** The clients of one test, and what they have seen. */
class Clerks {
  readonly history: AppendHistory = newAppendHistory();
  readonly #group: AppendGroup;
  #clients = 0;

  constructor(group: AppendGroup) {
    this.#group = group;
  }

  client(servers: readonly number[] = this.#group.everybody): AppendClient {
    return this.over(this.#group.calls(`client ${this.#clients + 1}`, servers));
  }

  over(calls: Calls<AppendRequest, AppendAnswer>): AppendClient {
    this.#clients += 1;
    return new AppendClient(new AppendClerk(this.#clients, calls), this.history);
  }
}

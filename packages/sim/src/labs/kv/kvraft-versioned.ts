// 6.5840's replicated store (4B, and 4C with snapshots): bodies of its tests. A put names the version that it replaces.

import { claim } from '../raft-lab.ts';
import type { Body } from '../threads.ts';
import type { Calls } from './calls.ts';
import { VersionedClerk } from './clerks.ts';
import { type GenericFlags, genericTest, thinkMsOf } from './generic-test.ts';
import type { KvGroup } from './kv-group.ts';
import { checkSizes, checkSpeed, snapshotRpc } from './kvraft-common.ts';
import {
  checkVersions,
  newVersionedHistory,
  type Puts,
  VersionedClient,
  type VersionedHistory,
  versionedWork,
} from './versioned-client.ts';
import type { VersionedAnswer, VersionedRequest } from './versioned-machine.ts';

export type VersionedGroup = KvGroup<VersionedRequest, VersionedAnswer>;

/** The labs' rounds take one second, and their faults come after it. */
const roundMs = 1000;
/** A round under faults has to be longer than an election, or hardly anything is done in it. */
const hardRoundMs = 5000;

export function* genericVersioned(group: VersionedGroup, flags: GenericFlags): Body<number> {
  const { threads, chance, cluster } = group;
  const { clients, hasRandomKeys = false, crashes = false, partitions = false } = flags;
  const clerks = new Clerks(group);
  const checker = clerks.client();
  const keys = hasRandomKeys ? Array.from({ length: 100 }, (_, key) => `k${key}`) : ['k'];
  const isHard = cluster.setting.name === 'hard';
  // Without losses and deaths each put that was not answered with ok certainly failed. Not so where a request comes a second
  // time: to one who did not lead yet when it came first.
  const isSure = cluster.network.isReliable && !crashes && !partitions && !isHard;
  const all: Puts[] = [];
  const isLong = isHard && (crashes || partitions);
  const thinkMs = isLong ? thinkMsOf(clients) : thinkMsOf(clients) / 2;
  yield* genericTest({
    ...flags,
    group,
    roundMs: isLong ? hardRoundMs : roundMs,
    work: (number, isOver) =>
      versionedWork({ threads, chance, client: clerks.client(`${number}`), keys, thinkMs, isOver }),
    check: function* (puts) {
      all.push(...puts);
      let versions = 0;
      for (const key of keys) versions += (yield* checker.get(key))?.version ?? 0;
      checkVersions(versions, all, isSure);
    },
  });
  clerks.history.check();
  return clerks.history.length;
}

/** A thousand puts of one client take less than a third of a heartbeat each. */
export function* versionedSpeed(group: VersionedGroup): Body<number> {
  const { threads } = group;
  const operations = 1000;
  const clerks = new Clerks(group);
  const client = clerks.client();
  // From here on there is a leader.
  yield* client.get('x');
  const begun = threads.now;
  for (let version = 0; version < operations; version += 1) yield* client.expectPut('x', `${version}`, version, 'ok');
  checkSpeed(operations, threads.now - begun);
  clerks.history.check();
  return clerks.history.length;
}

/** A leader without a majority answers nobody, and what it was asked for is done when the network is whole again. */
export function* versionedOnePartition(group: VersionedGroup): Body<number> {
  const { threads, cluster } = group;
  const clerks = new Clerks(group);
  const everywhere = clerks.client();
  yield* put(everywhere, '13', 0);

  const { majority, minority } = yield* group.halves();
  cluster.partition([majority, minority]);
  const inMajority = clerks.client('majority', majority);
  const [putCalls, getCalls] = [group.calls('cut off 1', minority), group.calls('cut off 2', minority)];
  const [putter, getter] = [clerks.over(putCalls, 'cut off 1'), clerks.over(getCalls, 'cut off 2')];
  yield* put(inMajority, '14', 1);
  yield* inMajority.expect('1', '14', 2);

  // It names the version that will be there when the network is whole.
  const stuckPut = threads.spawn(() => putter.put('1', '15', 3));
  const stuckGet = threads.spawn(() => getter.get('1'));
  const done = (): number => [stuckPut, stuckGet].filter(({ isDone }) => isDone).length;
  yield* threads.sleep(1000);
  claim(done() === 0, () => `${done()} calls were answered in a minority`);
  yield* inMajority.expect('1', '14', 2);
  yield* put(inMajority, '16', 2);
  yield* inMajority.expect('1', '16', 3);

  group.connectAll();
  for (const calls of [putCalls, getCalls]) calls.connect(group.everybody);
  for (let waited = 0; waited < 3000 && done() < 2; waited += 100) yield* threads.sleep(100);
  claim(done() === 2, () => `only ${done()} calls of 2 were answered within 3 s after the network was whole`);
  const outcome = stuckPut.result;
  claim(outcome === 'ok' || outcome === 'errMaybe', () => `the put of the minority: ${outcome}`);
  yield* everywhere.expect('1', '15', 4);
  clerks.history.check();
  return clerks.history.length;
}

export function* versionedSnapshotRpc(group: VersionedGroup): Body<number> {
  const clerks = new Clerks(group);
  yield* snapshotRpc(group, (name, servers) => {
    const client = clerks.client(name, servers);
    return {
      put: (key, value) => put(client, value, 0, key),
      expect: (key, value) => client.expect(key, value, 1),
    };
  });
  clerks.history.check();
  return clerks.history.length;
}

/** Eight hundred operations on one key leave a small log and a small snapshot. */
export function* versionedSnapshotSize(group: VersionedGroup): Body<number> {
  const { threads } = group;
  const clerks = new Clerks(group);
  const client = clerks.client();
  // From here on there is a leader: no put is done by one who did not lead yet when it came first.
  yield* client.get('x');
  const begun = threads.now;
  for (let version = 0; version < 400; version += 1) {
    const value = `${version % 2}`;
    yield* client.expectPut('x', value, version, 'ok');
    yield* client.expect('x', value, version + 1);
  }
  checkSizes(group, threads.now - begun);
  clerks.history.check();
  return clerks.history.length;
}

/** Where leaders change or messages are lost, nobody may hear that a put has happened. What is read afterwards tells. */
function* put(client: VersionedClient, value: string, version: number, key = '1'): Body {
  const outcome = yield* client.put(key, value, version);
  claim(outcome === 'ok' || outcome === 'errMaybe', () => `put ${key} at ${version}: ${outcome}`);
}

/** The clients of one test, and what they have seen. */
class Clerks {
  readonly history: VersionedHistory = newVersionedHistory();
  readonly #group: VersionedGroup;

  constructor(group: VersionedGroup) {
    this.#group = group;
  }

  client(name = 'checker', servers: readonly number[] = this.#group.everybody): VersionedClient {
    return this.over(this.#group.calls(`client ${name}`, servers), name);
  }

  over(calls: Calls<VersionedRequest, VersionedAnswer>, name: string): VersionedClient {
    return new VersionedClient(`client ${name}`, new VersionedClerk(calls, this.#group.rules), this.history);
  }
}

// The tests of 6.5840's single server from 2025 on: puts that name a version, and locks built on them.

import { claim } from '../raft-lab.ts';
import type { Body } from '../threads.ts';
import { VersionedClerk } from './clerks.ts';
import type { Ground } from './ground.ts';
import { Lock } from './lock.ts';
import { callsTo, serve } from './single-server.ts';
import {
  checkVersions,
  newVersionedHistory,
  VersionedClient,
  type VersionedHistory,
  versionedWork,
} from './versioned-client.ts';
import { type VersionedAnswer, VersionedMachine, type VersionedRequest } from './versioned-machine.ts';

/** What each answer is, to one client. */
export function* reliablePut(ground: Ground): Body<number> {
  const { history, newClient } = begin(ground);
  const client = newClient();
  yield* client.expectPut('k', 'a', 0, 'ok');
  yield* client.expect('k', 'a', 1);
  yield* client.expectPut('k', 'b', 0, 'errVersion');
  yield* client.expectPut('other', 'b', 1, 'errNoKey');
  const other = yield* client.get('other');
  claim(other === undefined, () => `get other: "${other?.value}", and nobody put it`);
  yield* client.expectPut('k', 'b', 1, 'ok');
  yield* client.expect('k', 'b', 2);
  history.check();
  return history.length;
}

/** Ten clients put to one key for a second; each put that was carried out is one version. */
export function* concurrentPuts(ground: Ground): Body<number> {
  const { threads, chance } = ground;
  const { history, newClient } = begin(ground);
  let isOver = false;
  const working = Array.from({ length: 10 }, () =>
    threads.spawn(() =>
      versionedWork({ threads, chance, client: newClient(), keys: ['k'], thinkMs: 20, isOver: () => isOver }),
    ),
  );
  yield* threads.sleep(1000);
  isOver = true;
  const puts = yield* threads.joinAll(working);
  const found = yield* newClient().get('k');
  checkVersions(found?.version ?? 0, puts, true);
  history.check();
  return history.length;
}

/**
 * One client puts a hundred times over a network that loses messages: each put is carried out at most once. It goes on until it
 * was once not told whether its put had happened, which in a hundred times is all but certain, and in eight hundred runs is not.
 */
export function* unreliablePuts(ground: Ground): Body<number> {
  const { history, newClient } = begin(ground);
  const client = newClient();
  let maybes = 0;
  for (let version = 0; version < 100 || (maybes === 0 && version < 1000 && !ground.isHard); ) {
    const outcome = yield* client.put('k', `${version}`, version);
    if (outcome === 'errMaybe') maybes += 1;
    else claim(outcome === 'ok', () => `put k at ${version}: ${outcome}, not ok`);
    version += 1;
    // Nobody else writes, so an answer that did not come was to a put that was carried out.
    yield* client.expect('k', `${version - 1}`, version);
  }
  claim(maybes > 0 || ground.isHard, () => 'no put was answered with errMaybe');
  history.check();
  return history.length;
}

/** For two seconds each client takes the lock, is alone, and gives it back. Answers how often it was taken. */
export function* locks(ground: Ground, clients: number): Body<number> {
  const { threads, chance } = ground;
  const { history, newClient, newClerk } = begin(ground);
  let isOver = false;
  let taken = 0;
  const watcher = newClient();
  yield* watcher.put('l0', '', 0);
  const working = Array.from({ length: clients }, (_, number) =>
    threads.spawn(function* () {
      const client = newClient();
      const lock = new Lock({ threads, clerk: newClerk(), key: 'lock', owner: `owner ${number}`, rules: ground.rules });
      while (!isOver) {
        yield* lock.acquire();
        yield* beAlone(ground, client, `owner ${number}`);
        yield* lock.release();
        taken += 1;
        yield* threads.sleep(chance.between(1, 10));
      }
    }),
  );
  yield* threads.sleep(2000);
  isOver = true;
  yield* threads.joinAll(working);
  history.check();
  return taken;
}

/** Throws if somebody else writes to `l0` meanwhile, or has left a name there. */
function* beAlone({ threads }: Ground, client: VersionedClient, owner: string): Body {
  const before = yield* client.get('l0');
  if (before === undefined || before.value !== '') throw new Error(`${owner} is not alone: ${before?.value}`);
  const { version } = before;
  const put = yield* client.put('l0', owner, version);
  claim(put === 'ok' || put === 'errMaybe', () => `${owner} puts its name: ${put}`);
  yield* threads.sleep(10);
  yield* client.expect('l0', owner, version + 1);
  const cleared = yield* client.put('l0', '', version + 1);
  claim(cleared === 'ok' || cleared === 'errMaybe', () => `${owner} takes its name away: ${cleared}`);
}

interface Service {
  readonly history: VersionedHistory;
  readonly newClient: () => VersionedClient;
  /** Whose calls nobody writes down. */
  readonly newClerk: () => VersionedClerk;
}

function begin({ threads, network, rules }: Ground): Service {
  const history = newVersionedHistory();
  serve(network, new VersionedMachine(rules));
  let clients = 0;
  const newClerk = (): VersionedClerk => {
    clients += 1;
    return new VersionedClerk(callsTo<VersionedRequest, VersionedAnswer>(threads, network, `client ${clients}`), rules);
  };
  return {
    history,
    newClerk,
    newClient: () => {
      const clerk = newClerk();
      return new VersionedClient(`client ${clients}`, clerk, history);
    },
  };
}

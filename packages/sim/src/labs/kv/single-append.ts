// The tests of 6.5840's single server as of 2024: put, get, and append, which answers with the value before it.

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
import { type AppendAnswer, AppendMachine, type AppendRequest } from './append-machine.ts';
import { AppendClerk } from './clerks.ts';
import type { Ground } from './ground.ts';
import { callsTo, serve } from './single-server.ts';

const rounds = 3;
const roundMs = 1000;
const thinkMs = 20;

/** Clients append to keys of their own, and read what they have appended. */
export function* genericSingleAppend(ground: Ground, clients: number): Body<number> {
  const { threads, chance } = ground;
  const { history, newClient } = begin(ground);
  const checker = newClient();
  for (let round = 0; round < rounds; round += 1) {
    let isOver = false;
    const working = Array.from({ length: clients }, (_, number) =>
      threads.spawn(() =>
        appendWork({
          threads,
          chance,
          client: newClient(),
          number,
          clients,
          hasRandomKeys: false,
          thinkMs,
          isOver: () => isOver,
        }),
      ),
    );
    yield* threads.sleep(roundMs);
    isOver = true;
    const written = yield* threads.joinAll(working);
    for (const [number, count] of written.entries()) checkAppends(number, yield* checker.get(`${number}`), count);
  }
  history.check();
  return history.length;
}

/** Five clients append ten values each to one key. */
export function* oneKeySingleAppend(ground: Ground): Body<number> {
  const { threads } = ground;
  const { history, newClient } = begin(ground);
  const checker = newClient();
  const clients = 5;
  const values = 10;
  yield* checker.put('k', '');
  const working = Array.from({ length: clients }, (_, number) =>
    threads.spawn(function* () {
      const client = newClient();
      for (let count = 0; count < values; count += 1) yield* client.append('k', appended(number, count));
    }),
  );
  yield* threads.joinAll(working);
  checkNothingElse(yield* checker.get('k'), new Array<number>(clients).fill(values));
  history.check();
  return history.length;
}

function begin({ threads, network, rules }: Ground): {
  readonly history: AppendHistory;
  readonly newClient: () => AppendClient;
} {
  const history = newAppendHistory();
  serve(network, new AppendMachine({ tellsBefore: true, rules }));
  let clients = 0;
  return {
    history,
    newClient: () => {
      clients += 1;
      const calls = callsTo<AppendRequest, AppendAnswer>(threads, network, `client ${clients}`);
      return new AppendClient(new AppendClerk(clients, calls), history, true);
    },
  };
}

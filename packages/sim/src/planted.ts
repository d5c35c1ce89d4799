// Faults of our own making, each a wrapper around a port or an option, so that the judge can be seen to go red. No run
// without a name from here contains any of them.

import type { Backend, BackendView, BackendWrite } from '@kontiki/kv';
import type { Done, LogStore, Message, Persist, Ticker, Transport, TransportHandler } from '@kontiki/raft';

export const plantedFaults = [
  'logAnswersBeforeSync',
  'backendReportsEarly',
  'positionBehindRows',
  'commandGivenAgain',
  'requestArrivesTwice',
  'readsWithoutBarrier',
  'acknowledgementOvertakesWrite',
  'leasesRunTwiceAsFast',
  'watchSkipsARevision',
] as const;
export type PlantedFault = (typeof plantedFaults)[number];

export type Planted = ReadonlySet<PlantedFault>;

export function plantedLog(log: LogStore, ticker: Ticker, planted: Planted): LogStore {
  return planted.has('logAnswersBeforeSync') ? answersBeforeSync(log, ticker) : log;
}

export function plantedBackend(backend: Backend, planted: Planted): Backend {
  let faulty = backend;
  if (planted.has('backendReportsEarly')) faulty = reportsEarly(faulty);
  if (planted.has('positionBehindRows')) faulty = positionBehindRows(faulty);
  return faulty;
}

export function plantedTransport(transport: Transport, planted: Planted): Transport {
  let faulty = transport;
  if (planted.has('commandGivenAgain')) faulty = callsLostRefused(faulty);
  if (planted.has('requestArrivesTwice')) faulty = requestsArriveTwice(faulty);
  if (planted.has('acknowledgementOvertakesWrite')) faulty = acknowledgesEarly(faulty);
  return faulty;
}

/** A log that answers when it has been told, and writes later. */
function answersBeforeSync(log: LogStore, ticker: Ticker): LogStore {
  const waiting: Persist[] = [];
  let isWriting = false;
  const writeNext = (): void => {
    const next = waiting.shift();
    isWriting = next !== undefined;
    if (next !== undefined) log.append(next, writeNext);
  };
  return {
    recovered: log.recovered,
    append: (write: Persist, done: Done): void => {
      waiting.push(write);
      if (!isWriting) writeNext();
      ticker.defer(() => done(undefined));
    },
    close: (done: Done): void => log.close(done),
  };
}

/** A backend that reports what only shows as durable. */
function reportsEarly(backend: Backend): Backend {
  return {
    view: () => backend.view(),
    size: () => backend.size(),
    close: (done) => backend.close(done),
    commit: (writes, committed, durable) => {
      backend.commit(
        writes,
        (error) => {
          committed(error);
          durable(error);
        },
        () => {},
      );
    },
  };
}

/** A backend whose applied position is an entry older than its rows: after a start that entry is applied again. */
function positionBehindRows(backend: Backend): Backend {
  const state = 'state';
  const isState = (key: Uint8Array): boolean => String.fromCharCode(...key) === state;
  const older = (value: Uint8Array): Uint8Array => {
    const copy = value.slice();
    const view = new DataView(copy.buffer);
    const index = view.getBigUint64(0);
    if (index > 1n) view.setBigUint64(0, index - 1n);
    return copy;
  };
  return {
    view: (): BackendView => {
      const view = backend.view();
      return {
        get: (space, key) => {
          const value = view.get(space, key);
          return value !== undefined && space === 'meta' && isState(key) ? older(value) : value;
        },
        scan: (space, from, to, visit) => view.scan(space, from, to, visit),
        close: () => view.close(),
      };
    },
    size: () => backend.size(),
    close: (done) => backend.close(done),
    commit: (writes: readonly BackendWrite[], committed, durable) => backend.commit(writes, committed, durable),
  };
}

/** A lost link is taken for a refusal, so that what may have happened is done again. */
function callsLostRefused(transport: Transport): Transport {
  return {
    ...forwarding(transport),
    request: (to, body, timeoutTicks, answer) =>
      transport.request(to, body, timeoutTicks, (outcome) =>
        answer(outcome.kind === 'lost' ? { ...outcome, kind: 'refused' } : outcome),
      ),
  };
}

/** Some forwarded commands reach the leader twice. */
function requestsArriveTwice(transport: Transport): Transport {
  let count = 0;
  return {
    ...forwarding(transport),
    start: (handler) =>
      transport.start({
        ...handler,
        request: (from, body, reply) => {
          count += 1;
          handler.request(from, body, reply);
          if (count % 50 === 0) handler.request(from, body, () => {});
        },
      }),
  };
}

/** What arrives is acknowledged before it is written, as if the acknowledgement had overtaken the write. */
function acknowledgesEarly(transport: Transport): Transport {
  let matched = { term: 0, index: 0 };
  return {
    ...forwarding(transport),
    send: (message: Message): void => {
      if (message.kind === 'appendEntriesReply' && message.outcome.kind === 'matched') {
        const { match } = message.outcome;
        if (message.term > matched.term) matched = { term: message.term, index: match };
        else matched = { term: message.term, index: Math.max(matched.index, match) };
      }
      transport.send(message);
    },
    start: (handler: TransportHandler): void =>
      transport.start({
        ...handler,
        receive: (message) => {
          if (
            message.kind === 'appendEntries' &&
            message.term === matched.term &&
            message.prev.index <= matched.index
          ) {
            const last = message.entries.at(-1)?.index;
            const { from, to, term, round } = message;
            if (last !== undefined && last > matched.index) {
              matched = { term, index: last };
              const outcome = { kind: 'matched', match: last } as const;
              transport.send({ kind: 'appendEntriesReply', from: to, to: from, term, round, outcome });
            }
          }
          handler.receive(message);
        },
      }),
  };
}

/** All methods of a transport, to be replaced one by one. */
export function forwarding(transport: Transport): Transport {
  return {
    start: (handler) => transport.start(handler),
    setPeers: (peers) => transport.setPeers(peers),
    send: (message) => transport.send(message),
    sendSnapshot: (to, source, done) => transport.sendSnapshot(to, source, done),
    request: (to, body, timeoutTicks, answer) => transport.request(to, body, timeoutTicks, answer),
    stop: (done) => transport.stop(done),
  };
}

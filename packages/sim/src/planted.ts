// Faults of our own making which no package decides by a rule: they are wrapped around the transport, or sit in the client
// of a watch, so that the judge can be seen to go red. No run without a name from here contains any of them; bugs that are
// decisions are in mutants.ts.

import type { Transport } from '@kontiki/raft';

export const plantedFaults = ['requestArrivesTwice', 'watchSkipsARevision'] as const;
export type PlantedFault = (typeof plantedFaults)[number];

export type Planted = ReadonlySet<PlantedFault>;

export function plantedTransport(transport: Transport, planted: Planted): Transport {
  return planted.has('requestArrivesTwice') ? requestsArriveTwice(transport) : transport;
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

// The service of one server without a log: what arrives is carried out at once. A server for life; only the network fails.

import type { LabNetwork } from '../network.ts';
import type { Threads } from '../threads.ts';
import { Calls, type Reply } from './calls.ts';
import { decodeJson, encodeJson } from './json-bytes.ts';
import type { Machine } from './machine.ts';

const name = 'kvsrv';

export function serve<Request, Answer>(network: LabNetwork, machine: Machine<Request, Answer>): void {
  network.addServer(name, ({ args, reply }) => {
    const answer = machine.doOperation(decodeJson<Request>(args));
    reply(encodeJson({ kind: 'answered', answer } satisfies Reply<Answer>));
  });
}

/** Of a client of that server. */
export function callsTo<Request, Answer>(threads: Threads, network: LabNetwork, owner: string): Calls<Request, Answer> {
  const endpoint = network.endpoint(owner);
  endpoint.connect(name);
  const calls = new Calls<Request, Answer>(threads, [endpoint]);
  calls.connect([0]);
  return calls;
}

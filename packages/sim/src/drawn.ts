// Where the inputs of a run come from: drawn from its seed while the cluster is looked at, or read from the list that an
// earlier run has left.

import type { Calls } from './calls.ts';
import { Client } from './clients.ts';
import type { Cluster } from './cluster.ts';
import { type CallInput, type Input, isCall, type TimedInput } from './inputs.ts';
import { Nemesis } from './nemesis.ts';

/** Called once at the beginning of each tick of the phase of faults. */
export type Source = () => void;

export interface SourceParts {
  readonly cluster: Cluster;
  readonly calls: Calls;
  /** Carries an input out and enters it into the list. Answers whether there was anything to do. */
  readonly apply: (input: Input) => boolean;
}

export function drawn({ cluster, calls, apply }: SourceParts): Source {
  const { plan } = cluster;
  const nemesis = new Nemesis(cluster, apply);
  const clients = Array.from({ length: plan.clients }, (_, at) => new Client(at + 1, plan));
  const ask = async (client: Client, input: CallInput): Promise<void> => {
    apply(input);
    client.answered(input, await calls.make(input), cluster.time.now);
  };
  return () => {
    nemesis.step();
    for (const client of clients) {
      const input = client.next(cluster);
      if (input !== undefined) void ask(client, input);
    }
  };
}

export function recorded(inputs: readonly TimedInput[], { cluster, calls, apply }: SourceParts): Source {
  let next = 0;
  return () => {
    for (let timed = inputs[next]; timed !== undefined && timed.at <= cluster.time.now; timed = inputs[next]) {
      next += 1;
      apply(timed.input);
      if (isCall(timed.input)) void calls.make(timed.input);
    }
  };
}

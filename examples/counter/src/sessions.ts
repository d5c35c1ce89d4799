// The same counters with sessions around them: each command is executed exactly once, however often it had to be sent. The
// clients here live in the same process; yours call the hosts through your own RPC, which is one function from bytes to bytes.

import type { NodeId } from '@kontiki/raft';
import {
  remoteEndpoint,
  SessionClient,
  type SessionEndpoint,
  SessionHost,
  SessionMachine,
  type SessionResult,
} from '@kontiki/raft/sessions';
import { NodeTicker } from '@kontiki/transport/node';
import { LocalCluster } from './cluster.ts';
import { Counters } from './counter.ts';

/** What your RPC does with a request for one replica. */
export type Call = (to: NodeId, request: Uint8Array) => Promise<Uint8Array>;

export class CountersWithSessions {
  readonly #ticker = new NodeTicker();
  readonly #hosts = new Map<NodeId, SessionHost<string, number>>();
  #cluster: LocalCluster<SessionResult, string, number> | undefined;

  static async start(directory: string, ports: readonly number[]): Promise<CountersWithSessions> {
    const self = new CountersWithSessions();
    self.#cluster = await LocalCluster.start<SessionResult, string, number>({
      cluster: 'counter-with-sessions',
      directory,
      ports,
      machine: () => new SessionMachine({ machine: new Counters(), encodeReply: encodeValue }),
      opened: (node, machine) => {
        if (!(machine instanceof SessionMachine)) return;
        self.#hosts.get(node.id)?.close();
        self.#hosts.set(node.id, new SessionHost({ node, table: machine.table, ticker: self.#ticker }));
      },
    });
    return self;
  }

  get cluster(): LocalCluster<SessionResult, string, number> {
    if (this.#cluster === undefined) throw new Error('not started');
    return this.#cluster;
  }

  /** The member's end of the RPC. */
  async call(to: NodeId, request: Uint8Array): Promise<Uint8Array> {
    const host = this.#hosts.get(to);
    if (host === undefined) throw new Error(`nobody listens at ${to}`);
    return host.call(request);
  }

  /** The client's end. A client needs only the names of the replicas and a way to call them. */
  connect(seed: string, call: Call = (to, request) => this.call(to, request)): Promise<SessionClient<number>> {
    const endpoint = (to: NodeId): SessionEndpoint => remoteEndpoint((request) => call(to, request), this.#ticker);
    return SessionClient.open({
      endpoints: new Map(this.cluster.ids.map((to) => [to, endpoint(to)])),
      ticker: this.#ticker,
      seed,
      decodeReply: decodeValue,
    });
  }

  async stop(): Promise<void> {
    for (const host of this.#hosts.values()) host.close();
    await this.cluster.stop();
  }
}

function encodeValue(value: number): Uint8Array {
  return new TextEncoder().encode(String(value));
}

function decodeValue(bytes: Uint8Array): number {
  return Number(new TextDecoder().decode(bytes));
}

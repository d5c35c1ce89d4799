// Three replicas in one process. A real deployment runs one `openReplica` per machine; everything else is the same.

import { join } from 'node:path';
import { type NodeId, NotLeaderError, type RaftNode, type StateMachine } from '@kontiki/raft';
import { TcpNetwork, tcpAddress } from '@kontiki/transport/node';
import { openReplica } from './replica.ts';

const host = '127.0.0.1';

type Opened<Result, Query, Answer> = (
  node: RaftNode<Result, Query, Answer>,
  machine: StateMachine<Result, Query, Answer>,
) => void;

export interface LocalClusterOptions<Result, Query, Answer> {
  readonly cluster: string;
  readonly directory: string;
  readonly ports: readonly number[];
  readonly machine: () => StateMachine<Result, Query, Answer>;
  /** Told of every replica that has started, the first time and later. */
  readonly opened?: Opened<Result, Query, Answer>;
}

export class LocalCluster<Result, Query, Answer> {
  readonly #cluster: string;
  readonly #directory: string;
  readonly #machine: () => StateMachine<Result, Query, Answer>;
  readonly #opened: Opened<Result, Query, Answer>;
  readonly #ports = new Map<NodeId, number>();
  readonly #nodes = new Map<NodeId, RaftNode<Result, Query, Answer>>();

  private constructor({ cluster, directory, machine, opened = () => {} }: LocalClusterOptions<Result, Query, Answer>) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#machine = machine;
    this.#opened = opened;
  }

  /**
   * One replica for each port. The addresses are part of what is replicated, so a cluster that shall be found again by its
   * next process needs the same ports then; 0 takes a free one.
   */
  static async start<Result, Query, Answer>(
    options: LocalClusterOptions<Result, Query, Answer>,
  ): Promise<LocalCluster<Result, Query, Answer>> {
    const self = new LocalCluster(options);
    // All are bound before the first replica starts, because the configuration names them all.
    const networks = await Promise.all(options.ports.map((port) => TcpNetwork.bind({ host, port })));
    const seats = networks.map((network, at) => ({ id: `replica-${at + 1}` as NodeId, network }));
    for (const { id, network } of seats) self.#ports.set(id, network.port);
    await Promise.all(seats.map(({ id, network }) => self.#open(id, network)));
    return self;
  }

  get ids(): readonly NodeId[] {
    return [...this.#ports.keys()];
  }

  node(id: NodeId): RaftNode<Result, Query, Answer> {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`replica ${id} does not run`);
    return node;
  }

  /** Waits for a replica that leads and has committed something of its own, so that it can serve at once. */
  async leader(): Promise<RaftNode<Result, Query, Answer>> {
    for (;;) {
      const nodes = [...this.#nodes.values()];
      const leader = nodes.find((node) => node.status().role === 'leader');
      if (leader !== undefined) return leader;
      await new Promise<void>((resolve) => {
        const cancels = nodes.map((node) =>
          node.onLeaderChange(() => {
            for (const cancel of cancels) cancel();
            resolve();
          }),
        );
      });
    }
  }

  /**
   * Proposes on whoever leads, and follows when leadership moves. `NotLeaderError` certainly had no effect, so repeating is
   * safe; any other error is the caller's to judge.
   */
  async propose(command: Uint8Array): Promise<Result> {
    for (;;) {
      try {
        const leader = await this.leader();
        return (await leader.propose(command)).result;
      } catch (error: unknown) {
        if (!(error instanceof NotLeaderError)) throw error;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async stopReplica(id: NodeId): Promise<void> {
    const node = this.node(id);
    this.#nodes.delete(id);
    await node.stop();
  }

  async startReplica(id: NodeId): Promise<void> {
    await this.#open(id, await TcpNetwork.bind({ host, port: this.#ports.get(id) ?? 0 }));
  }

  async stop(): Promise<void> {
    // Nobody needs to take over when all leave.
    await Promise.all([...this.#nodes.values()].map((node) => node.stop({ handOver: false })));
    this.#nodes.clear();
  }

  async #open(id: NodeId, network: TcpNetwork): Promise<void> {
    const members = new Map([...this.#ports].map(([member, port]) => [member, tcpAddress(host, port)]));
    const stateMachine = this.#machine();
    const node = await openReplica({
      cluster: this.#cluster,
      id,
      directory: join(this.#directory, id),
      network,
      members,
      stateMachine,
      // An election takes 0.2 to 0.4 s here; across machines keep the defaults.
      settings: { electionTicks: 20, heartbeatTicks: 4 },
    });
    this.#nodes.set(id, node);
    this.#opened(node, stateMachine);
  }
}

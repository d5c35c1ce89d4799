// One replica, put together from the ports: a log and snapshots on disk, peers over TCP, Node's clock. Copy this file into
// your service and exchange what you want otherwise; the state machine is the only part that is yours from the start.

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Completion,
  type Configuration,
  type DriverSettings,
  type Logger,
  type NodeId,
  RaftNode,
  type SnapshotStore,
  type StateMachine,
} from '@kontiki/raft';
import { PeerTransport } from '@kontiki/transport';
import { NodeTicker, nativeCrc32, openIdentityFile, type TcpNetwork } from '@kontiki/transport/node';
import { openSnapshots, openWal, type Wal } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';

export interface ReplicaOptions<Result, Query, Answer> {
  /** The same on all replicas that belong together; others are refused. */
  readonly cluster: string;
  readonly id: NodeId;
  /** This replica's own. It must outlive the process: a replica that forgets its votes can break the cluster. */
  readonly directory: string;
  /** Bound already, so that a port in use is found out first. */
  readonly network: TcpNetwork;
  /** All replicas and where they listen: the same on each of them at the first start, not looked at afterwards. */
  readonly members: ReadonlyMap<NodeId, Uint8Array>;
  readonly stateMachine: StateMachine<Result, Query, Answer>;
  readonly settings?: Partial<DriverSettings>;
  readonly logger?: Logger;
}

export async function openReplica<Result, Query, Answer>(
  options: ReplicaOptions<Result, Query, Answer>,
): Promise<RaftNode<Result, Query, Answer>> {
  const { cluster, id, directory, network, stateMachine, settings = {}, logger = () => {} } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });

  // The log is opened first: its lock keeps a second process out of the directory.
  const disk = { vfs: nodeVfs, checksum: zlibChecksum };
  const log = await promised<Wal>((done) => openWal({ ...disk, directory: join(directory, 'log') }, done));
  const snapshots = await promised<SnapshotStore>((done) =>
    openSnapshots({ ...disk, directory: join(directory, 'snapshots') }, done),
  );

  // Who this replica is. A new directory under an old id is refused by the others: it has forgotten its votes.
  const { boot, incarnation, incarnations } = await openIdentityFile(join(directory, 'identity.json'));
  const ticker = new NodeTicker();
  const transport = new PeerTransport({
    identity: { cluster, id, boot, incarnation },
    network,
    ticker,
    incarnations,
    log: logger,
    checksum: nativeCrc32,
  });

  return RaftNode.open({
    id,
    boot,
    bootstrap: configurationOf(options.members),
    log,
    snapshots,
    transport,
    ticker,
    stateMachine,
    seed: randomBytes(8).toString('hex'),
    settings,
    logger,
  });
}

function configurationOf(members: ReadonlyMap<NodeId, Uint8Array>): Configuration {
  const addresses = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return { voters: addresses.map(([id]) => id), outgoing: [], learners: [], addresses };
}

/** Inside, Kontiki completes by callback; at the edge a promise is handier. */
function promised<T>(begin: (done: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => {
      if (outcome.kind === 'done') resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}

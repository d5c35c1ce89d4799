// One server: a member on its storage and its peers' network, and the client ports before it. Starts in the order in which
// things can be refused, says what etcd says meanwhile, and stops so that neither clients nor the cluster suffer.

import type { RunningMember } from '@kontiki/member';
import { TcpNetwork } from '@kontiki/transport/node';
import { assemble } from './assemble.ts';
import { ClientPorts } from './client-ports.ts';
import { ConfigError } from './config/flags.ts';
import type { FlaggedCluster, ServerConfig } from './config/server-config.ts';
import { bindAddress, type MemberUrl } from './config/urls.ts';
import { DataDir } from './data-dir.ts';
import type { Patience } from './grpc-settings.ts';
import { Metrics } from './http/metrics.ts';
import { joinExisting } from './joining.ts';
import type { Logger } from './log.ts';
import { diskStorage, type ServerStorage } from './storage.ts';
import { clusterVersionShort, kontikiVersion, serverVersion } from './version.ts';

export interface ServerParts {
  readonly logger: Logger;
  /** The real disk when absent. */
  readonly storage?: ServerStorage;
  /** How long clients that do not go on are waited for, where that is not the usual time. */
  readonly patience?: Patience;
}

/** Calls still in flight when a server stops have this long. */
const graceMs = 2_000;
/** As etcd, a member that cannot publish itself serves clients all the same after a while: they learn that there is no leader. */
const readyWaitMs = 5_000;

export class RunningServer {
  readonly member: RunningMember;
  readonly #ports: ClientPorts;
  readonly #dataDir: DataDir;
  readonly #logger: Logger;

  constructor(member: RunningMember, ports: ClientPorts, dataDir: DataDir, logger: Logger) {
    this.member = member;
    this.#ports = ports;
    this.#dataDir = dataDir;
    this.#logger = logger;
  }

  /** Where clients are served, with the ports that were chosen for those given as 0. */
  get clientAddresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#ports.addresses;
  }

  /** Called once when the member has stopped itself: the process must end. */
  onFailure(listener: (error: Error) => void): void {
    this.member.onFailure(listener);
  }

  /** Called once when the member was removed from its cluster for good: the process must end. */
  onRemoved(listener: () => void): void {
    this.member.onRemoved(listener);
  }

  /** Lets calls in flight end, hands leadership over, and closes everything. */
  async stop(): Promise<void> {
    this.#logger.info('closing etcd server', { name: this.member.identity.name });
    await this.#ports.close(graceMs);
    await this.member.stop({ handOver: true });
    await this.#dataDir.close();
    this.#logger.info('closed etcd server', { name: this.member.identity.name });
  }
}

/** Resolves when clients are served. Rejects with the first thing in the way, after letting go of what it had taken. */
export async function startServer(config: ServerConfig, parts: ServerParts): Promise<RunningServer> {
  const { logger, storage = diskStorage, patience } = parts;
  logger.info('starting an etcd server', startFields(config));
  const dataDir = await DataDir.open({
    vfs: storage.vfs,
    directory: config.dataDir,
    walDirectory: config.walDir,
    token: config.initialClusterToken,
    flagged: flaggedOrNone(config),
    newMember: async () => {
      const flagged = config.flaggedCluster();
      if (config.initialClusterState === 'existing') return await joinExisting(flagged);
      return { ...flagged, joins: false };
    },
  });
  if (storage.isOpenToOthers?.(config.dataDir) === true) {
    logger.warn('the data directory can be read or written by other users of this machine: chmod 700 keeps them out', {
      'data-dir': config.dataDir,
    });
  }
  try {
    const ports = await ClientPorts.bind(config.listenClientUrls);
    try {
      const metrics = new Metrics();
      const { listenPeerUrl } = config;
      const tcp = await bindForPeers(listenPeerUrl);
      logger.info('serving peer traffic', { address: `${tcp.host}:${tcp.port}` });
      const member = await assemble({ config, dataDir, tcp, storage, metrics, logger });
      await published(member, config, logger);
      ports.serve({ member, config, metrics, logger, ...(patience && { patience }) });
      return new RunningServer(member, ports, dataDir, logger);
    } catch (error: unknown) {
      await ports.close(0);
      throw error;
    }
  } catch (error: unknown) {
    await dataDir.close();
    throw error;
  }
}

async function bindForPeers(url: MemberUrl): Promise<TcpNetwork> {
  try {
    return await TcpNetwork.bind({ host: bindAddress(url), port: url.port });
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}; free the port, or give another --listen-peer-urls`, { cause: error });
  }
}

/** The lines that whoever started the process waits for. Rejects if the member stops itself meanwhile. */
async function published(member: RunningMember, config: ServerConfig, logger: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => member.onFailure(reject));
  const removed = new Promise<'removed'>((resolve) => member.onRemoved(() => resolve('removed')));
  const waited = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), readyWaitMs);
  });
  const publication = member.publish().then((): 'published' => {
    logger.info('published local member to cluster through raft', {
      'local-member-id': member.identity.memberId,
      'local-member-attributes': `{Name:${config.name} ClientURLs:[${config.advertiseClientUrls.join(' ')}]}`,
      'cluster-id': member.identity.clusterId,
    });
    logger.info('enabled capabilities for version', { 'cluster-version': clusterVersionShort });
    return 'published';
  });
  // Later failures are told to those who listen then.
  failed.catch(() => undefined);
  const outcome = await Promise.race([publication, waited, failed, removed]);
  clearTimeout(timer);
  if (outcome === 'late') logger.warn('timed out waiting for the ready notification');
  logger.info('ready to serve client requests');
}

/** Flags that describe no cluster matter to a first start only, which says what is wrong with them. */
function flaggedOrNone(config: ServerConfig): FlaggedCluster | undefined {
  if (config.initialClusterState === 'existing') return undefined;
  try {
    return config.flaggedCluster();
  } catch (error: unknown) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function startFields(config: ServerConfig): Readonly<Record<string, unknown>> {
  return {
    'etcd-version': serverVersion,
    'kontiki-version': kontikiVersion,
    'node-version': process.version,
    name: config.name,
    'data-dir': config.dataDir,
    'heartbeat-interval': `${config.heartbeatMs}ms`,
    'election-timeout': `${config.electionMs}ms`,
    'snapshot-count': config.snapshotCount,
    'listen-peer-urls': [config.listenPeerUrl.text],
    'listen-client-urls': config.listenClientUrls.map(({ text }) => text),
    'advertise-client-urls': config.advertiseClientUrls,
    'initial-cluster': config.initialCluster,
    'initial-cluster-state': config.initialClusterState,
  };
}

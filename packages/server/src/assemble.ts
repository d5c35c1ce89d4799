// From a configuration and an open data directory to a running member: log, snapshots, rows and peers are opened here and
// handed over. What the member is made of is named here and nowhere else in the server.

import { randomBytes } from 'node:crypto';
import type { Backend } from '@kontiki/kv';
import { openMember, type RunningMember } from '@kontiki/member';
import {
  asNodeId,
  type DriverSettings,
  defaultSettings,
  type LogStore,
  type Logger as PortLogger,
  type SnapshotStore,
} from '@kontiki/raft';
import { PeerTransport } from '@kontiki/transport';
import { NodeTicker, nativeCrc32, type TcpNetwork } from '@kontiki/transport/node';
import { openSnapshots, openWal, type WalEvent } from '@kontiki/wal';
import { hexId } from './config/identity.ts';
import type { ServerConfig } from './config/server-config.ts';
import type { DataDir } from './data-dir.ts';
import type { Metrics } from './http/metrics.ts';
import type { Logger } from './log.ts';
import { PeerUrlNetwork } from './peer-addresses.ts';
import { answered, completed } from './promised.ts';
import type { ServerStorage } from './storage.ts';
import { timedBackend, timedLog } from './timed-storage.ts';

const tickMs = 10;
const ticksPerSecond: number = 1000 / tickMs;
/** What a command's envelope adds to the request, generously. */
const envelopeBytes = 64 * 1024;

export interface AssembleOptions {
  readonly config: ServerConfig;
  readonly dataDir: DataDir;
  /** The member's from here on, also if this fails. */
  readonly tcp: TcpNetwork;
  readonly storage: ServerStorage;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Rejects when what is on disk cannot be used; nothing stays open then. */
export async function assemble(options: AssembleOptions): Promise<RunningMember> {
  const undo: (() => Promise<void>)[] = [() => answered((done) => options.tcp.close(done))];
  try {
    return await assembled(options, (step) => undo.push(step));
  } catch (error: unknown) {
    // The first error is the one to tell of.
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

async function assembled(
  { config, dataDir, tcp, storage, metrics, logger }: AssembleOptions,
  onUndo: (step: () => Promise<void>) => void,
): Promise<RunningMember> {
  const ticker = new NodeTicker(tickMs);
  const log = await openLog(dataDir, storage, ticker, logger);
  onUndo(() => answered((done) => log.close(done)));
  await dataDir.logIsThere();
  const snapshots = await openSnapshotStore(dataDir, storage, logger);
  const backend: Backend = await storage.openBackend(dataDir.rowsDirectory);
  onUndo(() => answered((done) => backend.close(done)));

  const { boot, incarnation, clusterId, memberId } = dataDir;
  let member: RunningMember | undefined;
  const transport = new PeerTransport({
    identity: { cluster: hexId(clusterId), id: asNodeId(hexId(memberId)), boot, incarnation },
    network: new PeerUrlNetwork(tcp),
    ticker,
    incarnations: {
      known: (id) => dataDir.knownPeer(id),
      remember: (id, peerIncarnation, done) => {
        dataDir.rememberPeer(id, peerIncarnation).then(() => done(undefined), done);
      },
    },
    log: portLogger(logger),
    checksum: nativeCrc32,
    discovered: (_question, answer) => member?.describeCluster(answer),
    onRemoved: () => member?.toldOfRemoval(),
  });
  // With it, and the log on disk, a run can be played again.
  const seed = randomBytes(8).toString('hex');
  const { name } = config;
  logger.info('starting local member', { 'local-member-id': memberId, 'cluster-id': clusterId, boot, seed });
  const { members, joins } = dataDir.beginning;
  member = await openMember({
    identity: { clusterId, memberId, name },
    boot,
    initialMembers: joins ? [] : members,
    ...(joins ? { join: members } : {}),
    clientUrls: config.advertiseClientUrls,
    log: timedLog(log, (seconds) => metrics.walSynced(seconds)),
    snapshots,
    backend: timedBackend(backend, (seconds) => metrics.backendCommitted(seconds)),
    transport,
    ticker,
    ticksPerSecond,
    seed,
    settings: settingsOf(config),
    watchProgressTicks: ticksOf(config.watchProgressNotifyMs),
    strictReconfigCheck: config.strictReconfigCheck,
    isConnected: (peer) => transport.isConnected(peer),
    removedMembers: (ids) => {
      transport.setRemoved(ids);
      // Only saves room: what cannot be written now is written with the next change.
      dataDir.forgetPeers(ids).catch(() => undefined);
    },
    logger: portLogger(logger),
  });
  metrics.observe(member, transport);
  return member;
}

function openLog(dataDir: DataDir, storage: ServerStorage, ticker: NodeTicker, logger: Logger): Promise<LogStore> {
  const { vfs, checksum, segmentBytes } = storage;
  return completed<LogStore>((completion) =>
    openWal(
      {
        vfs,
        directory: dataDir.walDirectory,
        checksum,
        ...(segmentBytes === undefined ? {} : { segmentBytes }),
        later: (task) => ticker.after(1, task),
        onEvent: (event) => tellOf(event, logger),
      },
      completion,
    ),
  );
}

function openSnapshotStore(dataDir: DataDir, storage: ServerStorage, logger: Logger): Promise<SnapshotStore> {
  const { vfs, checksum } = storage;
  const directory = dataDir.snapshotDirectory;
  return completed<SnapshotStore>((completion) =>
    openSnapshots(
      { vfs, directory, checksum, onEvent: ({ kind, ...fields }) => logger.warn(`snapshots: ${kind}`, fields) },
      completion,
    ),
  );
}

function tellOf({ kind, ...fields }: WalEvent, logger: Logger): void {
  switch (kind) {
    case 'opened':
      logger.info('opened the log', fields);
      return;
    case 'tailTorn':
      logger.warn('the end of the log was never acknowledged: it was cut off and kept aside', fields);
      return;
    case 'leftoverRemoved':
      logger.info('removed what an interrupted write had left', fields);
      return;
    case 'segmentBegun':
    case 'segmentDropped':
      logger.debug(kind === 'segmentBegun' ? 'began a log segment' : 'dropped a log segment', fields);
  }
}

function settingsOf(config: ServerConfig): Partial<DriverSettings> {
  const heartbeatTicks = ticksOf(config.heartbeatMs);
  const commandBytesMax = Math.max(defaultSettings.commandBytesMax, config.maxRequestBytes + envelopeBytes);
  const { limits, catchUpBytes } = defaultSettings;
  return {
    heartbeatTicks,
    electionTicks: Math.max(2 * heartbeatTicks, ticksOf(config.electionMs)),
    commandBytesMax,
    limits: { ...limits, logBytes: Math.max(limits.logBytes, 2 * (commandBytesMax + catchUpBytes)) },
    snapshotEntries: config.snapshotCount,
    catchUpEntries: config.snapshotCatchupEntries,
  };
}

function ticksOf(ms: number): number {
  return Math.max(1, Math.round(ms / tickMs));
}

function portLogger(logger: Logger): PortLogger {
  return ({ level, message, fields }) => logger[level](message, fields);
}

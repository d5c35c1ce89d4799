// /metrics under etcd's names, which are Prometheus names. Only what is really measured is here; gauges of the member and its
// store are read when somebody asks.

import type { RunningMember } from '@kontiki/member';
import type { PeerTransport } from '@kontiki/transport';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CallObserver } from '../rpc/router.ts';
import { clusterVersionShort, serverVersion } from '../version.ts';

/** etcd's buckets for what a disk does: 1 ms to 8 s, doubling. */
const diskBuckets = Array.from({ length: 14 }, (_, i) => 0.001 * 2 ** i);

export class Metrics {
  readonly #registry = new Registry();
  readonly calls: CallObserver;
  readonly #healthSuccess = this.#counter('etcd_server_health_success', 'The total number of successful health checks');
  readonly #healthFailures = this.#counter('etcd_server_health_failures', 'The total number of failed health checks');
  readonly #probe = new Gauge({
    name: 'etcd_server_healthcheck',
    help: 'The result of each kind of healthcheck.',
    labelNames: ['type', 'name'],
    registers: [this.#registry],
  });
  readonly #probes = new Counter({
    name: 'etcd_server_healthchecks_total',
    help: 'The total number of each kind of healthcheck.',
    labelNames: ['type', 'name', 'status'],
    registers: [this.#registry],
  });
  readonly #walFsync = this.#histogram(
    'etcd_disk_wal_fsync_duration_seconds',
    'The latency distributions of fsync called by WAL.',
  );
  readonly #backendCommit = this.#histogram(
    'etcd_disk_backend_commit_duration_seconds',
    'The latency distributions of commit called by backend.',
  );
  constructor() {
    this.calls = callObserver(this.#registry);
    new Gauge({
      name: 'etcd_server_version',
      help: "Which version is running. 1 for 'server_version' label with current version.",
      labelNames: ['server_version'],
      registers: [this.#registry],
    }).set({ server_version: serverVersion }, 1);
    new Gauge({
      name: 'etcd_cluster_version',
      help: "Which version is running. 1 for 'cluster_version' label with current cluster version",
      labelNames: ['cluster_version'],
      registers: [this.#registry],
    }).set({ cluster_version: clusterVersionShort }, 1);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** From now on the member's own figures are shown. Called once. */
  observe(member: RunningMember, transport: PeerTransport): void {
    const { memberId } = member.identity;
    new Gauge({
      name: 'etcd_server_id',
      help: "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
      labelNames: ['server_id'],
      registers: [this.#registry],
    }).set({ server_id: memberId.toString(16) }, 1);
    for (const [name, help, read] of memberGauges) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect: () => gauge.set(read(member)),
      });
    }
    for (const [name, help, read] of memberCounters) {
      const counter: Counter = new Counter({
        name,
        help,
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          counter.inc(read(member));
        },
      });
    }
    const active: Gauge<'Local' | 'Remote'> = new Gauge({
      name: 'etcd_network_active_peers',
      help: 'The current number of active peer connections.',
      labelNames: ['Local', 'Remote'],
      registers: [this.#registry],
      collect: () => {
        for (const { id, state } of transport.status().peers) {
          active.set({ Local: memberId.toString(16), Remote: id }, state === 'open' ? 1 : 0);
        }
      },
    });
  }

  healthChecked(healthy: boolean): void {
    (healthy ? this.#healthSuccess : this.#healthFailures).inc();
  }

  probed(type: string, name: string, succeeded: boolean): void {
    this.#probe.set({ type, name }, succeeded ? 1 : 0);
    this.#probes.inc({ type, name, status: succeeded ? 'success' : 'error' });
  }

  walSynced(seconds: number): void {
    this.#walFsync.observe(seconds);
  }

  backendCommitted(seconds: number): void {
    this.#backendCommit.observe(seconds);
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: diskBuckets, registers: [this.#registry] });
  }
}

/** Read when somebody asks. Some have names of counters: they are gauges in etcd, too. */
const memberGauges: readonly (readonly [name: string, help: string, read: (member: RunningMember) => number])[] = [
  [
    'etcd_server_has_leader',
    'Whether or not a leader exists. 1 is existence, 0 is not.',
    (member) => (member.status().leader === undefined ? 0 : 1),
  ],
  [
    'etcd_server_is_leader',
    'Whether or not this member is a leader. 1 if is, 0 otherwise.',
    (member) => (member.status().isLeader ? 1 : 0),
  ],
  [
    'etcd_server_proposals_committed_total',
    'The total number of consensus proposals committed.',
    (member) => member.status().commit,
  ],
  [
    'etcd_server_proposals_applied_total',
    'The total number of consensus proposals applied.',
    (member) => member.status().applied,
  ],
  [
    'etcd_server_proposals_pending',
    'The current number of pending proposals to commit.',
    (member) => member.metrics.commandsPending,
  ],
  [
    'etcd_mvcc_db_total_size_in_bytes',
    'Total size of the underlying database physically allocated in bytes.',
    (member) => member.status().dbSize,
  ],
  [
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Total size of the underlying database logically in use in bytes.',
    (member) => member.status().dbSizeInUse,
  ],
  ['etcd_debugging_mvcc_current_revision', 'The current revision of store.', (member) => member.store.revision],
  [
    'etcd_debugging_mvcc_compact_revision',
    'The revision of the last compaction in store.',
    (member) => member.store.compactRevision,
  ],
  ['etcd_debugging_mvcc_watch_stream_total', 'Total number of watch streams.', (member) => member.watches.streams],
  ['etcd_debugging_mvcc_watcher_total', 'Total number of watchers.', (member) => member.watches.watchers],
  [
    'etcd_debugging_mvcc_slow_watcher_total',
    'Total number of unsynced slow watchers.',
    (member) => member.watches.unsynced,
  ],
];

/** Counted by the member itself. */
const memberCounters: typeof memberGauges = [
  [
    'etcd_server_leader_changes_seen_total',
    'The number of leader changes seen.',
    (member) => member.metrics.leaderChanges,
  ],
  [
    'etcd_server_proposals_failed_total',
    'The total number of failed proposals seen.',
    (member) => member.metrics.proposals.failed + member.metrics.proposals.refused,
  ],
];

type Kind = Parameters<CallObserver['started']>[1];
const grpcTypes: Readonly<Record<Kind, string>> = {
  unary: 'unary',
  serverStream: 'server_stream',
  clientStream: 'client_stream',
  bidi: 'bidi_stream',
};

/** The names that grpc-go gives the codes, in the order of their numbers. */
const codeNames: readonly string[] = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists'],
  ...['PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented'],
  ...['Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
];

function callObserver(registry: Registry): CallObserver {
  const labelNames = ['grpc_type', 'grpc_service', 'grpc_method'] as const;
  const registers = [registry];
  const started = new Counter({
    name: 'grpc_server_started_total',
    help: 'Total number of RPCs started on the server.',
    labelNames,
    registers,
  });
  const received = new Counter({
    name: 'grpc_server_msg_received_total',
    help: 'Total number of RPC stream messages received on the server.',
    labelNames,
    registers,
  });
  const sent = new Counter({
    name: 'grpc_server_msg_sent_total',
    help: 'Total number of gRPC stream messages sent by the server.',
    labelNames,
    registers,
  });
  const handled = new Counter({
    name: 'grpc_server_handled_total',
    help: 'Total number of RPCs completed on the server, regardless of success or failure.',
    labelNames: [...labelNames, 'grpc_code'],
    registers,
  });
  /** The labels of a path never change, and every call needs them. */
  const labels = new Map<string, Record<(typeof labelNames)[number], string>>();
  const labelsOf = (path: string, kind: Kind): Record<(typeof labelNames)[number], string> => {
    const known = labels.get(path);
    if (known !== undefined) return known;
    const [, grpc_service = '', grpc_method = ''] = path.split('/');
    const made = { grpc_type: grpcTypes[kind], grpc_service, grpc_method };
    labels.set(path, made);
    return made;
  };
  return {
    started: (path, kind) => started.inc(labelsOf(path, kind)),
    received: (path, kind) => received.inc(labelsOf(path, kind)),
    sent: (path, kind) => sent.inc(labelsOf(path, kind)),
    finished: (path, kind, code) =>
      handled.inc({ ...labelsOf(path, kind), grpc_code: codeNames[code] ?? `Code(${code})` }),
  };
}

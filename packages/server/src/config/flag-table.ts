// etcd's flags as data: what this build takes, what it takes only at its default because the thing behind it is not built,
// and what a default is. No parsing and no checking here.

/** How the text of a flag becomes a value. A `switch` may stand without one. */
export type FlagKind = 'text' | 'switch' | 'count' | 'duration' | 'urls';

export interface FlagRow {
  readonly kind: FlagKind;
  readonly byDefault: string;
  readonly help: string;
}

export type FlagName =
  | 'name'
  | 'data-dir'
  | 'wal-dir'
  | 'snapshot-count'
  | 'snapshot-catchup-entries'
  | 'heartbeat-interval'
  | 'election-timeout'
  | 'listen-peer-urls'
  | 'listen-client-urls'
  | 'initial-advertise-peer-urls'
  | 'advertise-client-urls'
  | 'initial-cluster'
  | 'initial-cluster-state'
  | 'initial-cluster-token'
  | 'strict-reconfig-check'
  | 'max-txn-ops'
  | 'max-request-bytes'
  | 'max-concurrent-streams'
  | 'grpc-keepalive-min-time'
  | 'grpc-keepalive-interval'
  | 'grpc-keepalive-timeout'
  | 'watch-progress-notify-interval'
  | 'experimental-watch-progress-notify-interval'
  | 'log-level'
  | 'log-outputs';

/** Flags that do something. */
export const flags: Readonly<Record<FlagName, FlagRow>> = {
  name: row('text', 'default', 'Human-readable name for this member.'),
  'data-dir': row('text', '', 'Path to the data directory. Default: NAME.etcd.'),
  'wal-dir': row('text', '', 'Path to a directory of its own for the log.'),
  'snapshot-count': row('count', '10000', 'Number of committed transactions to trigger a snapshot.'),
  'snapshot-catchup-entries': row('count', '5000', 'Entries kept for slow followers after a snapshot.'),
  'heartbeat-interval': row('count', '100', 'Time (in milliseconds) of a heartbeat interval.'),
  'election-timeout': row('count', '1000', 'Time (in milliseconds) for an election to timeout.'),
  'listen-peer-urls': row('urls', 'http://localhost:2380', 'List of URLs to listen on for peer traffic.'),
  'listen-client-urls': row('urls', 'http://localhost:2379', 'List of URLs to listen on for client traffic.'),
  'initial-advertise-peer-urls': row(
    'urls',
    'http://localhost:2380',
    'Peer URLs that other members reach this one by.',
  ),
  'advertise-client-urls': row('urls', 'http://localhost:2379', 'Client URLs that the cluster names for this member.'),
  'initial-cluster': row('text', 'default=http://localhost:2380', 'The first members: NAME=PEER-URL,…'),
  'initial-cluster-state': row('text', 'new', "'new', or 'existing' for a member that was added to a running cluster."),
  'initial-cluster-token': row('text', 'etcd-cluster', 'Keeps clusters with equal URLs apart.'),
  'strict-reconfig-check': row('switch', 'true', 'Refuse changes of membership that put the quorum at risk.'),
  'max-txn-ops': row('count', '128', 'Maximum number of operations permitted in a transaction.'),
  'max-request-bytes': row('count', '1572864', 'Maximum client request size in bytes the server will accept.'),
  'max-concurrent-streams': row('count', '4294967295', 'Maximum concurrent streams per client connection.'),
  'grpc-keepalive-min-time': row('duration', '5s', 'How often a client may ping without being told off.'),
  'grpc-keepalive-interval': row('duration', '2h', 'How often an idle client is pinged (0 to disable).'),
  'grpc-keepalive-timeout': row('duration', '20s', 'How long a pinged client may be silent.'),
  'watch-progress-notify-interval': row('duration', '10m', 'How often quiet watches are told the revision.'),
  'experimental-watch-progress-notify-interval': row(
    'duration',
    '10m',
    'Old name of --watch-progress-notify-interval.',
  ),
  'log-level': row('text', 'info', 'debug, info, warn, error, panic or fatal.'),
  'log-outputs': row('text', 'default', "'stderr', 'stdout' or file paths, comma-separated."),
};

/**
 * Flags of etcd whose matter is not built. Given with the value in this table, which asks for nothing, they are accepted:
 * many start scripts spell out defaults. With any other value they are refused by name.
 */
export const unbuiltFlags: Readonly<Record<string, { readonly kind: FlagKind; readonly idle: readonly string[] }>> = {
  'auto-compaction-mode': idle('text', 'periodic', 'revision'),
  'auto-compaction-retention': idle('text', '0', ''),
  'auth-token': idle('text', 'simple'),
  'auth-token-ttl': idle('count', '300'),
  'auto-tls': idle('switch', 'false'),
  'backend-batch-interval': idle('text', '', '0', '0s'),
  'backend-batch-limit': idle('count', '0'),
  'backend-bbolt-freelist-type': idle('text', 'map', ''),
  'bcrypt-cost': idle('count', '10'),
  'bootstrap-defrag-threshold-megabytes': idle('count', '0'),
  'cert-file': idle('text', ''),
  'cipher-suites': idle('text', ''),
  'client-cert-allowed-hostname': idle('text', ''),
  'client-cert-auth': idle('switch', 'false'),
  'client-cert-file': idle('text', ''),
  'client-crl-file': idle('text', ''),
  'client-key-file': idle('text', ''),
  'compact-hash-check-time': idle('text', '1m', '1m0s'),
  'compaction-batch-limit': idle('count', '1000'),
  'compaction-sleep-interval': idle('text', '10ms'),
  'config-file': idle('text', ''),
  'corrupt-check-time': idle('text', '0', '0s'),
  cors: idle('text', '*', ''),
  discovery: idle('text', ''),
  'discovery-cacert': idle('text', ''),
  'discovery-cert': idle('text', ''),
  'discovery-dial-timeout': idle('text', '2s'),
  'discovery-endpoints': idle('text', ''),
  'discovery-fallback': idle('text', 'exit'),
  'discovery-insecure-skip-tls-verify': idle('switch', 'false'),
  'discovery-insecure-transport': idle('switch', 'true'),
  'discovery-keepalive-time': idle('text', '2s'),
  'discovery-keepalive-timeout': idle('text', '6s'),
  'discovery-key': idle('text', ''),
  'discovery-password': idle('text', ''),
  'discovery-proxy': idle('text', ''),
  'discovery-request-timeout': idle('text', '5s'),
  'discovery-srv': idle('text', ''),
  'discovery-srv-name': idle('text', ''),
  'discovery-token': idle('text', ''),
  'discovery-user': idle('text', ''),
  'distributed-tracing-address': idle('text', '', 'localhost:4317'),
  'distributed-tracing-instance-id': idle('text', ''),
  'distributed-tracing-sampling-rate': idle('count', '0'),
  'distributed-tracing-service-name': idle('text', '', 'etcd'),
  'downgrade-check-time': idle('text', '5s'),
  'enable-distributed-tracing': idle('switch', 'false'),
  'enable-grpc-gateway': idle('switch', 'true'),
  'enable-log-rotation': idle('switch', 'false'),
  'enable-pprof': idle('switch', 'false'),
  'enable-v2': idle('switch', 'false'),
  'feature-gates': idle('text', ''),
  'force-new-cluster': idle('switch', 'false'),
  'host-whitelist': idle('text', '*', ''),
  'initial-election-tick-advance': idle('switch', 'true', 'false'),
  'key-file': idle('text', ''),
  'listen-client-http-urls': idle('text', ''),
  'listen-metrics-urls': idle('text', ''),
  'log-format': idle('text', 'json'),
  'log-rotation-config-json': idle('text', ''),
  logger: idle('text', 'zap'),
  'max-learners': idle('count', '1'),
  'max-snapshots': idle('count', '5'),
  'max-wals': idle('count', '5'),
  'memory-mlock': idle('switch', 'false'),
  metrics: idle('text', 'basic'),
  'peer-auto-tls': idle('switch', 'false'),
  'peer-cert-allowed-cn': idle('text', ''),
  'peer-cert-allowed-hostname': idle('text', ''),
  'peer-cert-file': idle('text', ''),
  'peer-client-cert-auth': idle('switch', 'false'),
  'peer-client-cert-file': idle('text', ''),
  'peer-client-key-file': idle('text', ''),
  'peer-crl-file': idle('text', ''),
  'peer-key-file': idle('text', ''),
  'peer-skip-client-san-verification': idle('switch', 'false'),
  'peer-trusted-ca-file': idle('text', ''),
  'pre-vote': idle('switch', 'true'),
  'quota-backend-bytes': idle('text', '0'),
  'raft-read-timeout': idle('text', '5s'),
  'raft-write-timeout': idle('text', '5s'),
  'self-signed-cert-validity': idle('count', '1'),
  'socket-reuse-address': idle('switch', 'false'),
  'socket-reuse-port': idle('switch', 'false'),
  'tls-max-version': idle('text', ''),
  'tls-min-version': idle('text', 'TLS1.2'),
  'trusted-ca-file': idle('text', ''),
  'unsafe-no-fsync': idle('switch', 'false'),
  'warning-apply-duration': idle('text', '100ms'),
  'warning-unary-request-duration': idle('text', '300ms'),
};

function row(kind: FlagKind, byDefault: string, help: string): FlagRow {
  return { kind, byDefault, help };
}

function idle(
  kind: FlagKind,
  ...values: readonly string[]
): { readonly kind: FlagKind; readonly idle: readonly string[] } {
  return { kind, idle: values };
}

// What a server is started with: every setting as a value, checked, in etcd's sentences where it has one. Reads no files.

import { type FlagName, flags } from './flag-table.ts';
import { ConfigError } from './flags.ts';
import { clusterIdOf, memberIdOf } from './identity.ts';
import { type MemberUrl, parseUrls, UrlError } from './urls.ts';

export interface InitialMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** What the flags make of this member, in a cluster that they describe. */
export interface FlaggedCluster {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Sorted by id, this member included. */
  readonly members: readonly InitialMember[];
}

export interface ServerConfig {
  readonly name: string;
  readonly dataDir: string;
  /** Where the log is when it has a directory of its own. */
  readonly walDir: string | undefined;
  readonly listenPeerUrl: MemberUrl;
  readonly listenClientUrls: readonly MemberUrl[];
  readonly advertiseClientUrls: readonly string[];
  /** The --initial-cluster that is in force, as text. */
  readonly initialCluster: string;
  readonly initialClusterToken: string;
  readonly initialClusterState: 'new' | 'existing';
  /**
   * Reads the flags about the initial cluster. Only a member without data needs them, as in etcd: who has data knows who it is.
   * @throws ConfigError when they do not fit together.
   */
  readonly flaggedCluster: () => FlaggedCluster;
  readonly strictReconfigCheck: boolean;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly snapshotCount: number;
  readonly snapshotCatchupEntries: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly maxConcurrentStreams: number;
  readonly keepaliveMinTimeMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly watchProgressNotifyMs: number;
  readonly logLevel: LogLevel;
  readonly logOutputs: readonly string[];
}

const logLevels = ['debug', 'info', 'warn', 'error', 'panic', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

const electionMsMax = 50_000;
/** A command travels to peers in one frame, and several must fit in memory. */
const requestBytesMax = 32 * 2 ** 20;
const defaultName = 'default';

/** @throws ConfigError with the first thing that is wrong. */
export function serverConfig(set: ReadonlyMap<FlagName, string>): ServerConfig {
  const settings = new Settings(set);
  const listenPeerUrls = settings.urls('listen-peer-urls');
  const listenClientUrls = settings.urls('listen-client-urls');
  const peerUrls = settings.urls('initial-advertise-peer-urls');
  const advertiseClientUrls = settings.urls('advertise-client-urls');
  const name = settings.text('name');
  const heartbeatMs = settings.count('heartbeat-interval');
  const electionMs = settings.count('election-timeout');
  const initialClusterState = settings.oneOf('initial-cluster-state', ['new', 'existing']);
  const logLevel = settings.oneOf('log-level', logLevels);

  for (const url of [...listenPeerUrls, ...listenClientUrls]) requireBindable(url);
  requireHosts('initial-advertise-peer-urls', '"host:port"', peerUrls);
  requireHosts(
    'advertise-client-urls',
    'in the format "host:port", "unix:/path/to/socket" or "unixs:/path/to/socket"',
    advertiseClientUrls,
  );
  requireTiming(heartbeatMs, electionMs);
  const maxRequestBytes = settings.positive('max-request-bytes');
  if (maxRequestBytes > requestBytesMax) {
    settings.refuse('max-request-bytes', String(maxRequestBytes), `it must be at most ${requestBytesMax} (32 MiB)`);
  }
  const [listenPeerUrl, ...otherPeerUrls] = listenPeerUrls;
  if (listenPeerUrl === undefined || otherPeerUrls.length > 0) {
    return settings.refuse('listen-peer-urls', settings.text('listen-peer-urls'), 'more than one is not built yet');
  }
  if (set.has('listen-client-urls') && !set.has('advertise-client-urls')) {
    throw new ConfigError('--advertise-client-urls is required when --listen-client-urls is set explicitly');
  }

  const token = settings.text('initial-cluster-token');
  const cluster = initialCluster(set, settings, name, peerUrls);
  const interval = set.has('watch-progress-notify-interval')
    ? 'watch-progress-notify-interval'
    : 'experimental-watch-progress-notify-interval';
  return {
    name,
    dataDir: settings.text('data-dir') || `${name}.etcd`,
    walDir: settings.text('wal-dir') || undefined,
    listenPeerUrl,
    listenClientUrls,
    advertiseClientUrls: advertiseClientUrls.map((url) => url.text),
    initialCluster: cluster,
    initialClusterToken: token,
    initialClusterState,
    flaggedCluster: () => {
      const members = membersOf(cluster, token);
      const { id: memberId } = localMember(members, name, peerUrls);
      return { memberId, clusterId: clusterIdOf(members.map(({ id }) => id)), members };
    },
    strictReconfigCheck: settings.isOn('strict-reconfig-check'),
    heartbeatMs,
    electionMs,
    snapshotCount: settings.positive('snapshot-count'),
    snapshotCatchupEntries: settings.count('snapshot-catchup-entries'),
    maxRequestBytes,
    maxTxnOps: settings.positive('max-txn-ops'),
    maxConcurrentStreams: Math.min(settings.positive('max-concurrent-streams'), 0xffff_ffff),
    keepaliveMinTimeMs: settings.duration('grpc-keepalive-min-time'),
    keepaliveIntervalMs: settings.duration('grpc-keepalive-interval'),
    keepaliveTimeoutMs: settings.duration('grpc-keepalive-timeout'),
    // etcd does not go below a tenth of a second either.
    watchProgressNotifyMs: Math.max(settings.duration(interval), 100),
    logLevel,
    logOutputs: settings.text('log-outputs').split(','),
  };
}

class Settings {
  readonly #set: ReadonlyMap<FlagName, string>;

  constructor(set: ReadonlyMap<FlagName, string>) {
    this.#set = set;
  }

  text(name: FlagName): string {
    return this.#set.get(name) ?? flags[name].byDefault;
  }

  oneOf<Choice extends string>(name: FlagName, choices: readonly Choice[]): Choice {
    const text = this.text(name);
    const chosen = choices.find((choice) => choice === text);
    return chosen ?? this.refuse(name, text, `it must be one of ${choices.join(', ')}`);
  }

  urls(name: FlagName): readonly MemberUrl[] {
    const text = this.text(name);
    try {
      const urls = parseUrls(text);
      for (const url of urls) {
        if (url.scheme === 'https') {
          throw new ConfigError(`--${name} names ${url.text}, but TLS is not built yet: use http:// there`);
        }
      }
      return urls;
    } catch (error: unknown) {
      if (error instanceof UrlError) return this.refuse(name, text, error.message);
      throw error;
    }
  }

  count(name: FlagName): number {
    const text = this.text(name);
    const value = /^(?:\d+|0x[\da-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? value : this.refuse(name, text, 'parse error');
  }

  isOn(name: FlagName): boolean {
    const text = this.text(name);
    return text === 'true' || (text !== 'false' && this.refuse(name, text, 'parse error'));
  }

  positive(name: FlagName): number {
    const value = this.count(name);
    return value > 0 ? value : this.refuse(name, String(value), 'it must be greater than 0');
  }

  /** Milliseconds. */
  duration(name: FlagName): number {
    const text = this.text(name);
    return parseDuration(text) ?? this.refuse(name, text, 'parse error');
  }

  refuse(name: FlagName, value: string, reason: string): never {
    throw new ConfigError(`invalid value "${value}" for flag -${name}: ${reason}`);
  }
}

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Go's durations, not below zero: `2h`, `1m30s`, `100ms`, `0`. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    sum += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  }
  return Number.isSafeInteger(Math.round(sum)) ? Math.round(sum) : undefined;
}

function requireBindable(url: MemberUrl): void {
  const isAddress = url.host === '' || url.host === 'localhost' || url.host.includes(':') || /^[\d.]+$/.test(url.host);
  if (!isAddress) throw new ConfigError(`expected IP in URL for binding (${url.text})`);
}

function requireHosts(name: FlagName, form: string, urls: readonly MemberUrl[]): void {
  const hostless = urls.find((url) => url.host === '');
  if (hostless === undefined) return;
  const list = urls.map((url) => url.text).join(',');
  throw new ConfigError(`--${name} "${list}" must be ${form} (unexpected empty host (${hostless.text}))`);
}

function requireTiming(heartbeatMs: number, electionMs: number): void {
  if (heartbeatMs === 0) throw new ConfigError('--heartbeat-interval must be >0 (set to 0ms)');
  if (electionMs === 0) throw new ConfigError('--election-timeout must be >0 (set to 0ms)');
  if (5 * heartbeatMs > electionMs) {
    throw new ConfigError(
      `--election-timeout[${electionMs}ms] should be at least as 5 times as --heartbeat-interval[${heartbeatMs}ms]`,
    );
  }
  if (electionMs > electionMsMax) {
    throw new ConfigError(
      `--election-timeout[${electionMs}ms] is too long, and should be set less than ${electionMsMax}ms`,
    );
  }
}

/** With a name of its own and no list, a member is its own first cluster, as in etcd. */
function initialCluster(
  set: ReadonlyMap<FlagName, string>,
  settings: Settings,
  name: string,
  peerUrls: readonly MemberUrl[],
): string {
  if (set.has('initial-cluster') || name === defaultName) return settings.text('initial-cluster');
  return peerUrls.map((url) => `${name}=${url.text}`).join(',');
}

/** A name that comes more than once has more than one URL. */
function membersOf(list: string, token: string): readonly InitialMember[] {
  const urlsByName = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const pair of list.split(',')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    for (const url of initialUrls(equals < 0 ? '' : pair.slice(equals + 1))) {
      if (url.scheme === 'https') {
        throw new ConfigError(`--initial-cluster names ${url.text}, but TLS is not built yet: use http:// there`);
      }
      if (seen.has(url.text)) throw new ConfigError(`initial cluster ${list} has duplicate url`);
      seen.add(url.text);
      urlsByName.set(name, [...(urlsByName.get(name) ?? []), url.text]);
    }
  }
  return [...urlsByName]
    .map(([name, urls]) => ({ id: memberIdOf(urls, token), name, peerUrls: urls.sort(byText) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function initialUrls(text: string): readonly MemberUrl[] {
  try {
    return parseUrls(text);
  } catch (error: unknown) {
    if (error instanceof UrlError) throw new ConfigError(`--initial-cluster cannot be used: ${error.message}`);
    throw error;
  }
}

function localMember(members: readonly InitialMember[], name: string, peerUrls: readonly MemberUrl[]): InitialMember {
  const self = members.find((member) => member.name === name);
  if (self === undefined) {
    throw new ConfigError(`couldn't find local name "${name}" in the initial cluster configuration`);
  }
  const advertised = peerUrls.map((url) => url.text);
  const unadvertised = self.peerUrls.filter((url) => !advertised.includes(url));
  if (unadvertised.length > 0) {
    const missing = unadvertised.map((url) => `${name}=${url}`).join(',');
    throw new ConfigError(
      `--initial-cluster has ${missing} but missing from --initial-advertise-peer-urls=${advertised.join(',')}`,
    );
  }
  const unlisted = advertised.filter((url) => !self.peerUrls.includes(url));
  if (unlisted.length > 0) {
    const listed = advertised.map((url) => `${name}=${url}`).join(',');
    throw new ConfigError(
      `--initial-advertise-peer-urls has ${unlisted.join(',')} but missing from --initial-cluster=${listed}`,
    );
  }
  return self;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

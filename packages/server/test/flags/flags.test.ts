import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flags, unbuiltFlags } from '../../src/config/flag-table.ts';
import { ConfigError, readFlags, variableOf } from '../../src/config/flags.ts';
import { clusterIdOf, hexId, memberIdOf } from '../../src/config/identity.ts';
import { parseDuration, type ServerConfig, serverConfig } from '../../src/config/server-config.ts';

type Env = Readonly<Record<string, string>>;

function configOf(argv: readonly string[], env: Env = {}): ServerConfig {
  const read = readFlags(argv, env);
  assert.equal(read.kind, 'settings');
  return serverConfig(read.kind === 'settings' ? read.set : new Map());
}

function refusalOf(argv: readonly string[], env: Env = {}): string {
  try {
    configOf(argv, env).flaggedCluster();
  } catch (error: unknown) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return 'accepted';
}

describe('flags', () => {
  it('about the initial cluster that do not fit are of no matter to who has data', () => {
    assert.equal(configOf(['--initial-cluster=a=http://127.0.0.1:1']).name, 'default');
  });

  it('switch things on and off in the spellings of Go', () => {
    assert.equal(configOf([]).strictReconfigCheck, true);
    for (const off of ['false', '0', 'F']) {
      assert.equal(configOf([`--strict-reconfig-check=${off}`]).strictReconfigCheck, false, off);
    }
    assert.equal(configOf(['--strict-reconfig-check']).strictReconfigCheck, true);
    assert.match(refusalOf(['--strict-reconfig-check=maybe']), /parse error/);
  });

  it('take their value in every form that etcd takes', () => {
    for (const argv of [['--name', 'x'], ['--name=x'], ['-name', 'x'], ['-name=x'], ['--name=y', '--name', 'x']]) {
      assert.equal(configOf(argv).name, 'x', argv.join(' '));
    }
  });

  it('beat the environment, which beats the default', () => {
    assert.equal(configOf([]).heartbeatMs, 100);
    assert.equal(configOf([], { ETCD_HEARTBEAT_INTERVAL: '50' }).heartbeatMs, 50);
    assert.equal(configOf(['--heartbeat-interval=70'], { ETCD_HEARTBEAT_INTERVAL: '50' }).heartbeatMs, 70);
    assert.equal(configOf([], { ETCD_HEARTBEAT_INTERVAL: '' }).heartbeatMs, 100);
  });

  it('warn of a variable that a flag shadows, and of one that nobody knows', () => {
    const read = readFlags(['--name=x'], { ETCD_NAME: 'y', ETCD_COLOUR: 'blue', PATH: '/bin' });

    assert.deepEqual(read.kind === 'settings' ? read.warnings : [], [
      'ETCD_NAME is shadowed by --name',
      'unrecognized environment variable ETCD_COLOUR',
    ]);
  });

  it('ask for help and for the version', () => {
    assert.equal(readFlags(['--help'], {}).kind, 'help');
    assert.equal(readFlags(['-h'], {}).kind, 'help');
    assert.equal(readFlags(['--name', 'x', '--version'], {}).kind, 'version');
  });

  it('that are not built are refused by name, wherever they are set', () => {
    for (const [name, { kind }] of Object.entries(unbuiltFlags)) {
      const value = kind === 'switch' ? 'perhaps' : '12345';
      assert.match(refusalOf([`--${name}=${value}`]), new RegExp(`^--${name} is not built yet: `));
      assert.match(refusalOf([], { [variableOf(name)]: value }), new RegExp(`^${variableOf(name)} is not built yet: `));
    }
  });

  it('that are not built are accepted when they ask for nothing', () => {
    for (const [name, { idle }] of Object.entries(unbuiltFlags)) {
      for (const value of idle) assert.equal(refusalOf([`--${name}=${value}`]), 'accepted', `--${name}=${value}`);
    }
    assert.equal(refusalOf(['--enable-v2=false', '--logger', 'zap', '--pre-vote', '--name=x']), 'accepted');
    assert.match(refusalOf(['--client-cert-auth']), /^--client-cert-auth is not built yet/);
    assert.match(refusalOf(['--unsafe-no-fsync']), /^--unsafe-no-fsync is not built yet/);
  });

  it('are told apart from the things that are not built', () => {
    for (const name of Object.keys(flags)) assert.ok(!Object.hasOwn(unbuiltFlags, name), name);
  });

  const refused: readonly (readonly [argv: readonly string[], message: string | RegExp])[] = [
    [['--colour=blue'], /^flag provided but not defined: -colour/],
    [['serve'], '"serve" is not a valid flag'],
    [['--pre-vote', 'false'], '"false" is not a valid flag'],
    [['--name'], 'flag needs an argument: -name'],
    [['--heartbeat-interval=soon'], 'invalid value "soon" for flag -heartbeat-interval: parse error'],
    [['--heartbeat-interval=-1'], 'invalid value "-1" for flag -heartbeat-interval: parse error'],
    [['--heartbeat-interval=0'], '--heartbeat-interval must be >0 (set to 0ms)'],
    [['--election-timeout=0'], '--election-timeout must be >0 (set to 0ms)'],
    [
      ['--election-timeout=499'],
      '--election-timeout[499ms] should be at least as 5 times as --heartbeat-interval[100ms]',
    ],
    [['--election-timeout=50001'], '--election-timeout[50001ms] is too long, and should be set less than 50000ms'],
    [['--snapshot-count=0'], 'invalid value "0" for flag -snapshot-count: it must be greater than 0'],
    [['--max-request-bytes=18446744073709551615'], /^invalid value "18446744073709551615" for flag -max-request-bytes/],
    [['--grpc-keepalive-interval=2'], 'invalid value "2" for flag -grpc-keepalive-interval: parse error'],
    [['--log-level=loud'], /^invalid value "loud" for flag -log-level: it must be one of debug, info/],
    [['--initial-cluster-state=old'], /^invalid value "old" for flag -initial-cluster-state: it must be one of new/],
    [
      ['--listen-client-urls=http://127.0.0.1:2379'],
      '--advertise-client-urls is required when --listen-client-urls is set explicitly',
    ],
    [
      ['--listen-peer-urls=127.0.0.1:2380'],
      'invalid value "127.0.0.1:2380" for flag -listen-peer-urls: URL scheme must be http, https, unix, or unixs: 127.0.0.1:2380',
    ],
    [
      ['--listen-peer-urls=http://127.0.0.1'],
      'invalid value "http://127.0.0.1" for flag -listen-peer-urls: URL address does not have the form "host:port": http://127.0.0.1',
    ],
    [
      ['--listen-peer-urls=http://127.0.0.1:2380/x'],
      'invalid value "http://127.0.0.1:2380/x" for flag -listen-peer-urls: URL must not contain a path: http://127.0.0.1:2380/x',
    ],
    [['--listen-peer-urls=http://127.0.0.1:65536'], /does not have the form "host:port"/],
    [['--listen-peer-urls='], /URL scheme must be http/],
    [['--listen-peer-urls=http://example.org:2380'], 'expected IP in URL for binding (http://example.org:2380)'],
    [['--listen-peer-urls=unix:///tmp/a'], /unix sockets are not built yet/],
    [
      ['--initial-advertise-peer-urls=https://127.0.0.1:2380'],
      '--initial-advertise-peer-urls names https://127.0.0.1:2380, but TLS is not built yet: use http:// there',
    ],
    [
      ['--advertise-client-urls=http://:2379'],
      '--advertise-client-urls "http://:2379" must be in the format "host:port", "unix:/path/to/socket" or "unixs:/path/to/socket" (unexpected empty host (http://:2379))',
    ],
    [
      ['--initial-cluster=a=http://127.0.0.1:1'],
      `couldn't find local name "default" in the initial cluster configuration`,
    ],
    [
      ['--initial-cluster=default=http://127.0.0.1:1'],
      '--initial-cluster has default=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://localhost:2380',
    ],
    [
      ['--initial-advertise-peer-urls=http://localhost:2380,http://127.0.0.1:1'],
      '--initial-advertise-peer-urls has http://127.0.0.1:1 but missing from --initial-cluster=default=http://127.0.0.1:1,default=http://localhost:2380',
    ],
    [
      ['--initial-cluster=default=http://localhost:2380,b=http://localhost:2380'],
      'initial cluster default=http://localhost:2380,b=http://localhost:2380 has duplicate url',
    ],
    [['--initial-cluster=default=localhost'], /^--initial-cluster cannot be used: URL scheme must be/],
  ];
  for (const [argv, message] of refused) {
    it(`refuse ${argv.join(' ')}`, () => {
      if (typeof message === 'string') assert.equal(refusalOf(argv), message);
      else assert.match(refusalOf(argv), message);
    });
  }
});

describe('a configuration', () => {
  it('has the defaults of etcd', () => {
    const config = configOf([]);

    assert.equal(config.name, 'default');
    assert.equal(config.dataDir, 'default.etcd');
    assert.deepEqual(
      config.listenClientUrls.map(({ text }) => text),
      ['http://localhost:2379'],
    );
    assert.equal(config.electionMs, 1000);
    assert.equal(config.snapshotCount, 10_000);
    assert.equal(config.maxRequestBytes, 1_572_864);
    assert.equal(config.maxTxnOps, 128);
    assert.equal(config.keepaliveIntervalMs, 7_200_000);
    assert.equal(config.keepaliveMinTimeMs, 5_000);
    assert.equal(config.watchProgressNotifyMs, 600_000);
    assert.equal(config.flaggedCluster().members.length, 1);
  });

  it('of a member with a name of its own makes it its own first cluster', () => {
    const config = configOf(['--name=solo']);

    assert.equal(config.dataDir, 'solo.etcd');
    assert.deepEqual(
      config.flaggedCluster().members.map(({ name, peerUrls }) => [name, peerUrls]),
      [['solo', ['http://localhost:2380']]],
    );
  });

  it('takes either name of the progress interval and keeps it above a tenth of a second', () => {
    assert.equal(configOf(['--experimental-watch-progress-notify-interval=1s']).watchProgressNotifyMs, 1000);
    assert.equal(configOf(['--watch-progress-notify-interval=1ms']).watchProgressNotifyMs, 100);
  });

  it('gives the ids that etcd gives for the same flags', () => {
    // From the log of etcd 3.4.23, started with these URLs.
    const one = configOf([
      '--name=x',
      '--initial-advertise-peer-urls=http://127.0.0.1:34380',
      '--initial-cluster=x=http://127.0.0.1:34380',
    ]);
    assert.equal(hexId(one.flaggedCluster().memberId), '2c902495a3d372c7');
    assert.equal(hexId(one.flaggedCluster().clusterId), 'cf3541d82322dc81');

    // etcd's documentation prints these for its three members on one machine.
    const tutorial = configOf([
      '--name=infra1',
      '--initial-advertise-peer-urls=http://127.0.0.1:12380',
      '--initial-cluster-token=etcd-cluster-1',
      '--initial-cluster=infra1=http://127.0.0.1:12380,infra2=http://127.0.0.1:22380,infra3=http://127.0.0.1:32380',
    ]);
    assert.deepEqual(
      tutorial
        .flaggedCluster()
        .members.map(({ id, name }) => `${name} ${hexId(id)}`)
        .sort(),
      ['infra1 8211f1d0f64f3269', 'infra2 91bc3c398fb3c146', 'infra3 fd422379fda50e48'],
    );
    assert.equal(hexId(tutorial.flaggedCluster().clusterId), 'ef37ad9dc622a7c4');
  });

  it('derives ids from sorted URLs, whatever their order', () => {
    assert.equal(memberIdOf(['http://a:1', 'http://b:1'], 't'), memberIdOf(['http://b:1', 'http://a:1'], 't'));
    assert.equal(clusterIdOf([1n, 2n]), clusterIdOf([2n, 1n]));
    assert.notEqual(memberIdOf(['http://a:1'], 't'), memberIdOf(['http://a:1'], 'u'));
  });
});

describe('a duration', () => {
  const rows: readonly (readonly [text: string, ms: number | undefined])[] = [
    ['0', 0],
    ['0s', 0],
    ['5s', 5_000],
    ['100ms', 100],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['10', undefined],
    ['-1s', undefined],
    ['', undefined],
    ['1 s', undefined],
    ['1d', undefined],
  ];
  for (const [text, ms] of rows) {
    it(`${JSON.stringify(text)} is ${ms === undefined ? 'refused' : `${ms} ms`}`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }
});

// The server as a process on a real disk, as its users meet it: with etcdctl, with signals, with wrong flags and with
// damaged data.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/dev/free-ports.ts';
import { startCluster } from '../support/cluster-process.ts';
import { requirePart } from '../support/real-parts.ts';

const program = fileURLToPath(new URL('../../src/bin/kontiki.ts', import.meta.url));
const command = [process.execPath, '--conditions=source', '--import', 'tsx', program, 'server'] as const;
const etcdctlPart = requirePart('etcdctl');

class ServerProcess {
  static readonly running: Set<ServerProcess> = new Set();
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  output = '';

  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [file, ...first] = command;
    this.#child = spawn(file, [...first, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    ServerProcess.running.add(this);
    this.#ended = once(this.#child, 'close').then(() => ServerProcess.running.delete(this));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
  }

  async said(part: string): Promise<void> {
    while (!this.output.includes(part)) {
      assert.equal(this.#child.exitCode, null, `ended before it said "${part}":\n${this.output}`);
      await Promise.race([once(this.#child.stderr ?? this.#child, 'data'), this.#ended]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  async exit(): Promise<number | string | null> {
    await this.#ended;
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}

/** Standard output and error of an etcdctl that succeeded, or failed with `failed`. */
function etcdctl(endpoints: readonly string[], ...words: readonly string[]): Promise<string> {
  const path = etcdctlPart.kind === 'found' ? etcdctlPart.path : 'etcdctl';
  const env = { ...process.env, ETCDCTL_API: '3' };
  return new Promise((resolve) => {
    execFile(path, ['--endpoints', endpoints.join(','), ...words], { env }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `failed: ${stderr}`);
    });
  });
}

let folder: string;
const ready = 'ready to serve client requests';

async function flagsOf(dataDir: string): Promise<{ readonly flags: readonly string[]; readonly endpoint: string }> {
  const [client, peer] = await freePorts(2);
  const peerUrl = `http://127.0.0.1:${peer}`;
  return {
    endpoint: `127.0.0.1:${client}`,
    flags: [
      ...['--name', 'solo', '--data-dir', dataDir, '--initial-cluster', `solo=${peerUrl}`],
      ...[
        '--listen-client-urls',
        `http://127.0.0.1:${client}`,
        '--advertise-client-urls',
        `http://127.0.0.1:${client}`,
      ],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ],
  };
}

describe('kontiki server', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kontiki-server-'));
  });
  after(async () => {
    for (const left of ServerProcess.running) {
      left.signal('SIGKILL');
      await left.exit();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('serves etcdctl, stops on SIGTERM with 0, and has everything when it comes back', async (t) => {
    if (etcdctlPart.kind === 'absent') return t.skip(etcdctlPart.reason);
    const { flags, endpoint } = await flagsOf(join(folder, 'etcdctl'));
    const ctl = (...words: readonly string[]): Promise<string> => etcdctl([endpoint], ...words);
    const first = new ServerProcess(flags);
    await first.said(ready);

    for (const [key, value] of [
      ['a', '1'],
      ['ab', '2'],
      ['b', '3'],
    ] as const) {
      assert.equal(await ctl('put', key, value), 'OK\n');
    }
    assert.equal(await ctl('put', 'a', '4', '--prev-kv'), 'OK\na\n1\n');
    assert.equal(await ctl('get', 'a', '--prefix'), 'a\n4\nab\n2\n');
    assert.equal(await ctl('get', 'ab', '--from-key', '--keys-only'), 'ab\n\nb\n\n');
    assert.equal(await ctl('get', 'a', '--rev', '2', '--print-value-only'), '1\n');
    assert.equal(
      await ctl('get', '', '--prefix', '--limit', '1', '--sort-by', 'VALUE', '--order', 'DESCEND'),
      'a\n4\n',
    );
    assert.match(
      await ctl('get', '', '--prefix', '--limit', '1', '--write-out', 'fields'),
      /"More" : true\n"Count" : 3/,
    );
    assert.equal(await ctl('get', 'b', '--consistency', 's'), 'b\n3\n');
    assert.equal(await ctl('del', 'b', '--prev-kv'), '1\nb\n3\n');
    assert.match(await ctl('get', 'a', '--rev', '99'), /^failed: .*required revision is a future revision/s);

    const lease = /lease ([\da-f]+) granted with TTL\(60s\)/.exec(await ctl('lease', 'grant', '60'))?.[1] ?? '';
    assert.equal(await ctl('put', 'leased', 'x', '--lease', lease), 'OK\n');
    assert.match(
      await ctl('lease', 'timetolive', lease, '--keys'),
      /granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)/,
    );
    assert.match(await ctl('lease', 'keep-alive', lease, '--once'), /keepalived with TTL\(60\)/);
    assert.equal(await ctl('lease', 'revoke', lease), `lease ${lease} revoked\n`);
    assert.equal(await ctl('get', 'leased'), '');

    assert.match(await ctl('compaction', '3'), /compacted revision 3/);
    assert.match(await ctl('get', 'a', '--rev', '2'), /^failed: .*required revision has been compacted/s);
    assert.match(await ctl('member', 'list'), /^[\da-f]+, started, solo, http:.*, http:.*, false\n$/);
    assert.match(
      await ctl('endpoint', 'status'),
      new RegExp(`^${endpoint}, [\\da-f]+, 3\\.6\\.0, .* true, false, \\d+, \\d+, \\d+, \\n$`),
    );
    assert.match(await ctl('endpoint', 'hashkv'), new RegExp(`^${endpoint}, \\d+\\n$`));
    const snapshot = join(folder, 'snapshot');
    assert.match(await ctl('snapshot', 'save', snapshot), /Snapshot saved at /);
    assert.equal(statSync(snapshot).size % 512, 32, 'sectors and a sum, by which clients know a whole file');
    const hash = await ctl('endpoint', 'hashkv');

    first.signal('SIGTERM');
    assert.equal(await first.exit(), 0);
    const second = new ServerProcess(flags);
    await second.said(ready);
    assert.equal(await ctl('get', 'a', '--prefix'), 'a\n4\nab\n2\n');
    assert.equal(await ctl('endpoint', 'hashkv'), hash);
    second.signal('SIGINT');
    assert.equal(await second.exit(), 0);
  });

  it('leaves at once on a second signal', async () => {
    const { flags, endpoint } = await flagsOf(join(folder, 'signals'));
    const server = new ServerProcess(flags);
    await server.said(ready);
    // A call that never sends its message keeps the first signal waiting.
    const session = connect(`http://${endpoint}`);
    session.on('error', () => undefined);
    const call = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => undefined);
    await once(session, 'remoteSettings');

    server.signal('SIGTERM');
    await server.said('received signal; shutting down');
    server.signal('SIGTERM');
    assert.equal(await server.exit(), 128 + 15);
    session.destroy();
  });

  it('refuses wrong flags with 2, and what it cannot have with 1, naming it', async () => {
    const unknown = new ServerProcess(['--colour', 'blue']);
    assert.equal(await unknown.exit(), 2);
    assert.match(unknown.output, /^flag provided but not defined: -colour/);
    const unbuilt = new ServerProcess([], { ETCD_CERT_FILE: '/etc/cert.pem' });
    assert.equal(await unbuilt.exit(), 2);
    assert.equal(unbuilt.output, 'ETCD_CERT_FILE is not built yet: leave it out, or see docs/etcd-api.md\n');

    const { flags } = await flagsOf(join(folder, 'held'));
    const first = new ServerProcess(flags);
    await first.said(ready);
    const second = new ServerProcess(flags);
    assert.equal(await second.exit(), 1);
    assert.match(second.output, /cannot lock .*held: process \d+ has it open/);
    first.signal('SIGTERM');
    assert.equal(await first.exit(), 0);
  });

  it('leaves with 70 when its log is damaged, saying where, and touches nothing', async () => {
    const dataDir = join(folder, 'damaged');
    const { flags, endpoint } = await flagsOf(dataDir);
    const first = new ServerProcess(flags);
    await first.said(ready);
    const put = await fetch(`http://${endpoint}/health`);
    assert.equal(put.status, 200);
    first.signal('SIGKILL');
    await first.exit();

    const walDir = join(dataDir, 'member', 'wal');
    const segment = readdirSync(walDir).find((name) => name.endsWith('.wal')) ?? '';
    const path = join(walDir, segment);
    const bytes = readFileSync(path);
    const at = 100;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
    const second = new ServerProcess(flags);
    assert.equal(await second.exit(), 70);
    assert.ok(second.output.includes(segment), second.output);
    assert.deepEqual(readFileSync(path), bytes);
  });
});

describe('three kontiki servers', () => {
  it('move their leader for etcdctl, and answer on every endpoint', async (t) => {
    if (etcdctlPart.kind === 'absent') return t.skip(etcdctlPart.reason);
    const cluster = await startCluster({ command: [...command], members: 3, readyLine: ready });
    try {
      const { endpoints } = cluster;
      assert.equal(await etcdctl(endpoints, 'put', 'a', '1'), 'OK\n');
      for (const endpoint of endpoints) assert.equal(await etcdctl([endpoint], 'get', 'a'), 'a\n1\n');
      const rows = JSON.parse(await etcdctl(endpoints, 'endpoint', 'status', '--write-out', 'json')) as readonly {
        readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number };
      }[];
      assert.equal(new Set(rows.map(({ Status }) => Status.leader)).size, 1);
      const table = await etcdctl(endpoints, 'endpoint', 'status');
      const follower =
        table
          .split('\n')
          .find((row) => row.includes(', false, false, '))
          ?.split(', ')[1] ?? '';

      assert.match(
        await etcdctl(endpoints, 'move-leader', follower),
        new RegExp(`transferred from [\\da-f]+ to ${follower}`),
      );
      assert.match(await etcdctl(endpoints, 'move-leader', 'abc'), /^failed: .*bad leader transferee/s);
      assert.equal(await etcdctl(endpoints, 'put', 'a', '2'), 'OK\n');
      const hashes = (await etcdctl(endpoints, 'endpoint', 'hashkv'))
        .trim()
        .split('\n')
        .map((row) => row.split(', ')[1]);
      assert.equal(new Set(hashes).size, 1);
    } finally {
      await cluster.stop();
    }
  });
});

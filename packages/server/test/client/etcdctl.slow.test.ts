// etcdctl uses a local cluster as it uses etcd: the same commands go to both, one after the other, through all three endpoints
// of ours, and print the same. What is each cluster's own (its members, its leader) is looked at alone.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { DevProcess } from '../dev/dev-process.ts';
import type { ClusterProcess } from '../support/cluster-process.ts';
import { startEtcd } from '../support/etcd-process.ts';
import { requirePart } from '../support/real-parts.ts';
import { Etcdctl } from './etcdctl.ts';

const etcdPart = requirePart('etcd');
const ctlPart = requirePart('etcdctl');
const absent = [ctlPart, etcdPart].find((part) => part.kind === 'absent');
const skip = absent?.kind === 'absent' ? absent.reason : false;

/** A command, and what it is given on standard input. */
type Step = readonly [args: string, input?: string];

const scripts: readonly (readonly [claim: string, steps: readonly Step[]])[] = [
  [
    'put',
    [
      ['put a 1'],
      ['put b 3'],
      ['put c 2'],
      ['put a 1.1 --prev-kv'],
      ['put b --ignore-value --prev-kv'],
      ['put piped', 'value from standard input'],
      ['put absent --ignore-value'],
      ['put c 2 --lease=123'],
    ],
  ],
  [
    'get',
    [
      ['get a'],
      ['get absent'],
      ['get a c'],
      ['get --prefix '],
      ['get --from-key b'],
      ['get --prefix  --limit=2'],
      ['get --prefix  --limit=2 -w json'],
      ['get --prefix  --sort-by=VALUE --order=DESCEND'],
      ['get --prefix  --sort-by=MODIFY --order=ASCEND --keys-only'],
      ['get --prefix  --sort-by=CREATE --order=DESCEND --print-value-only'],
      ['get --prefix  --sort-by=VERSION'],
      ['get a --rev=2'],
      ['get --prefix  --rev=3 -w fields'],
      ['get --prefix  --keys-only -w json'],
      ['get --prefix  --consistency=s'],
      ['get a -w json --hex'],
      ['get a --rev=1000'],
    ],
  ],
  [
    'del',
    [
      ['put d/1 x'],
      ['put d/2 y'],
      ['put d/3 z'],
      ['del d/1 --prev-kv'],
      ['del d/1'],
      ['del --prefix d/ --prev-kv'],
      ['put y 1'],
      ['put z 1'],
      ['del y z'],
      ['del --from-key x'],
      ['get --prefix d/'],
    ],
  ],
  [
    'txn',
    [
      ['txn', 'value("a") = "1.1"\nversion("b") > "0"\n\nput a then\nget a\ndel b\n\nget c\n\n'],
      ['txn', 'value("a") = "no"\n\nput a wrong\n\nget a\nget --prefix ""\n\n'],
      ['txn', 'mod("absent") = "0"\ncreate("a") = "2"\n\n\n\n'],
      ['txn -w json', '\nput t 1\nput u 2\n\n\n'],
      ['txn', '\nput t 1\nput t 2\n\n\n'],
      ['txn -i', 'value("t") = "1"\n\nput u swapped\n\nget u\n\n'],
      ['get --prefix '],
    ],
  ],
  [
    'lease',
    [
      ['lease grant 300'],
      ['put leased v --lease=LEASE1'],
      ['get leased -w json'],
      ['lease timetolive LEASE1 --keys -w fields'],
      ['lease keep-alive --once LEASE1'],
      ['lease list'],
      ['lease revoke LEASE1'],
      ['get leased'],
      ['lease timetolive LEASE1'],
      ['lease revoke LEASE1'],
      ['lease keep-alive --once LEASE1'],
      ['lease grant 0'],
    ],
  ],
  [
    'compaction',
    [
      ['put w 1'],
      ['put w 2'],
      ['del w'],
      ['compaction 5'],
      ['get a --rev=4'],
      ['get a --rev=5'],
      ['compaction 5'],
      ['compaction 1000'],
      ['compaction --physical 7'],
      ['get --prefix  -w json'],
    ],
  ],
];

describe('etcdctl prints for a local cluster what it prints for etcd', { skip }, () => {
  let dev: DevProcess;
  let etcd: ClusterProcess;
  let ours: Etcdctl;
  let theirs: Etcdctl;

  before(async () => {
    assert.ok(etcdPart.kind === 'found' && ctlPart.kind === 'found');
    [dev, etcd] = await Promise.all([DevProcess.start(), startEtcd(etcdPart.path, 1)]);
    ours = new Etcdctl({ path: ctlPart.path, endpoints: dev.endpoints });
    theirs = new Etcdctl({ path: ctlPart.path, endpoints: etcd.endpoints.join(',') });
  });
  after(async () => {
    await Promise.all([dev?.kill(), etcd?.stop()]);
  });

  for (const [claim, steps] of scripts) {
    it(claim, async () => {
      for (const [text, input] of steps) {
        const args = text.split(' ');
        const [expected, actual] = await Promise.all([theirs.transcript(args, input), ours.transcript(args, input)]);
        assert.equal(actual, expected, `etcdctl ${text}`);
      }
    });
  }

  it('watch, from a revision on, with what was before', async () => {
    const from = 'watch --prefix watched --rev=10 --prev-kv';
    for (const args of [
      'put watched/1 a',
      'put watched/1 b',
      'put watched/2 c',
      'del --prefix watched/',
      'put watched end',
    ]) {
      await Promise.all([theirs.run(args.split(' ')), ours.run(args.split(' '))]);
    }

    const expected = await theirs.transcriptUntil('end', from.split(' '));
    assert.match(expected, /^PUT\nwatched\/1\na\nPUT\nwatched\/1\na\nwatched\/1\nb\n/);
    assert.equal(await ours.transcriptUntil('end', from.split(' ')), expected);
  });

  it('watch from a revision that was compacted away', async () => {
    const args = ['watch', 'a', '--rev=2'];
    const [expected, actual] = await Promise.all([theirs.transcript(args), ours.transcript(args)]);

    assert.match(expected, /required revision has been compacted/);
    assert.equal(actual, expected);
  });
});

describe('etcdctl sees a local cluster', { skip: ctlPart.kind === 'absent' && ctlPart.reason }, () => {
  let dev: DevProcess;
  let ours: Etcdctl;

  before(async () => {
    assert.ok(ctlPart.kind === 'found');
    dev = await DevProcess.start();
    ours = new Etcdctl({ path: ctlPart.path, endpoints: dev.endpoints });
    await ok('put', 'k', 'v');
  });
  after(() => dev?.kill());

  async function ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await ours.run(args);
    assert.equal(code, 0, stderr);
    return stdout;
  }
  const cells = (text: string): readonly (readonly string[])[] =>
    text
      .trimEnd()
      .split('\n')
      .map((row) => row.split(', '));

  it('member list', async () => {
    const rows = cells(await ok('member', 'list'));

    const expected = dev
      .members()
      .map(({ name, peerUrl, clientUrl }) => ['started', name, peerUrl, clientUrl, 'false']);
    assert.deepEqual(rows.map((row) => row.slice(1)).sort(byName), expected);
  });

  it('endpoint status: one leads, all are in one term', async () => {
    const rows = cells(await ok('endpoint', 'status'));

    assert.deepEqual(rows.map(([endpoint]) => endpoint).join(','), dev.endpoints);
    assert.deepEqual(
      rows.map(([, , version]) => version),
      ['3.6.0', '3.6.0', '3.6.0'],
    );
    assert.equal(rows.filter(([, , , , leads]) => leads === 'true').length, 1);
    assert.equal(new Set(rows.map((row) => row[6])).size, 1);
  });

  it('endpoint health', async () => {
    const { code, stdout, stderr } = await ours.run(['endpoint', 'health', '--cluster']);

    assert.equal(code, 0);
    assert.equal(`${stdout}${stderr}`.match(/is healthy: successfully committed proposal/g)?.length, 3);
  });

  it('endpoint hashkv: all members hold the same', async (t: TestContext) => {
    const hashes = async (): Promise<readonly string[]> =>
      cells(await ok('endpoint', 'hashkv', '--rev=2')).map((row) => row[1] ?? '');
    const found = await hashes();

    t.diagnostic(found.join(' '));
    assert.equal(found.length, 3);
    assert.equal(new Set(found).size, 1);
    await ok('put', 'k', 'other');
    assert.deepEqual(await hashes(), found, 'a revision keeps its hash');
  });

  it('move-leader, asked of the leader', async () => {
    const status = cells(await ok('endpoint', 'status'));
    const leading = status.find(([, , , , leads]) => leads === 'true');
    const target = status.find(([, , , , leads]) => leads !== 'true');
    assert.ok(leading !== undefined && target !== undefined);

    assert.equal(
      await ok('move-leader', target[1] ?? ''),
      `Leadership transferred from ${leading[1]} to ${target[1]}\n`,
    );

    const now = cells(await ok('endpoint', 'status')).find(([, , , , leads]) => leads === 'true');
    assert.equal(now?.[1], target[1]);
  });

  it('member add, update, promote and remove, and what is refused', async () => {
    const url = 'http://127.0.0.1:9';
    const said = async (...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await ours.run(args);
      return `${stdout}${stderr.replace(/^\{"level":"warn".*\n/gm, '')}`.trimEnd();
    };
    // etcd's checks want members that have been connected for five seconds.
    let added = '';
    do added = await said('member', 'add', 'trial', '--learner', `--peer-urls=${url}`);
    while (added.includes('unhealthy cluster'));
    const id = /^Member ([\da-f]{1,16}) added to cluster/.exec(added)?.[1] ?? '';
    const others = dev.members().map(({ name, peerUrl }) => `${name}=${peerUrl}`);

    const lines = added.split('\n');
    assert.equal(lines[2], 'ETCD_NAME="trial"');
    const [, list = ''] = /^ETCD_INITIAL_CLUSTER="(.*)"$/.exec(lines[3] ?? '') ?? [];
    assert.deepEqual(list.split(',').sort(), [...others, `trial=${url}`].sort());
    assert.deepEqual(lines.slice(4), [
      `ETCD_INITIAL_ADVERTISE_PEER_URLS="${url}"`,
      'ETCD_INITIAL_CLUSTER_STATE="existing"',
    ]);
    const row = (await ok('member', 'list')).split('\n').find((line) => line.startsWith(id));
    assert.equal(row, `${id}, unstarted, , ${url}, , true`);

    const error = 'Error: etcdserver: ';
    const refusals = [
      [['member', 'add', 'y', '--learner', '--peer-urls=http://127.0.0.1:8'], 'too many learner members in cluster'],
      [['member', 'add', 'y', `--peer-urls=${url},http://127.0.0.1:6`], 'Peer URLs already exists'],
      [['member', 'promote', id], 'can only promote a learner member which is in sync with leader'],
      [['member', 'remove', 'abc'], 'member not found'],
      [['member', 'update', 'abc', `--peer-urls=${url}`], 'member not found'],
    ] as const;
    for (const [args, text] of refusals) assert.equal(await said(...args), error + text, args.join(' '));

    assert.match(await said('member', 'update', id, '--peer-urls=http://127.0.0.1:7'), /^Member [ \da-f]+ updated in/);
    const updated = (await ok('member', 'list')).split('\n').find((line) => line.startsWith(id));
    assert.equal(updated, `${id}, unstarted, , http://127.0.0.1:7, , true`, 'it stays a learner');
    assert.match(await said('member', 'remove', id), /^Member [ \da-f]+ removed from cluster/);
    assert.equal(await said('member', 'remove', id), `${error}member not found`);
  });

  it('snapshot save writes its file', async () => {
    assert.ok(ctlPart.kind === 'found');
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-snapshot-'));
    const [endpoint = ''] = dev.endpoints.split(',');
    try {
      const file = join(folder, 'backup');
      const one = new Etcdctl({ path: ctlPart.path, endpoints: endpoint });
      const { code, stdout, stderr } = await one.run(['snapshot', 'save', file]);

      assert.equal(code, 0, stderr);
      assert.equal(stdout, `Snapshot saved at ${file}\n`);
      assert.ok(statSync(file).size > 32, 'more than the hash behind it');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function byName([, a = '']: readonly string[], [, b = '']: readonly string[]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

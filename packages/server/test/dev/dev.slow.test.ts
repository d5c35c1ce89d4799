// `kontiki dev` and the client for people, from the first start to Ctrl-C.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { readClusterFile } from '../../src/dev/cluster-file.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { DevProcess, type Ended, isRunning, newFolder, program, run, until } from './dev-process.ts';

let dev: DevProcess;

before(async () => {
  dev = await DevProcess.start();
});
after(() => dev.kill());

function ok({ code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, stderr);
  return stdout;
}

describe('kontiki dev', () => {
  it('says ready once, with commands to try, and writes where everything is', async () => {
    await until(() => dev.lines().some((line) => line.includes(`--endpoints=${dev.endpoints}`)));
    assert.equal(dev.lines().filter((line) => line === 'ready').length, 1);
    const members = dev.members();
    assert.deepEqual(
      members.map(({ name, dataDir }) => [name, dataDir]),
      ['n1', 'n2', 'n3'].map((name) => [name, `${dev.folder}/${name}`]),
    );
    assert.ok(members.every(({ pid }) => isRunning(pid)));
  });

  it('shows who leads, the term, what is committed and how far behind the others are', async () => {
    await until(() =>
      dev.lines().some((line) => /^leader n\d, term \d+, commit \d+; n\d lag \d+, n\d lag \d+$/.test(line)),
    );
  });

  it('has a client that puts, gets, deletes and watches', async () => {
    assert.equal(ok(await dev.kontiki('put', 'greeting', 'hello')), 'OK\n');
    assert.equal(ok(await dev.kontiki('get', 'greeting')), 'greeting\nhello\n');
    assert.match(ok(await dev.kontiki('get', 'greeting', '-w', 'table')), /\| greeting \| hello \| 2 +\| 2 +\| 1 /);
    const json = JSON.parse(ok(await dev.kontiki('get', 'greeting', '--write-out', 'json')));
    assert.equal(Buffer.from(json.kvs[0].value, 'base64').toString(), 'hello');
    assert.equal(ok(await dev.kontiki('del', 'greeting', '--prev-kv')), '1\ngreeting\nhello\n');
    assert.equal(
      ok(await dev.kontiki('watch', 'greeting', '--rev', '2', '--count', '2')),
      'PUT\ngreeting\nhello\nDELETE\ngreeting\n\n',
    );
  });

  it('has a client that knows leases', async () => {
    const id = /^lease ([\da-f]+) granted/.exec(ok(await dev.kontiki('lease', 'grant', '300')))?.[1] ?? '';

    assert.equal(ok(await dev.kontiki('put', 'leased', 'v', '--lease', id)), 'OK\n');
    assert.match(
      ok(await dev.kontiki('lease', 'timetolive', id, '--keys')),
      /TTL\(300s\), .*attached keys\(\[leased\]\)/,
    );
    assert.equal(ok(await dev.kontiki('lease', 'keep-alive', id, '--once')), `lease ${id} keepalived with TTL(300)\n`);
    assert.equal(ok(await dev.kontiki('lease', 'list')), `found 1 leases\n${id}\n`);
    assert.equal(ok(await dev.kontiki('lease', 'revoke', id)), `lease ${id} revoked\n`);
    assert.equal(ok(await dev.kontiki('get', 'leased')), '');
  });

  it('has a client that lists the members and moves the leader', async () => {
    const rows = ok(await dev.kontiki('member', 'list'))
      .trimEnd()
      .split('\n');
    assert.deepEqual(rows.map((row) => row.split(', ').slice(1, 3).join(' ')).sort(), [
      'started n1',
      'started n2',
      'started n3',
    ]);
    const leaders = async (): Promise<readonly string[]> =>
      ok(await dev.kontiki('status'))
        .trimEnd()
        .split('\n')
        .map((row) => row.split(', '))
        .filter((cells) => cells[4] === 'true')
        .map((cells) => cells[1] ?? '');
    const [before] = await leaders();
    const target = rows.map((row) => row.split(', ')[0] ?? '').find((id) => id !== before) ?? '';

    assert.equal(ok(await dev.kontiki('move-leader', target)), `Leadership transferred from ${before} to ${target}\n`);
    assert.deepEqual(await leaders(), [target]);
  });

  it('has a client whose failure is one sentence and exit code 1', async () => {
    const { code, stdout, stderr } = await dev.kontiki('get', 'k', '--rev', 'yesterday');

    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, 'Error: --rev is "yesterday", but must be a whole number of at most 64 bits\n');
  });

  it('starts a killed member again, and cluster.json has its new process', async () => {
    ok(await dev.kontiki('put', 'kept', 'through the kill'));
    const [, killed] = dev.members();
    assert.ok(killed !== undefined);

    process.kill(killed.pid, 'SIGKILL');
    await until(() => dev.members()[1]?.pid !== killed.pid);
    const own = ['--endpoints', killed.clientUrl];
    await until(async () => (await run(process.execPath, [program, 'get', 'kept', ...own])).code === 0);

    assert.deepEqual({ ...dev.members()[1], pid: 0 }, { ...killed, pid: 0 });
    assert.equal(ok(await run(process.execPath, [program, 'get', 'kept', ...own])), 'kept\nthrough the kill\n');
    assert.ok(dev.lines().includes('n2 ended (SIGKILL); starting it again'));
  });

  it('prints the log of a member that runs', async () => {
    const [member] = dev.members();
    assert.ok(member !== undefined);

    const log = ok(await run(process.execPath, [program, 'wal', 'dump', member.dataDir]));

    assert.match(log, /^\d+\.wal: .* bytes/);
    assert.match(log, /no-op +index 1 term 1/);
    const { code, stderr } = await run(process.execPath, [program, 'wal', 'dump', `${dev.folder}/absent`]);
    assert.equal(code, 1);
    assert.match(stderr, /^Error: cannot list .*absent: there is no such file or directory \(name the data dir/);
  });

  it('refuses to start over a port in use, and names who holds it', async () => {
    const port = Number(dev.members()[0]?.clientUrl.split(':')[2]);
    const folder = newFolder();
    try {
      const flags = ['--members', '1', '--base-port', String(port), '--data-dir', folder];
      const { code, stderr } = await run(process.execPath, [program, 'dev', ...flags]);

      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^Error: in use: port ${port} .*--base-port 0`));
      if (process.platform === 'linux') assert.match(stderr, new RegExp(`held by process ${dev.members()[0]?.pid}: `));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('stops every member on Ctrl-C, in order, and leaves with 0', async () => {
    const members = dev.members();

    const begun = performance.now();
    assert.equal(await dev.signal('SIGINT'), 0);

    assert.ok(performance.now() - begun < 10_000, 'nobody had to be killed');
    assert.deepEqual(
      members.filter(({ pid }) => isRunning(pid)),
      [],
    );
  });

  it('goes on with its data and its ports on the next start', async () => {
    const before = dev.members();
    const again = await DevProcess.start([], dev.folder);
    try {
      assert.equal(ok(await again.kontiki('get', 'kept')), 'kept\nthrough the kill\n');
      assert.deepEqual(
        again.members().map(({ clientUrl }) => clientUrl),
        before.map(({ clientUrl }) => clientUrl),
      );
    } finally {
      await again.signal('SIGTERM');
    }
  });

  it('takes its members with it even when it is killed', async () => {
    const again = await DevProcess.start(['--fresh', '--members', '1'], dev.folder);
    const members = again.members();
    assert.equal(members.length, 1);

    await again.signal('SIGKILL');

    await until(() => members.every(({ pid }) => !isRunning(pid)));
  });
});

describe('a member of kontiki dev', () => {
  it('ends when dev has died before the member was loaded', async () => {
    const folder = newFolder();
    const [client, peer] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`);
    const urls = ['--listen-client-urls', '--advertise-client-urls'].map((flag) => `${flag}=${client}`);
    const member = spawn(
      process.execPath,
      [program, 'server', ...urls, `--listen-peer-urls=${peer}`, `--data-dir=${folder}`],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      },
    );
    const ended = new Promise<void>((resolve) => member.on('exit', () => resolve()));
    try {
      member.disconnect();

      await until(() => member.exitCode !== null || member.signalCode !== null);
    } finally {
      member.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('npm start', () => {
  const rows: readonly (readonly [claim: string, tell: (npm: number) => void])[] = [
    ['the terminal tells its whole group of a Ctrl-C', (npm) => process.kill(-npm, 'SIGINT')],
    ['somebody ends npm alone', (npm) => process.kill(npm, 'SIGTERM')],
  ];
  for (const [claim, tell] of rows) {
    it(`stops everything when ${claim}`, () => stopsAll(tell));
  }

  async function stopsAll(tell: (npm: number) => void): Promise<void> {
    const folder = newFolder();
    const root = new URL('../../../..', import.meta.url);
    const args = ['start', '--', '--members', '1', '--base-port', '0', '--data-dir', folder];
    // A group of its own, as a shell makes it for what runs in the foreground.
    const npm = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    npm.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = new Promise<void>((resolve) => npm.on('close', () => resolve()));
    try {
      await until(() => /^ready$/m.test(output));
      const pid = readClusterFile(folder)?.[0]?.pid ?? 0;
      assert.ok(isRunning(pid));

      tell(npm.pid ?? 0);
      await until(() => !isRunning(pid));
      await ended;

      assert.match(output, /stopping the members/);
    } finally {
      endGroup(npm.pid ?? 0);
      rmSync(folder, { recursive: true, force: true });
    }
  }
});

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

// Starts that are refused: with which exit code, in which sentence. Nothing of the seat is touched, so one start that works
// comes last, and then whatever befalls a process that runs.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type End, MemberProcess, type Seat, type StartOptions, seats, type Table } from './member-process.ts';
import { Wire } from './wire.ts';

let table: Table;
let seat: Seat;

async function refused(options: StartOptions): Promise<End> {
  return MemberProcess.start(seat, options).ended;
}

async function listening(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

describe('a start', { concurrency: 2 }, () => {
  before(async () => {
    table = await seats(1);
    seat = table.seats[0] ?? assert.fail();
    writeFileSync(`${table.folder}/file`, '');
  });
  after(() => table.clear());

  const rows: readonly (readonly [why: string, options: StartOptions, code: number, reason: RegExp])[] = [
    [
      'with a flag that etcd does not know',
      { flags: ['--colour=blue'], segments: 'shipped' },
      2,
      /^flag provided but not defined: -colour; kontiki server --help lists them$/,
    ],
    [
      'with a variable that cannot be read',
      { env: { ETCD_SNAPSHOT_COUNT: 'many' } },
      2,
      /^invalid value "many" for flag -snapshot-count: parse error$/,
    ],
    [
      'with a variable for what is not built',
      { env: { ETCD_QUOTA_BACKEND_BYTES: '7' } },
      2,
      /^ETCD_QUOTA_BACKEND_BYTES is not built yet: leave it out, or see docs\/etcd-api\.md$/,
    ],
    [
      'in a cluster that does not have it',
      { flags: ['--initial-cluster=other=http://127.0.0.1:1'] },
      2,
      /^couldn't find local name "m1" in the initial cluster configuration$/,
    ],
    [
      'with a log file that is a folder',
      { flags: ['--log-outputs=/tmp'] },
      2,
      /^cannot log to \/tmp: EISDIR.*; give other --log-outputs$/,
    ],
  ];
  for (const [why, options, code, reason] of rows) {
    it(`${why} is refused`, async () => {
      const end = await refused(options);

      assert.match(end.reason, reason);
      assert.equal(end.code, code);
      assert.doesNotMatch(end.said, /^ +at /m, 'a sentence and no stack');
    });
  }

  it('with a data directory that is a file is refused', async () => {
    const end = await refused({ flags: [`--data-dir=${table.folder}/file`] });

    assert.match(end.reason, /^cannot make the directory .*\/file: .*; give another --data-dir, or let the user/);
    assert.equal(end.code, 1);
  });

  it('with a data directory of etcd is refused', async () => {
    const dataDir = `${table.folder}/etcd`;
    mkdirSync(`${dataDir}/member/snap`, { recursive: true });
    writeFileSync(`${dataDir}/member/snap/db`, 'bolt');
    const end = await refused({ flags: [`--data-dir=${dataDir}`] });

    assert.match(
      end.reason,
      /etcd holds member\/snap\/db but no kontiki\.json: it is not Kontiki's, .* another --data-dir/,
    );
    assert.equal(end.code, 1);
  });

  it('of a member that joins is refused where nobody can be asked', async () => {
    const end = await refused({ flags: [`--data-dir=${table.folder}/none`, '--initial-cluster-state=existing'] });

    assert.match(end.reason, /^cannot fetch cluster info from peer urls: could not retrieve cluster information/);
    assert.equal(end.code, 1);
  });
});

describe('a port that another has', () => {
  before(async () => {
    table = await seats(1);
    seat = table.seats[0] ?? assert.fail();
  });
  after(() => table.clear());

  it('is named, be it for clients or for peers, and nothing stays behind', async () => {
    for (const [port, whom, flag] of [
      [seat.clientPort, 'clients', 'listen-client-urls'],
      [seat.peerPort, 'peers', 'listen-peer-urls'],
    ] as const) {
      const holder = await listening(port);
      const end = await refused({});
      holder.close();

      assert.match(
        end.reason,
        new RegExp(
          `^cannot listen for ${whom} on 127\\.0\\.0\\.1:${port}: another process listens there; .*--${flag}$`,
        ),
      );
      assert.equal(end.code, 1);
    }
  });

  it('is no reason not to start once it is free', async () => {
    chmodSync(seat.dataDir, 0o777);
    const member = await MemberProcess.start(seat).serving();
    const wire = new Wire(seat.clientPort);
    assert.equal(await wire.put('a', '1'), 'ok');
    wire.close();
    // etcd 3.6 serves such a directory, too, and warns.
    assert.match(member.said, /the data directory can be read or written by other users.*chmod 700/);
    const end = await member.stop();
    assert.equal(end.code, 0, end.said);
  });
});

describe('an error that nobody expected', () => {
  before(async () => {
    table = await seats(1);
    seat = table.seats[0] ?? assert.fail();
  });
  after(() => table.clear());

  const accidents = {
    'thrown from a timer': "setTimeout(() => { throw new Error('the sky fell') })",
    'in a promise nobody awaits': "Promise.reject(new Error('the sky fell'))",
    'that is no error': "setTimeout(() => { throw 'the sky fell' })",
  };
  for (const [kind, accident] of Object.entries(accidents)) {
    it(`${kind} stops the process with code 70 and a sentence, and the data are whole`, async () => {
      const script = `data:text/javascript,process.on('SIGUSR2',()=>{${encodeURIComponent(accident)}})`;
      const member = await MemberProcess.start(seat, { env: { NODE_OPTIONS: `--import=${script}` } }).serving();
      const wire = new Wire(seat.clientPort);
      assert.equal(await wire.put(kind, 'kept'), 'ok');
      member.signal('SIGUSR2');
      const end = await member.ended;

      assert.match(end.said, /"msg":"an error that nobody expected: the server stops"/);
      assert.equal(end.reason, 'the sky fell');
      assert.equal(end.code, 70);

      const again = await MemberProcess.start(seat).serving();
      assert.equal(await wire.get(kind), 'kept');
      wire.close();
      await again.kill();
    });
  }
});

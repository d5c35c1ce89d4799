// What may have become of a data directory while nobody looked. One member makes it and is killed; each test gets a copy,
// damages it, and starts a member on it. A start that is refused leaves every byte as it was.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { openLmdbBackend } from '@kontiki/kv/node';
import { freePorts } from '../../src/dev/free-ports.ts';
import { type End, MemberProcess, type Seat, seats, type Table } from './member-process.ts';
import { Wire } from './wire.ts';

let table: Table;
let made: Seat;

const count = 100;
/** So that the first segments are gone and rows are all that is left of what was in them. */
const compacting = ['--snapshot-count=20', '--snapshot-catchup-entries=45'];

async function fill(seat: Seat): Promise<void> {
  const member = await MemberProcess.start(seat, { flags: compacting }).serving();
  const wire = new Wire(seat.clientPort);
  for (let at = 0; at < count; at++) assert.equal(await wire.put(`k${at}`, `${at} `.padEnd(16 * 1024, 'v')), 'ok');
  wire.close();
  await member.kill();
}

/** A seat with a copy of the data, and ports of its own. */
async function copy(title: string): Promise<Seat> {
  const [clientPort = 0] = await freePorts(1);
  const dataDir = `${table.folder}/${title.replaceAll(/\W+/g, '-')}`;
  cpSync(made.dataDir, dataDir, { recursive: true });
  // The peer URL is part of who a member is; nobody else listens there while the tests run one after the other.
  return { ...made, dataDir, clientPort };
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.path.slice(folder.length)}/${entry.name}`)
    .sort();
}

/** All but what a start writes to say that it is there: who holds the lock, LMDB's readers, the count of starts; and what a kill left. */
function fingerprint(folder: string, except = /^$/): string {
  const hash = createHash('sha256');
  for (const file of filesOf(folder)) {
    if (except.test(file) || /\/(lock|lock\.mdb|kontiki\.json|.*\.tmp)$/.test(file)) continue;
    hash.update(`${file}\n`).update(readFileSync(folder + file));
  }
  return hash.digest('hex');
}

const segmentsOf = (seat: Seat): readonly string[] =>
  readdirSync(`${seat.dataDir}/member/wal`)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .map((name) => `${seat.dataDir}/member/wal/${name}`);

function change(file: string, edit: (bytes: Buffer) => Buffer): void {
  writeFileSync(file, edit(readFileSync(file)));
}

function flip(file: string, offset: number): void {
  change(file, (bytes) => {
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
    return bytes;
  });
}

/** Just behind the last byte that is not zero. */
function endOfContent(file: string): number {
  const bytes = readFileSync(file);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** The head of a log file says which format it has, under a checksum of its own. */
function makeNewer(file: string): void {
  change(file, (bytes) => {
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
    return bytes;
  });
}

async function makeRowsNewer(seat: Seat): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    openLmdbBackend({ path: `${seat.dataDir}/member/db` }, (opened) => {
      if (opened.kind === 'failed') return reject(opened.error);
      const { backend } = opened;
      const value = Uint8Array.of(0, 0, 0, 2);
      const closed = (error: Error | undefined): void => (error === undefined ? resolve() : reject(error));
      const format = { kind: 'put', space: 'meta', key: Buffer.from('format'), value } as const;
      backend.commit(
        [format],
        () => undefined,
        () => backend.close(closed),
      );
    });
  });
}

interface Refusal {
  readonly title: string;
  readonly damage: (seat: Seat) => void | Promise<void>;
  readonly code: number;
  readonly reason: RegExp;
  /** What the start writes before it finds the damage: a log that is fine is opened, and rows that are not there are made. */
  readonly writes?: RegExp;
}

const repair =
  /This member must not vote with what is left\. Remove it from the cluster, delete .*\/member\/wal, and add it/;

const refusals: readonly Refusal[] = [
  {
    title: 'a newer format of the directory',
    damage: ({ dataDir }) =>
      change(`${dataDir}/kontiki.json`, (text) => Buffer.from(`${text}`.replace('"format": 1', '"format": 2'))),
    code: 1,
    reason: /kontiki\.json says format 2, and this version reads format 1: start the version that wrote it, or a newer/,
  },
  {
    title: 'a newer format of the log',
    damage: (seat) => makeNewer(segmentsOf(seat).at(-1) ?? ''),
    code: 70,
    reason: /\.wal has format version 2, this program knows versions up to 1\. Start it with the newer program/,
  },
  {
    title: 'a newer format of the durable index',
    damage: ({ dataDir }) => makeNewer(`${dataDir}/member/wal/durable`),
    code: 70,
    reason: /durable has format version 2, this program knows versions up to 1\. Start it with the newer program/,
  },
  {
    title: 'a newer format of the rows',
    damage: makeRowsNewer,
    code: 70,
    reason: /^the data is in format 2 and this version reads up to 1: start the newer version that wrote it/,
    writes: /^\/member\/wal\//,
  },
  {
    title: 'a file that says whose it is, damaged',
    damage: ({ dataDir }) => truncateSync(`${dataDir}/kontiki.json`, 40),
    code: 1,
    reason: /kontiki\.json is damaged: put it back from a backup of the directory/,
  },
  {
    title: 'no file that says whose it is',
    damage: ({ dataDir }) => rmSync(`${dataDir}/kontiki.json`),
    code: 1,
    reason: /holds member\/wal\/.*\.wal but no kontiki\.json: .* give another --data-dir, or put the file back/,
  },
  {
    title: 'no log, though there are rows',
    damage: ({ dataDir }) => rmSync(`${dataDir}/member/wal`, { recursive: true }),
    code: 1,
    reason: /the log of this member is gone: .*\/member\/wal holds no segment, .*; put it back, or give --wal-dir/,
  },
  {
    title: 'a log without its durable index',
    damage: ({ dataDir }) => rmSync(`${dataDir}/member/wal/durable`),
    code: 70,
    reason:
      /^the log is corrupt: the file of the durable index is gone \(file .*\/durable, offset 0, from index \d+ on; row F/,
  },
  {
    title: 'a log without its last segment',
    damage: (seat) => rmSync(segmentsOf(seat).at(-1) ?? ''),
    code: 70,
    reason:
      /^the log is corrupt: the log ends before the durable index.*\(file .*, offset \d+, from index \d+ on; row O/,
  },
  {
    title: 'a log without a segment between others',
    damage: (seat) => rmSync(segmentsOf(seat).at(-2) ?? ''),
    code: 70,
    reason: /^the log is corrupt: .*\(file .*\.wal, offset \d+, from index \d+ on; row [GP] /,
  },
  {
    title: 'a flipped bit in an old record',
    damage: (seat) => flip(segmentsOf(seat)[0] ?? '', 5_000),
    code: 70,
    reason:
      /^the log is corrupt: a batch in an older segment is damaged.*\(file .*\.wal, offset \d+, from index \d+ on; row L/,
  },
  {
    title: 'no rows, though the log no longer has them',
    damage: ({ dataDir }) => rmSync(`${dataDir}/member/db`, { recursive: true }),
    code: 70,
    reason:
      /the state machine has applied 0, the log begins at \d+ .*\. Put the whole data directory back from one backup/,
    writes: /^\/member\/(wal|db)\//,
  },
  {
    title: 'rows that are no rows',
    damage: ({ dataDir }) => change(`${dataDir}/member/db/data.mdb`, (bytes) => bytes.fill(0x6b, 0, 4096)),
    code: 70,
    reason:
      /cannot open the database in .*: .*data\.mdb is not an LMDB data file\. Move .*\/member\/db away and start again/,
    writes: /^\/member\/wal\//,
  },
  {
    title: 'rows that are cut short',
    damage: ({ dataDir }) => truncateSync(`${dataDir}/member/db/data.mdb`, 64 * 1024),
    code: 70,
    reason: /data\.mdb is cut short: it should hold \d+ bytes\. Move .*\/member\/db away and start again/,
    writes: /^\/member\/wal\//,
  },
];

async function attempt(seat: Seat, flags: readonly string[] = []): Promise<End> {
  return MemberProcess.start(seat, { flags: [...compacting, ...flags] }).ended;
}

async function expectAllWrites(seat: Seat): Promise<void> {
  const wire = new Wire(seat.clientPort);
  for (let at = 0; at < count; at++) assert.equal((await wire.get(`k${at}`))?.trimEnd().split(' ')[0], `${at}`);
  assert.equal(await wire.put('after', 'all'), 'ok');
  wire.close();
}

describe('a member does not start on', () => {
  before(async () => {
    table = await seats(1);
    made = table.seats[0] ?? assert.fail();
    await fill(made);
    assert.ok(segmentsOf(made).length >= 2, 'the log has older segments');
    assert.ok(!existsSync(`${made.dataDir}/member/wal/0000000000000001.wal`), 'and no longer its first');
  });

  for (const { title, damage, code, reason, writes } of refusals) {
    it(title, async () => {
      const seat = await copy(title);
      await damage(seat);
      const before = fingerprint(seat.dataDir, writes);
      const end = await attempt(seat);

      assert.match(end.reason, reason);
      if (end.reason.startsWith('the log is corrupt')) assert.match(end.reason, repair);
      assert.equal(end.code, code);
      assert.equal(fingerprint(seat.dataDir, writes), before);
      rmSync(seat.dataDir, { recursive: true });
    });
  }

  it('the data of a member of another cluster', async () => {
    const end = await attempt(made, ['--initial-cluster-token=another']);

    assert.match(
      end.reason,
      /belongs to member [\da-f]+ of cluster [\da-f]+, but .* --initial-cluster-token .* --data-dir$/,
    );
    assert.equal(end.code, 1);
  });
});

describe('a member starts on', () => {
  after(() => table.clear());

  it('a log whose end was torn, and keeps it aside', async () => {
    const seat = await copy('torn');
    const last = segmentsOf(seat).at(-1) ?? '';
    const end = Math.ceil(endOfContent(last) / 8) * 8;
    change(last, (bytes) => bytes.fill(0xa5, end, end + 100));
    const member = await MemberProcess.start(seat, { flags: compacting }).serving();

    assert.match(member.said, /the end of the log was never acknowledged: it was cut off and kept aside/);
    await expectAllWrites(seat);
    await member.kill();
    assert.ok(filesOf(`${seat.dataDir}/member/wal`).some((name) => name.endsWith('.torn')));
  });

  it('a snapshot that is no snapshot, and keeps it aside', async () => {
    const seat = await copy('snapshot');
    const file = `${seat.dataDir}/member/snap/0000000000000009-0000000000000001.snap`;
    writeFileSync(file, 'garbage');
    const member = await MemberProcess.start(seat, { flags: compacting }).serving();

    assert.match(member.said, /cannot be used: it ends at offset 7.*snapshots: snapshotBroken/);
    await expectAllWrites(seat);
    await member.kill();
    assert.equal(statSync(`${file}.broken`).size, 7);
  });

  it('its own data, but not while another process has them', async () => {
    const first = await MemberProcess.start(made, { flags: compacting }).serving();
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const second = await attempt({ ...made, clientPort }, [`--listen-peer-urls=http://127.0.0.1:${peerPort}`]);

    assert.match(
      second.reason,
      new RegExp(`process ${first.pid} has it open\\. Stop that first, or use another directory$`),
    );
    assert.equal(second.code, 1);
    await expectAllWrites(made);
    await first.kill();
  });

  it('data that were damaged and mended', async () => {
    const seat = await copy('mended');
    const aside = `${table.folder}/aside`;
    renameSync(`${seat.dataDir}/member/wal`, aside);
    assert.equal((await attempt(seat)).code, 1);
    rmSync(`${seat.dataDir}/member/wal`, { recursive: true, force: true });
    renameSync(aside, `${seat.dataDir}/member/wal`);
    const member = await MemberProcess.start(seat, { flags: compacting }).serving();

    await expectAllWrites(seat);
    await member.kill();
  });
});

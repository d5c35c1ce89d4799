// Members that are not what they say, or not whom others take them for: they are refused by the peers that are in order, say
// why, and change nothing.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { StatusRequestSchema, StatusResponseSchema } from '@kontiki/etcd-proto';
import { MemberProcess, type Seat, seats, type Table } from './member-process.ts';
import { Wire } from './wire.ts';

let table: Table;
let third: Seat;
let members: MemberProcess[];
let wire: Wire;

function member(at: number): MemberProcess {
  return members[at] ?? assert.fail();
}

/** What the two others agree on: a stranger must not move it. */
async function term(): Promise<bigint> {
  return (await wire.ask('Maintenance/Status', StatusRequestSchema, {}, StatusResponseSchema)).raftTerm;
}

describe('a cluster of three', () => {
  before(async () => {
    table = await seats(3);
    members = await Promise.all(table.seats.map((seat) => MemberProcess.start(seat).serving()));
    third = table.seats[2] ?? assert.fail();
    wire = new Wire(table.seats[0]?.clientPort ?? 0);
    assert.equal(await wire.put('a', '1'), 'ok');
    // Also where the third led, the others have a leader afterwards.
    await member(2).stop();
    assert.equal(await wire.put('a', '2'), 'ok');
  });
  after(async () => {
    wire.close();
    await Promise.all(members.map((one) => one.kill()));
    table.clear();
  });

  /** A stranger at the address of the third, whose data stay where they are. */
  async function refusesAt(dataDir: string, flags: readonly string[], reason: RegExp): Promise<void> {
    mkdirSync(dataDir, { mode: 0o700 });
    const before = await term();
    const stranger = MemberProcess.start(third, { flags: [`--data-dir=${dataDir}`, ...flags] });
    try {
      await stranger.says(reason);
      assert.match(stranger.said, /"level":"warn".*"msg":"peer connection refused"/);
      assert.equal(await wire.put('a', 'meanwhile'), 'ok');
      assert.equal(await term(), before);
      assert.doesNotMatch(stranger.said, /"msg":"leader changed"/);
    } finally {
      await stranger.kill();
    }
  }

  it('refuses a member of another cluster', async () => {
    const reason =
      /this is member [\da-f]+ of cluster [\da-f]+; you belong to cluster [\da-f]+: check the peer addresses/;
    await refusesAt(`${table.folder}/other`, ['--initial-cluster-token=another'], reason);

    assert.match(member(0).said, reason);
  });

  it('refuses a member that comes back under its name without its data', async () => {
    await refusesAt(
      `${table.folder}/wiped`,
      [],
      /is known with data directory [\da-f]+, you come with [\da-f]+: a member that lost its data must be removed and added/,
    );
  });

  it('names a member that listens where another is expected', async () => {
    const second = table.seats[1] ?? assert.fail();
    await member(1).kill();
    const elsewhere = MemberProcess.start(third, { flags: [`--listen-peer-urls=http://127.0.0.1:${second.peerPort}`] });
    await member(0).says(/this is member ([\da-f]+), not ([\da-f]+): check the peer address of \2/);
    await elsewhere.kill();
    members[1] = await MemberProcess.start(second).serving();
    assert.equal(await wire.put('a', 'meanwhile'), 'ok');
  });

  it('takes the member with its data, which has all that was written meanwhile', async () => {
    members[2] = await MemberProcess.start(third).serving();
    const asked = new Wire(third.clientPort);

    assert.equal(await asked.put('c', 'from the third'), 'ok');
    assert.equal(await wire.get('c'), 'from the third');
    assert.equal(await asked.get('a'), 'meanwhile');
    asked.close();
  });
});

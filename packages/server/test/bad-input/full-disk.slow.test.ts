// A disk that is full: one of three members writes to a small file system of its own. It stops by itself, the others go on,
// and with more room it has everything again.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { HashKVRequestSchema, HashKVResponseSchema } from '@kontiki/etcd-proto';
import { MemberProcess, type Seat, seats, type Table } from './member-process.ts';
import { Wire } from './wire.ts';

function run(...[command, ...args]: readonly [string, ...string[]]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const noSpace = /no space left on the device.*\. Make room on that disk and start again/;
const small = 'size=6m,mode=700';
const large = 'size=200m,mode=700';

function reasonToSkip(): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-mount-'));
  try {
    if (!run('mount', '-t', 'tmpfs', '-o', small, 'tmpfs', folder))
      return 'this user may not mount a small file system';
    run('umount', folder);
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a member whose disk is full', { skip: reasonToSkip() }, () => {
  let table: Table;
  let full: Seat;
  let others: readonly Seat[];
  let members: readonly MemberProcess[];
  const acknowledged: string[] = [];
  const value = 'v'.repeat(20_000);

  /** Puts until told to stop; a refused put may be tried again, and is not counted. */
  async function putUntil(seat: Seat, isEnough: () => boolean): Promise<void> {
    const wire = new Wire(seat.clientPort);
    for (let at = 0; !isEnough(); at++) {
      const key = `${seat.name}/${at}`;
      if ((await wire.put(key, value)) === 'ok') acknowledged.push(key);
    }
    wire.close();
  }

  async function hashes(seatsAsked: readonly Seat[]): Promise<readonly string[]> {
    const answers: string[] = [];
    for (const seat of seatsAsked) {
      const wire = new Wire(seat.clientPort);
      // A linearizable read first: the member has then applied all there is.
      await wire.get('any');
      const { hash, header } = await wire.ask('Maintenance/HashKV', HashKVRequestSchema, {}, HashKVResponseSchema);
      answers.push(`${hash} at ${header?.revision}`);
      wire.close();
    }
    return answers;
  }

  before(async () => {
    table = await seats(3);
    const [first, second, third] = table.seats;
    assert.ok(first && second && third);
    full = third;
    others = [first, second];
    assert.ok(run('mount', '-t', 'tmpfs', '-o', small, 'tmpfs', full.dataDir));
    members = await Promise.all(table.seats.map((seat) => MemberProcess.start(seat).serving()));
  });
  after(async () => {
    await Promise.all(members.map((one) => one.kill()));
    run('umount', full.dataDir);
    table.clear();
  });

  it('stops with code 70 and says so, while the others go on', async () => {
    const [client] = others;
    assert.ok(client);
    const third = members[2];
    assert.ok(third);
    await putUntil(client, () => !third.isRunning);
    const end = await third.ended;

    assert.equal(end.code, 70, end.said);
    assert.match(end.reason, noSpace);
    assert.ok(end.reason.includes(full.dataDir), end.reason);
    const before = acknowledged.length;
    await putUntil(client, () => acknowledged.length >= before + 10);
  });

  it('says the same at the next start', async () => {
    const end = await MemberProcess.start(full).ended;

    assert.equal(end.code, 70, end.said);
    assert.match(end.reason, noSpace);
  });

  it('has every acknowledged write once there is room', async () => {
    assert.ok(run('mount', '-o', `remount,${large}`, full.dataDir));
    const again = await MemberProcess.start(full).serving();
    members = [...members.slice(0, 2), again];
    const wire = new Wire(full.clientPort);
    for (const key of acknowledged) assert.equal(await wire.get(key), value, key);
    wire.close();

    assert.equal(new Set(await hashes(table.seats)).size, 1);
  });
});

describe('a single member whose disk is full', { skip: reasonToSkip() }, () => {
  let table: Table;
  let seat: Seat;
  let member: MemberProcess;
  let wire: Wire;

  before(async () => {
    table = await seats(1);
    seat = table.seats[0] ?? assert.fail();
    assert.ok(run('mount', '-t', 'tmpfs', '-o', small, 'tmpfs', seat.dataDir));
    member = await MemberProcess.start(seat).serving();
    wire = new Wire(seat.clientPort);
  });
  after(async () => {
    wire.close();
    await member.kill();
    run('umount', seat.dataDir);
    table.clear();
  });

  it('keeps all that it had acknowledged', async () => {
    const acknowledged: string[] = [];
    const refusals = new Set<string>();
    for (let at = 0; member.isRunning; at++) {
      const answer = await wire.put(`k${at}`, 'v'.repeat(20_000));
      if (answer === 'ok') acknowledged.push(`k${at}`);
      else refusals.add(answer);
    }
    const end = await member.ended;
    assert.match(end.reason, noSpace);
    assert.equal(end.code, 70);
    // Whether the last write survived is not known: a client is told no more than that there is no answer.
    for (const refusal of refusals) assert.match(refusal, /^14 /);

    assert.ok(run('mount', '-o', `remount,${large}`, seat.dataDir));
    member = await MemberProcess.start(seat).serving();
    wire.close();
    wire = new Wire(seat.clientPort);
    for (const key of acknowledged) assert.equal((await wire.get(key))?.length, 20_000, key);
    assert.ok(acknowledged.length > 20);
  });

  it('does not start where it may not write, and does when it may', async () => {
    await member.kill();
    assert.ok(run('mount', '-o', 'remount,ro', seat.dataDir));
    const end = await MemberProcess.start(seat).ended;
    assert.match(
      end.reason,
      /^cannot lock .*read-only file system.*; give another --data-dir, or let the user .* write there$/,
    );
    assert.equal(end.code, 1);

    assert.ok(run('mount', '-o', 'remount,rw', seat.dataDir));
    member = await MemberProcess.start(seat).serving();
  });
});

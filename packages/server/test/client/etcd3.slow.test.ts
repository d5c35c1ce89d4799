// The npm client `etcd3` does with a local cluster of three what its own pages show.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Etcd3, EtcdLeaseInvalidError, EtcdLockFailedError } from 'etcd3';
import { DevProcess } from '../dev/dev-process.ts';

let dev: DevProcess;
let client: Etcd3;

before(async () => {
  dev = await DevProcess.start();
  client = new Etcd3({ hosts: dev.endpoints.split(',') });
});
after(async () => {
  client?.close();
  await dev?.kill();
});
beforeEach(async () => {
  await client.delete().all();
});

describe('etcd3 on a local cluster', () => {
  it('puts, gets, lists and deletes', async () => {
    await client.put('foo').value('bar');
    await client.put('fuz').value(Buffer.from([0, 255]));

    assert.equal(await client.get('foo').string(), 'bar');
    assert.deepEqual(await client.get('fuz').buffer(), Buffer.from([0, 255]));
    assert.equal(await client.get('absent').string(), null);
    assert.equal(await client.get('foo').exists(), true);
    assert.deepEqual(await client.getAll().prefix('f').keys(), ['foo', 'fuz']);
    assert.equal(await client.getAll().prefix('f').count(), 2);
    assert.deepEqual(await client.getAll().prefix('f').sort('Key', 'Descend').limit(1).strings(), {
      fuz: Buffer.from([0, 255]).toString(),
    });

    const { deleted } = await client.delete().prefix('f');

    assert.equal(deleted, '2');
    assert.deepEqual(await client.getAll().keys(), []);
  });

  it('keeps to its namespace', async () => {
    const tenant = client.namespace('tenant/');
    await client.put('other').value('1');

    await tenant.put('key').value('2');

    assert.deepEqual(await tenant.getAll().strings(), { key: '2' });
    assert.equal(await client.get('tenant/key').string(), '2');
    await tenant.delete().all();
    assert.deepEqual(await client.getAll().strings(), { other: '1' });
  });

  it('attaches keys to a lease, which takes them with it', async () => {
    const lease = client.lease(60);
    await lease.put('leased').value('1');
    assert.equal(await client.get('leased').string(), '1');
    const { keys } = await client.leaseClient.leaseTimeToLive({ ID: await lease.grant(), keys: true });
    assert.deepEqual(keys.map(String), ['leased']);
    await lease.keepaliveOnce();

    await lease.revoke();

    assert.equal(await client.get('leased').string(), null);
    await assert.rejects(lease.keepaliveOnce(), EtcdLeaseInvalidError);
  });

  it('is told when a lease is lost', async () => {
    const lease = client.lease(60);
    const id = await lease.grant();
    const lost = once(lease, 'lost');

    await client.leaseClient.leaseRevoke({ ID: id });
    await lease.keepaliveOnce().catch(() => undefined);

    const [error] = await lost;
    assert.ok(error instanceof EtcdLeaseInvalidError);
  });

  it('watches keys and prefixes', async () => {
    const watcher = await client.watch().prefix('w/').create();
    const one = await client.watch().key('w/1').withPreviousKV().create();
    const puts = once(watcher, 'put');
    const deletes = once(watcher, 'delete');
    const before = once(one, 'delete');

    await client.put('w/1').value('a');
    await client.delete().key('w/1');

    const [put] = await puts;
    assert.deepEqual([put.key.toString(), put.value.toString()], ['w/1', 'a']);
    const [deleted] = await deletes;
    assert.equal(deleted.key.toString(), 'w/1');
    const [, previous] = await before;
    assert.equal(previous?.value.toString(), 'a');
    await Promise.all([watcher.cancel(), one.cancel()]);
  });

  it('watches from a revision on', async () => {
    const { header } = await client.put('history').value('old');
    await client.put('history').value('new');

    const watcher = await client.watch().key('history').startRevision(header.revision).create();
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      watcher.on('put', ({ value }) => {
        seen.push(value.toString());
        if (seen.length === 2) resolve();
      });
    });

    assert.deepEqual(seen, ['old', 'new']);
    await watcher.cancel();
  });

  it('runs transactions', async () => {
    await client.put('balance').value('5');
    const change = (from: string, to: string): Promise<{ readonly succeeded: boolean }> =>
      client
        .if('balance', 'Value', '==', from)
        .and('absent', 'Create', '==', 0)
        .then(client.put('balance').value(to))
        .else(client.get('balance'))
        .commit();

    assert.equal((await change('4', '9')).succeeded, false);
    assert.equal((await change('5', '6')).succeeded, true);
    assert.equal(await client.get('balance').string(), '6');
  });

  it('retries a software transaction that another one has overtaken', async () => {
    await client.put('counter').value('0');
    const add = (): Promise<unknown> =>
      client.stm({ retries: 20 }).transact(async (tx) => {
        await tx.put('counter').value(((await tx.get('counter').number()) ?? 0) + 1);
      });

    await Promise.all([add(), add(), add(), add()]);

    assert.equal(await client.get('counter').number(), 4);
  });

  it('locks', async () => {
    const lock = client.lock('resource');
    await lock.acquire();

    await assert.rejects(client.lock('resource').acquire(), EtcdLockFailedError);
    await lock.release();
    assert.equal(await client.lock('resource').do(async () => 'inside'), 'inside');
  });

  it('elects a leader, and another when the first resigns', async () => {
    const election = client.election('singleton');
    const first = election.campaign('candidate-1');
    await once(first, 'elected');
    assert.equal(await election.leader(), 'candidate-1');
    const observer = await election.observe();
    const changed = new Promise<void>((resolve) => {
      observer.on('change', (leader) => {
        if (leader === 'candidate-2') resolve();
      });
    });
    const second = client.election('singleton').campaign('candidate-2');
    const elected = once(second, 'elected');

    await first.resign();

    await elected;
    await changed;
    assert.equal(await election.leader(), 'candidate-2');
    await observer.cancel();
    await second.resign();
  });

  it('goes on when the member it talks to is killed', async () => {
    await client.put('before').value('kill');
    const [member] = dev.members();
    assert.ok(member !== undefined);
    process.kill(member.pid, 'SIGKILL');

    const patient = new Etcd3({ hosts: dev.endpoints.split(',') });
    try {
      // A call that was under way fails; the next ones find another member.
      for (let left = 10; ; left--) {
        const value = await patient
          .get('before')
          .string()
          .catch((error: unknown) => error);
        if (value === 'kill') break;
        assert.ok(left > 0, String(value));
      }
    } finally {
      patient.close();
    }
  });
});

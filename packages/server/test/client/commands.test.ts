// Every command against the services over a member in memory: what a person reads.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MemberError } from '@kontiki/member';
import { ClientError } from '../../src/client/client-error.ts';
import {
  addMember,
  listMembers,
  moveLeader,
  promoteMember,
  removeMember,
  showStatus,
  updateMember,
} from '../../src/client/cluster-commands.ts';
import { Connection } from '../../src/client/connection.ts';
import { del, get, put } from '../../src/client/key-commands.ts';
import {
  grantLease,
  keepLeaseAlive,
  leaseTimeToLive,
  listLeases,
  revokeLease,
} from '../../src/client/lease-commands.ts';
import { Output, type OutputFormat } from '../../src/client/output.ts';
import type { Session } from '../../src/client/session.ts';
import { watch } from '../../src/client/watch-command.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { type EtcdPort, openEtcdPort } from '../services/etcd-port.ts';
import { otherId, selfId } from '../services/memory-member.ts';

let etcd: EtcdPort;
let endpoint: string;
let printed = '';

before(async () => {
  etcd = await openEtcdPort();
  endpoint = `127.0.0.1:${etcd.port.listener.port}`;
});
after(() => etcd.close());
beforeEach(() => etcd.member.setLeader(selfId));

/** What the command prints, and the error it ends with behind it. */
async function run(
  act: (session: Session) => Promise<void>,
  { format = 'simple', endpoints = [endpoint] }: { readonly format?: OutputFormat; readonly endpoints?: string[] } = {},
): Promise<string> {
  printed = '';
  const connection = new Connection(endpoints);
  const output = new Output(format, (text) => {
    printed += text;
  });
  try {
    await act({ connection, output });
  } catch (error: unknown) {
    assert.ok(error instanceof ClientError, String(error));
    return `${printed}Error: ${error.message}`;
  } finally {
    connection.close();
  }
  return printed;
}

const putKey = (key: string, value: string): Promise<string> => run((session) => put(session, { key, value }, {}));

describe('get, put, del', () => {
  it('a key is put, read, and deleted with what it held', async () => {
    assert.equal(await putKey('one', '1'), 'OK\n');
    assert.equal(await run((s) => put(s, { key: 'one', value: '2' }, { prevKv: true })), 'OK\none\n1\n');
    assert.equal(await run((s) => get(s, 'one', {})), 'one\n2\n');
    assert.equal(await run((s) => del(s, 'one', { prevKv: true })), '1\none\n2\n');
    assert.equal(await run((s) => get(s, 'one', {})), '');
    assert.equal(await run((s) => del(s, 'one', {})), '0\n');
  });

  it('every way to choose keys chooses them', async () => {
    for (const key of ['r/1', 'r/2', 'r/3', 's']) await putKey(key, key.toUpperCase());

    assert.equal(await run((s) => get(s, 'r/', { prefix: true, keysOnly: true })), 'r/1\nr/2\nr/3\n');
    assert.equal(await run((s) => get(s, 'r/2', { end: 's', serializable: true })), 'r/2\nR/2\nr/3\nR/3\n');
    assert.equal(await run((s) => get(s, 'r/3', { fromKey: true, keysOnly: true })), 'r/3\ns\n');
    assert.equal(await run((s) => get(s, 'r/', { prefix: true, limit: '1' })), 'r/1\nR/1\n');
    assert.equal(await run((s) => get(s, 'r/', { prefix: true, countOnly: true })), '3\n');
    assert.equal(await run((s) => del(s, 'r/', { prefix: true })), '3\n');
  });

  it('a table shows where a key stands in history', async () => {
    await putKey('t', 'x\ny');
    const { revision } = etcd.member.store;

    const row = ['| t   | x\\x0ay |', String(revision)].join(' ');
    const text = await run((s) => get(s, 't', {}), { format: 'table' });
    assert.ok(text.includes(row), text);
  });

  it('the server’s refusal stands at the beginning of the error', async () => {
    assert.equal(await putKey('', 'v'), 'Error: etcdserver: key is not provided');
    assert.equal(
      await run((s) => get(s, 'k', { rev: '1000000' })),
      'Error: etcdserver: mvcc: required revision is a future revision',
    );
    assert.equal(
      await run((s) => put(s, { key: 'k', value: 'v' }, { lease: 'abc' })),
      'Error: etcdserver: requested lease not found',
    );
  });
});

describe('watch', () => {
  it('prints puts and deletes from a revision on, with what was before', async () => {
    await putKey('w', '1');
    const rev = String(etcd.member.store.revision);
    await putKey('w', '2');
    await run((s) => del(s, 'w', {}));

    const text = await run((s) => watch(s, 'w', { rev, prevKv: true, count: '3' }));

    assert.equal(text, 'PUT\nw\n1\nPUT\nw\n1\nw\n2\nDELETE\nw\n2\nw\n\n');
  });

  it('prints a line of JSON for each response', async () => {
    await putKey('j', '1');
    const rev = String(etcd.member.store.revision);

    const text = await run((s) => watch(s, 'j', { rev, count: '1' }), { format: 'json' });

    assert.equal(JSON.parse(text).events[0].kv.key, Buffer.from('j').toString('base64'));
  });
});

describe('lease', () => {
  it('is granted, holds keys, is renewed, listed and revoked', async () => {
    const granted = await run((s) => grantLease(s, '60'));
    const id = /^lease ([\da-f]+) granted with TTL\(60s\)\n$/.exec(granted)?.[1];
    assert.ok(id !== undefined, granted);

    await run((s) => put(s, { key: 'leased', value: 'v' }, { lease: id }));

    const life = `lease ${id} granted with TTL(60s), remaining(60s)`;
    assert.equal(await run((s) => leaseTimeToLive(s, id, {})), `${life}\n`);
    assert.equal(await run((s) => leaseTimeToLive(s, id, { keys: true })), `${life}, attached keys([leased])\n`);
    assert.equal(await run((s) => keepLeaseAlive(s, id, { once: true })), `lease ${id} keepalived with TTL(60)\n`);
    assert.equal(await run(listLeases), `found 1 leases\n${id}\n`);
    assert.equal(await run((s) => revokeLease(s, id)), `lease ${id} revoked\n`);
    assert.equal(await run((s) => get(s, 'leased', {})), '');
    assert.equal(await run((s) => leaseTimeToLive(s, id, {})), `lease ${id} already expired\n`);
    assert.equal(
      await run((s) => keepLeaseAlive(s, id, {})),
      `Error: lease ${id} expired or was revoked: kontiki lease grant makes a new one`,
    );
  });
});

describe('the cluster', () => {
  it('member list names who has started and who has not', async () => {
    assert.equal(
      await run(listMembers),
      '1111, unstarted, , http://127.0.0.1:3, , false\n' +
        '2c902495a3d372c7, started, one, http://127.0.0.1:1, http://127.0.0.1:2, false\n',
    );
  });

  it('status has a row for each endpoint, and fails when one is silent', async () => {
    const [silent] = await freePorts(1);

    const text = await run(showStatus, { endpoints: [endpoint, `127.0.0.1:${silent}`] });

    const { commit, applied } = etcd.member.status();
    assert.equal(
      text,
      `${endpoint}, 2c902495a3d372c7, 3.6.0, 4.1 kB, true, 2, ${commit}, ${applied}, \n` +
        `127.0.0.1:${silent}, , , , , , , , nobody answers at 127.0.0.1:${silent}\n` +
        `Error: no answer from 127.0.0.1:${silent}: see whether that member runs, and what its log says`,
    );
  });

  it('member add prints what the new member is to be started with', async () => {
    const printed = await run((session) => addMember(session, 'three', { peerUrls: 'http://127.0.0.1:9' }));

    assert.match(
      printed,
      new RegExp(
        [
          '^Member [ \\da-f]{16} added to cluster cf3541d82322dc81',
          '',
          'ETCD_NAME="three"',
          'ETCD_INITIAL_CLUSTER="=http://127\\.0\\.0\\.1:3,one=http://127\\.0\\.0\\.1:1"',
          'ETCD_INITIAL_ADVERTISE_PEER_URLS="http://127\\.0\\.0\\.1:9"',
          'ETCD_INITIAL_CLUSTER_STATE="existing"',
          '$',
        ].join('\n'),
      ),
    );
  });

  it('member remove, update and promote say what they did', async () => {
    const cluster = 'cf3541d82322dc81';
    const said = [
      await run((session) => removeMember(session, '1111')),
      await run((session) => updateMember(session, '2c902495a3d372c7', { peerUrls: 'http://a:1,http://b:1' })),
      await run((session) => promoteMember(session, '1111')),
    ];

    assert.deepEqual(said, [
      `Member             1111 removed from cluster ${cluster}\n`,
      `Member 2c902495a3d372c7 updated in cluster ${cluster}\n`,
      `Member             1111 promoted in cluster ${cluster}\n`,
    ]);
    assert.deepEqual(etcd.member.changes.slice(-3), [
      { kind: 'remove', id: otherId },
      { kind: 'update', id: selfId, peerUrls: ['http://a:1', 'http://b:1'] },
      { kind: 'promote', id: otherId },
    ]);
  });

  it('a change that is refused is told in the words of the server', async () => {
    etcd.member.failure = new MemberError('tooManyLearners', 'one is enough');
    const said = await run((session) => addMember(session, 'x', { peerUrls: 'http://a:1', learner: true }));
    etcd.member.failure = undefined;

    assert.match(said, /^Error: etcdserver: too many learner members in cluster/);
    assert.match(await run((session) => removeMember(session, 'xyz')), /^Error: "xyz" is no member id/);
  });

  it('move-leader asks the leader among the endpoints', async () => {
    const [silent] = await freePorts(1);

    const text = await run((s) => moveLeader(s, otherId.toString(16)), {
      endpoints: [`127.0.0.1:${silent}`, endpoint],
    });

    assert.equal(text, 'Leadership transferred from 2c902495a3d372c7 to 1111\n');
  });

  it('move-leader says so when nobody leads', async () => {
    etcd.member.setLeader(undefined);

    assert.match(await run((s) => moveLeader(s, '1111')), /^Error: none of the endpoints leads now: name all members/);
  });
});

describe('a connection', () => {
  it('passes over an endpoint where nobody listens', async () => {
    const [silent] = await freePorts(1);
    await putKey('p', '1');

    assert.equal(await run((s) => get(s, 'p', {}), { endpoints: [`127.0.0.1:${silent}`, endpoint] }), 'p\n1\n');
  });

  it('passes over an endpoint that takes connections and says nothing, as a stopped process does', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const address = mute.address();
    assert.ok(address !== null && typeof address === 'object');
    await putKey('q', '1');
    try {
      assert.equal(await run((s) => get(s, 'q', {}), { endpoints: [`127.0.0.1:${address.port}`, endpoint] }), 'q\n1\n');
    } finally {
      for (const socket of sockets) socket.destroy();
      mute.close();
    }
  });

  it('says where nobody answered, and what to do', async () => {
    const [silent] = await freePorts(1);

    assert.equal(
      await run(listMembers, { endpoints: [`127.0.0.1:${silent}`] }),
      `Error: nobody answers at 127.0.0.1:${silent}: start a cluster there (npm start), or name another one with --endpoints`,
    );
  });

  it('warns that a write may have happened when its outcome is unknown', async () => {
    etcd.member.failure = Object.assign(new Error('lost'), { code: 'OUTCOME_UNKNOWN' });
    try {
      assert.match(await putKey('u', '1'), /^Error: etcdserver: request timed out, .*may or may not have happened/);
    } finally {
      etcd.member.failure = undefined;
    }
  });
});

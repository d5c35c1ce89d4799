// Servers that join, leave and come back: real sockets, disks in memory.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ServerConfig } from '../../src/config/server-config.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { JoinError } from '../../src/joining.ts';
import type { RunningServer } from '../../src/server.ts';
import { startServer } from '../../src/server.ts';
import { configOf, MemoryMachine, recordingLogger } from './memory-server.ts';

interface Seat {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  machine: MemoryMachine;
  log: readonly Readonly<Record<string, unknown>>[];
}

let running = new Set<RunningServer>();
let seats: readonly Seat[] = [];

async function start(seat: Seat, others: readonly Seat[], state: 'new' | 'existing'): Promise<RunningServer> {
  const { logger, lines } = recordingLogger();
  seat.log = lines;
  const server = await startServer(config(seat, others, state), { logger, storage: seat.machine.storage() });
  running.add(server);
  return server;
}

function config({ name, peerUrl, clientUrl }: Seat, others: readonly Seat[], state: string): ServerConfig {
  const cluster = [{ name, peerUrl }, ...others].map((one) => `${one.name}=${one.peerUrl}`).join(',');
  return configOf([
    ...['--name', name, '--data-dir', `/${name}`, '--initial-cluster', cluster, '--initial-cluster-state', state],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
    ...['--heartbeat-interval', '20', '--election-timeout', '200', '--strict-reconfig-check=false'],
  ]);
}

async function stop(server: RunningServer): Promise<void> {
  running.delete(server);
  await server.stop();
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const begun = performance.now();
  while (!condition()) {
    if (performance.now() - begun > 10_000) assert.fail(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let nextId = 1n;
const add = (server: RunningServer, seat: Seat) =>
  server.member.addMember({ id: nextId++, peerUrls: [seat.peerUrl], isLearner: false });
const votersOf = (server: RunningServer): number => server.member.status().voters.length;

describe('a running cluster', () => {
  beforeEach(async () => {
    running = new Set();
    const ports = await freePorts(6);
    seats = [0, 1, 2].map((at) => ({
      name: `m${at}`,
      peerUrl: `http://127.0.0.1:${ports[2 * at]}`,
      clientUrl: `http://127.0.0.1:${ports[2 * at + 1]}`,
      machine: new MemoryMachine(),
      log: [],
    }));
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
  });

  it('takes new members in, who know who they are whenever they are started again', async () => {
    const [first, second, third] = seats as [Seat, Seat, Seat];
    const one = await start(first, [], 'new');
    await add(one, second);
    const early = await start(second, [first], 'existing');
    const { memberId, clusterId } = early.member.identity;
    await until(() => votersOf(one) === 2, 'two voters');
    assert.equal(clusterId, one.member.identity.clusterId);

    await stop(early);
    const two = await start(second, [third], 'new');
    assert.equal(two.member.identity.memberId, memberId, 'later flags are not asked');
    await until(() => one.member.status().leader !== undefined, 'a leader');
    await add(two, third);
    const three = await start(third, [second, first], 'existing');
    await until(() => [one, two, three].every((server) => votersOf(server) === 3), 'three voters everywhere');
    await three.member.linearize();
    assert.deepEqual(
      three.member
        .members()
        .map(({ name }) => name)
        .sort(),
      ['m0', 'm1', 'm2'],
    );
  });

  it('tells a member that was not added, and one that has lost its data, in words of etcd', async () => {
    const [first, second, third] = seats as [Seat, Seat, Seat];
    const one = await start(first, [], 'new');
    await assert.rejects(
      () => start(second, [first], 'existing'),
      (error: unknown) =>
        error instanceof JoinError && /Members:.*: member count is unequal; .*member add/.test(error.message),
    );

    await add(one, second);
    const two = await start(second, [first], 'existing');
    await until(() => votersOf(one) === 2 && votersOf(two) === 2, 'two voters');
    await add(one, third);
    await start(third, [first, second], 'existing');
    await until(() => votersOf(one) === 3, 'three voters');
    await stop(two);
    second.machine = new MemoryMachine();
    await assert.rejects(
      () => start(second, [first, third], 'existing'),
      (error: unknown) =>
        error instanceof JoinError && /has already been bootstrapped; its data directory was lost/.test(error.message),
    );
  });

  it('tells a member that was removed, now and whenever it comes back', async () => {
    const [first, second] = seats as [Seat, Seat];
    const one = await start(first, [], 'new');
    await add(one, second);
    const two = await start(second, [first], 'existing');
    await until(() => votersOf(one) === 2 && votersOf(two) === 2, 'two voters');

    const gone = new Promise<void>((resolve) => two.onRemoved(resolve));
    await one.member.removeMember(two.member.identity.memberId);
    await gone;
    await stop(two);
    assert.deepEqual(
      one.member.members().map(({ name }) => name),
      ['m0'],
    );

    const again = await start(second, [first], 'existing');
    await new Promise<void>((resolve) => again.onRemoved(resolve));
    const [said] = second.log.filter((line) => JSON.stringify(line).includes('removed from the cluster'));
    assert.ok(said !== undefined);
  });
});

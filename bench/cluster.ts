// Two clusters that differ in nothing but the program: same flags, same disk, three members, ports of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../packages/server/src/dev/free-ports.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export interface Program {
  readonly name: 'etcd' | 'kontiki';
  readonly file: string;
  readonly args: readonly string[];
}
export const programs: readonly Program[] = [
  { name: 'etcd', file: 'etcd', args: [] },
  { name: 'kontiki', file: process.execPath, args: [join(root, 'packages/server/dist/bin/kontiki.js'), 'server'] },
];

export interface Cluster {
  readonly program: Program;
  readonly clientPorts: readonly number[];
  /** The port of the member that leads now. */
  leaderPort(): Promise<number>;
  stop(): Promise<void>;
}

export async function startCluster(program: Program, members: number): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), `kontiki-bench-${program.name}-`));
  const ports = await freePorts(2 * members);
  const names = Array.from({ length: members }, (_, i) => `n${i + 1}`);
  const clientPort = (i: number): number => ports[2 * i] ?? 0;
  const peerUrl = (i: number): string => `http://127.0.0.1:${ports[2 * i + 1]}`;
  const initialCluster = names.map((name, i) => `${name}=${peerUrl(i)}`).join(',');
  const children: ChildProcess[] = names.map((name, i) => {
    const clientUrl = `http://127.0.0.1:${clientPort(i)}`;
    const log = openSync(join(folder, `${name}.log`), 'a');
    return spawn(
      program.file,
      [
        ...program.args,
        ...['--name', name, '--data-dir', join(folder, name)],
        ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
        ...['--listen-peer-urls', peerUrl(i), '--initial-advertise-peer-urls', peerUrl(i)],
        ...['--initial-cluster', initialCluster, '--initial-cluster-state', 'new'],
      ],
      { stdio: ['ignore', log, log] },
    );
  });
  const clientPorts = names.map((_, i) => clientPort(i));
  const cluster: Cluster = {
    program,
    clientPorts,
    leaderPort: () => leaderPort(clientPorts),
    stop: async () => {
      await Promise.all(children.map(stopChild));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await cluster.leaderPort();
  } catch (error) {
    await Promise.all(children.map(stopChild));
    throw new Error(`${program.name} did not elect a leader within 30 s; its logs are in ${folder}`, { cause: error });
  }
  return cluster;
}

async function leaderPort(ports: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < 300; attempt++) {
    for (const port of ports) {
      if (/^etcd_server_is_leader 1$/m.test(await metrics(port))) return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no leader');
}

async function metrics(port: number): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  } catch {
    return '';
  }
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

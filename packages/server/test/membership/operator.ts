// The operator of a cluster of real processes: asks by the `kontiki` command, and starts new members with what it prints.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/dev/free-ports.ts';
import { ProcessMember } from '../crash/cluster.ts';

const program = join(dirname(fileURLToPath(import.meta.url)), '../../dist/bin/kontiki.js');
const patienceMs = 30_000;

export interface Seat {
  readonly name: string;
  readonly dataDir: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

export interface Said {
  readonly code: number | null;
  readonly text: string;
}

export class Operator {
  readonly #folder: string;
  readonly #seed: number;
  readonly #members = new Map<string, ProcessMember>();
  /** Where clients go: those who run and belong to the cluster. */
  readonly endpoints: string[] = [];

  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.#seed = seed;
  }

  async seat(name: string): Promise<Seat> {
    const [peer, client] = await freePorts(2);
    const url = (port: number | undefined): string => `http://127.0.0.1:${port}`;
    const dataDir = join(this.#folder, `${name}-data`);
    mkdirSync(dataDir, { mode: 0o700, recursive: true });
    return { name, dataDir, peerUrl: url(peer), clientUrl: url(client) };
  }

  get members(): readonly ProcessMember[] {
    return [...this.#members.values()];
  }

  member(name: string): ProcessMember {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`there is no member ${name}`);
    return member;
  }

  /** Starts a process at the seat, and sends clients to it once it serves them. */
  async start(seat: Seat, initialCluster: string, state: 'new' | 'existing'): Promise<void> {
    const { name, dataDir, peerUrl, clientUrl } = seat;
    const endpoint = clientUrl.slice('http://'.length);
    const flags = [
      ...['--name', name, '--data-dir', dataDir],
      ...['--initial-cluster', initialCluster, '--initial-cluster-state', state],
      ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      // Low, so that a member that joins late is sent a snapshot.
      ...['--snapshot-count', '100', '--snapshot-catchup-entries', '50'],
    ];
    const member = new ProcessMember(name, endpoint, flags, join(this.#folder, `${name}.log`), this.#seed);
    this.#members.set(name, member);
    await member.start('disk');
    this.endpoints.push(endpoint);
  }

  /** No client goes there any more, and the process is forgotten once it has ended. */
  leave(name: string): ProcessMember {
    const member = this.member(name);
    const at = this.endpoints.indexOf(member.endpoint);
    if (at >= 0) this.endpoints.splice(at, 1);
    this.#members.delete(name);
    return member;
  }

  /** The disk is gone, and another is in its place. */
  wipe({ dataDir }: Seat): void {
    rmSync(dataDir, { recursive: true });
    mkdirSync(dataDir, { mode: 0o700 });
  }

  /** Adds the member and starts it as the command says; waits while etcd's checks call the cluster unhealthy. */
  async grow(seat: Seat): Promise<void> {
    const { text } = await this.insist('member', 'add', seat.name, '--peer-urls', seat.peerUrl);
    await this.start(seat, settingOf('ETCD_INITIAL_CLUSTER', text), 'existing');
  }

  /** Repeats the command until it works. */
  async insist(...args: readonly string[]): Promise<Said> {
    const begun = performance.now();
    for (;;) {
      const said = await this.say(...args);
      if (said.code === 0) return said;
      if (performance.now() - begun > patienceMs) throw new Error(`kontiki ${args.join(' ')}: ${said.text}`);
      await sleep(200);
    }
  }

  async say(...args: readonly string[]): Promise<Said> {
    const child = spawn(process.execPath, [program, ...args, '--endpoints', this.endpoints.join(',')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, text };
  }

  /** The members as the cluster lists them. */
  async list(): Promise<readonly { readonly id: string; readonly name: string; readonly peerUrl: string }[]> {
    const { text } = await this.insist('member', 'list');
    return text
      .trim()
      .split('\n')
      .map((row) => {
        const [id = '', , name = '', peerUrl = ''] = row.split(', ');
        return { id, name, peerUrl };
      });
  }

  async idOf(name: string): Promise<string> {
    const found = (await this.list()).find((member) => member.name === name);
    if (found === undefined) throw new Error(`the cluster lists no ${name}`);
    return found.id;
  }

  /** The name of whoever leads now. */
  async leader(): Promise<string> {
    const begun = performance.now();
    for (;;) {
      const { text } = await this.say('status');
      const row = text.split('\n').find((line) => line.split(', ')[4] === 'true');
      const leader = this.members.find(({ endpoint }) => endpoint === row?.split(', ')[0]);
      if (leader !== undefined) return leader.name;
      if (performance.now() - begun > patienceMs) throw new Error(`nobody leads:\n${text}`);
      await sleep(200);
    }
  }
}

function settingOf(variable: string, text: string): string {
  const value = new RegExp(`^${variable}="(.*)"$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`no ${variable} in:\n${text}`);
  return value;
}

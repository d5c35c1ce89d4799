// Three members as processes of their own that can be killed, stopped and started again on the same data.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/dev/free-ports.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** `disk` is the product; the other two run by `unsynced-member.ts`, an entry point of the tests. */
export type Storage = 'disk' | 'unsynced' | 'withoutFdatasync';

export interface ClusterMember {
  readonly name: string;
  readonly endpoint: string;
  start(storage: Storage): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** What the process printed, newest last; only the last of it. */
  readonly lines: readonly string[];
  /** Snapshots that this member began to receive, since the run began. */
  readonly snapshots: { readonly begun: number };
}

export async function createCluster(folder: string, seed: number): Promise<readonly ClusterMember[]> {
  const names = ['n1', 'n2', 'n3'];
  const ports = await freePorts(6);
  const url = (port: number): string => `http://127.0.0.1:${ports[port]}`;
  const initialCluster = names.map((name, i) => `${name}=${url(2 * i + 1)}`).join(',');
  return names.map((name, i) => {
    mkdirSync(join(folder, name), { mode: 0o700, recursive: true });
    const flags = [
      ...['--name', name, '--data-dir', join(folder, name), '--initial-cluster', initialCluster],
      ...['--listen-client-urls', url(2 * i), '--advertise-client-urls', url(2 * i)],
      ...['--listen-peer-urls', url(2 * i + 1), '--initial-advertise-peer-urls', url(2 * i + 1)],
      // Low, so that some blows fall while a snapshot is taken, sent or installed.
      ...['--snapshot-count', '100', '--snapshot-catchup-entries', '50', '--initial-cluster-state', 'new'],
    ];
    return new ProcessMember(name, `127.0.0.1:${ports[2 * i]}`, flags, join(folder, `${name}.log`), seed);
  });
}

export class ProcessMember implements ClusterMember {
  readonly name: string;
  readonly endpoint: string;
  readonly lines: string[] = [];
  readonly snapshots = { begun: 0 };
  readonly #flags: readonly string[];
  readonly #logFile: string;
  readonly #seed: number;
  #starts = 0;
  #child: ChildProcess | undefined;

  constructor(name: string, endpoint: string, flags: readonly string[], logFile: string, seed: number) {
    this.name = name;
    this.endpoint = endpoint;
    this.#flags = flags;
    this.#logFile = logFile;
    this.#seed = seed;
    process.on('exit', () => this.#child?.kill('SIGKILL'));
  }

  /** Resolves when the member serves clients; rejects with its last lines if it ends before or takes a minute. */
  async start(storage: Storage): Promise<void> {
    this.#starts++;
    const [file, ...first] =
      storage === 'disk'
        ? [join(here, '../../dist/bin/kontiki.js'), 'server']
        : ['--conditions=source', '--import', 'tsx', join(here, 'unsynced-member.ts')];
    const child = spawn(process.execPath, [file ?? '', ...first, ...this.#flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        KONTIKI_TEST_STORAGE: storage,
        KONTIKI_TEST_SEED: `${this.#seed}/${this.name}/${this.#starts}`,
      },
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const failed = (reason: string): void =>
        reject(new Error(`${this.name} ${reason}:\n${this.lines.slice(-15).join('\n')}`));
      const timer = setTimeout(() => failed('did not come up in 60 s'), 60_000);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        failed(`ended (${code ?? signal}) before it served clients`);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        appendFileSync(this.#logFile, text);
        this.lines.push(...text.split('\n').filter((line) => line !== ''));
        this.snapshots.begun += text.split('snapshot is being received').length - 1;
        this.lines.splice(0, this.lines.length - 200);
        if (text.includes('ready to serve client requests')) {
          clearTimeout(timer);
          resolve();
        }
      });
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Resolves with the exit code once the process has ended by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}

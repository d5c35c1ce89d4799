// `kontiki dev` as people start it: the built command, free ports, a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClusterFileMember, readClusterFile } from '../../src/dev/cluster-file.ts';

/** The `kontiki` command, as npm links it. */
export const program: string = fileURLToPath(new URL('../../bin/kontiki.js', import.meta.url));
const built = fileURLToPath(new URL('../../dist/bin/kontiki.js', import.meta.url));

export const waitMsMax = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. `input` is its standard input. */
export async function run(file: string, args: readonly string[], input?: string): Promise<Ended> {
  const child = spawn(file, args, { stdio: 'pipe', timeout: waitMsMax });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that ends without reading its input is no failure of ours.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, stdout, stderr };
}

/** Looks again until it is so: files and processes give no word. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(waitMsMax);
  while (!(await what())) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export class DevProcess {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = '';

  private constructor(folder: string, flags: readonly string[]) {
    this.folder = folder;
    const args = [program, 'dev', '--base-port', '0', '--data-dir', folder, ...flags];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (text: string): void => {
      this.#output += text;
    };
    this.#child.stdout?.setEncoding('utf8').on('data', take);
    this.#child.stderr?.setEncoding('utf8').on('data', take);
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** Starts a cluster and waits for `ready`. */
  static async start(flags: readonly string[] = [], folder: string = newFolder()): Promise<DevProcess> {
    if (!existsSync(built)) throw new Error(`${built} is not there: run "npm run build" first`);
    const dev = new DevProcess(folder, flags);
    try {
      await until(() => dev.lines().includes('ready') || dev.hasEnded());
      if (dev.hasEnded()) throw new Error(`kontiki dev ended:\n${dev.#output}`);
    } catch (error: unknown) {
      await dev.kill();
      throw new Error(`no ready cluster:\n${dev.#output}`, { cause: error });
    }
    return dev;
  }

  lines(): readonly string[] {
    return this.#output.split('\n');
  }

  members(): readonly ClusterFileMember[] {
    const members = readClusterFile(this.folder);
    if (members === undefined) throw new Error(`no cluster.json in ${this.folder}`);
    return members;
  }

  /** `host:port` of every member, as `--endpoints` takes them. */
  get endpoints(): string {
    return this.members()
      .map(({ clientUrl }) => clientUrl.replace('http://', ''))
      .join(',');
  }

  /** The small client. */
  async kontiki(...args: readonly string[]): Promise<Ended> {
    return await run(process.execPath, [program, ...args, '--endpoints', this.endpoints]);
  }

  hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves with the exit code, null when a signal ended it. */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#ended;
  }

  /** For the end of a test: everything is gone, whatever has happened. */
  async kill(): Promise<void> {
    const members = readClusterFile(this.folder) ?? [];
    this.#child.kill('SIGKILL');
    await this.#ended;
    for (const { pid } of members) if (pid > 0 && isRunning(pid)) process.kill(pid, 'SIGKILL');
    await until(() => members.every(({ pid }) => !isRunning(pid)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'kontiki-dev-'));
}

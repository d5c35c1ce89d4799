/**
 * Members as processes of their own, on free ports and in a temporary folder, started with etcd's flags: the same for
 * etcd and for Kontiki. Knows nothing of what the members are asked.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../src/dev/free-ports.ts';

export interface ClusterProcess {
  /** `host:port` of each member's client listener, in the order of the members. */
  readonly endpoints: readonly string[];
  /** The last lines that each member wrote to its standard error: for a report about a failure. */
  lastLines(): readonly string[];
  /** Kills the members, waits for their ends and removes their data. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** The program and its first arguments; the flags of each member come behind. */
  readonly command: readonly [string, ...string[]];
  readonly members: number;
  /** Further flags for every member. */
  readonly flags?: readonly string[];
  /** A member is up once a line of its standard error contains this. */
  readonly readyLine: string;
}

const startSecondsMax = 60;
const linesKept = 40;

/** Resolves when every member has printed its ready line; rejects, with what they printed, if one ends before. */
export async function startCluster(options: ClusterOptions): Promise<ClusterProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-cluster-'));
  const ports = await freePorts(options.members * 2);
  const url = (index: number): string => `http://127.0.0.1:${ports[index]}`;
  const names = Array.from({ length: options.members }, (_, index) => `m${index + 1}`);
  const initialCluster = names.map((name, index) => `${name}=${url(index * 2 + 1)}`).join(',');
  const members = names.map((name, index) => {
    const dataDir = join(folder, name);
    mkdirSync(dataDir, { mode: 0o700 });
    const [file, ...first] = options.command;
    return new MemberProcess(file, [
      ...first,
      ...['--name', name, '--data-dir', dataDir, '--initial-cluster', initialCluster],
      ...['--listen-client-urls', url(index * 2), '--advertise-client-urls', url(index * 2)],
      ...['--listen-peer-urls', url(index * 2 + 1), '--initial-advertise-peer-urls', url(index * 2 + 1)],
      ...(options.flags ?? []),
    ]);
  });
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  const lastLines = (): readonly string[] =>
    members.flatMap((member, index) => member.lines.map((line) => `${names[index]}: ${line}`));
  try {
    await Promise.all(members.map((member) => member.waitForLine(options.readyLine)));
  } catch (error: unknown) {
    await stop();
    throw new Error(`${options.command.join(' ')} did not come up\n${lastLines().join('\n')}`, { cause: error });
  }
  return { endpoints: names.map((_, index) => `127.0.0.1:${ports[index * 2]}`), lastLines, stop };
}

class MemberProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #partialLine = '';
  #onLine: (line: string) => void = () => undefined;
  readonly #killWithUs = (): void => {
    this.#child.kill('SIGKILL');
  };

  constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#ended = once(this.#child, 'close').catch((error: unknown) => this.#take(`${String(error)}\n`));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    process.on('exit', this.#killWithUs);
  }

  waitForLine(part: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no line with "${part}" came`)), startSecondsMax * 1000);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#onLine = () => undefined;
        settle();
      };
      this.#onLine = (line) => {
        if (line.includes(part)) finish(resolve);
      };
      void this.#ended.then(() => finish(() => reject(new Error('the process ended'))));
    });
  }

  async kill(): Promise<void> {
    process.off('exit', this.#killWithUs);
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #take(text: string): void {
    const lines = (this.#partialLine + text).split('\n');
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) {
      this.lines.push(line);
      if (this.lines.length > linesKept) this.lines.shift();
      this.#onLine(line);
    }
  }
}

// One member as a process that may be refused its start, stop itself, or be killed: what it said and how it ended are the
// evidence. Where it lives (folder, ports) outlives it, so that it can be started again on the same data.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/dev/free-ports.ts';

const built = new URL('../../dist/', import.meta.url);
/** The command as it is shipped. */
const program = fileURLToPath(new URL('bin/kontiki.js', built));
/** The same server with log segments that a test can fill and copy. */
const withSmallSegments = `
  import { runServer } from '${new URL('run-server.js', built)}';
  import { diskStorage } from '${new URL('storage.js', built)}';
  process.exit(await runServer(process.argv.slice(1), process.env, { ...diskStorage, segmentBytes: 256 * 1024 }));
`;
const smallSegments = ['--input-type=module', '--eval', withSmallSegments, '--'];

export interface Seat {
  readonly name: string;
  readonly dataDir: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** `NAME=PEER-URL,…` of the whole cluster. */
  readonly initialCluster: string;
}

export interface Table {
  readonly folder: string;
  readonly seats: readonly Seat[];
  clear(): void;
}

/** Seats of one cluster, on free ports, in a new temporary folder. */
export async function seats(count: number): Promise<Table> {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-bad-input-'));
  const ports = await freePorts(count * 2);
  const names = Array.from({ length: count }, (_, at) => `m${at + 1}`);
  const portAt = (at: number): number => ports[at] ?? 0;
  const initialCluster = names.map((name, at) => `${name}=http://127.0.0.1:${portAt(at * 2 + 1)}`).join(',');
  return {
    folder,
    seats: names.map((name, at) => {
      const dataDir = join(folder, name);
      mkdirSync(dataDir, { mode: 0o700 });
      return { name, dataDir, clientPort: portAt(at * 2), peerPort: portAt(at * 2 + 1), initialCluster };
    }),
    clear: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface StartOptions {
  /** Come behind the flags of the seat, and beat them. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `shipped` starts the command itself, whose segments have 64 MiB. */
  readonly segments?: 'small' | 'shipped';
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All it wrote to either output. */
  readonly said: string;
  /** What its last words were: the error of the last line that has one, or the last line. */
  readonly reason: string;
}

function flagsOf({ name, dataDir, clientPort, peerPort, initialCluster }: Seat): readonly string[] {
  const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
  return [
    ...['--name', name, '--data-dir', dataDir, '--initial-cluster', initialCluster],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--heartbeat-interval', '50', '--election-timeout', '500'],
  ];
}

/** Beyond this a machine under load is no excuse any more. */
const patienceMs = 40_000;

export class MemberProcess {
  readonly ended: Promise<End>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #said = '';
  #end: End | undefined;
  readonly #killWithUs = (): void => {
    this.#child.kill('SIGKILL');
  };

  private constructor(args: readonly string[], { env = {}, segments = 'small' }: StartOptions) {
    if (!existsSync(program)) throw new Error(`${program} is not there: run "npm run build" first`);
    const command = segments === 'small' ? smallSegments : [program, 'server'];
    this.#child = spawn(process.execPath, [...command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
        this.#tell();
      });
    }
    process.on('exit', this.#killWithUs);
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        process.off('exit', this.#killWithUs);
        this.#end = { code, signal, said: this.#said, reason: reasonIn(this.#said) };
        this.#tell();
        resolve(this.#end);
      });
    });
  }

  static start(seat: Seat, options: StartOptions = {}): MemberProcess {
    return new MemberProcess([...flagsOf(seat), ...(options.flags ?? [])], options);
  }

  get said(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  /** Resolves once it serves clients; rejects with what it said if it ends before. */
  async serving(): Promise<this> {
    await this.says('serving client traffic insecurely');
    return this;
  }

  /** Resolves once `part` stands in what it said; rejects if it ends without, or in vain. */
  says(part: string | RegExp): Promise<void> {
    const isSaid = (): boolean => (typeof part === 'string' ? this.#said.includes(part) : part.test(this.#said));
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const look = (): void => {
        if (isSaid()) settle(resolve);
        else if (this.#end !== undefined) settle(() => reject(new Error(`it ended without ${part}:\n${this.#said}`)));
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`it has not said ${part}:\n${this.#said}`)));
      }, patienceMs);
      this.#watchers.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  stop(): Promise<End> {
    this.signal('SIGTERM');
    return this.ended;
  }

  kill(): Promise<End> {
    this.signal('SIGKILL');
    return this.ended;
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

function reasonIn(said: string): string {
  const last = said.trimEnd().split('\n').at(-1) ?? '';
  try {
    const { error }: { readonly error?: unknown } = JSON.parse(last);
    return typeof error === 'string' ? error : last;
  } catch {
    return last;
  }
}

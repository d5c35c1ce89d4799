// A hostile run: a server in a process, offenders in another, and here the client that wants nothing but its answers. Each
// attack is judged by what it costs the server and the client, and by how it is ended.

import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { Attack } from './attack.ts';
import {
  ask,
  type Fates,
  type Ports,
  type ServerSettings,
  type ServerState,
  startChild,
  type ToChild,
} from './protocol.ts';

/** What is attacked, and what an ordinary client asks of it. */
export interface Target {
  /** The program of its process, which speaks `protocol.ts`. */
  readonly server: string;
  /** For Node when it runs that program; from source by default. */
  readonly execArgv?: readonly string[];
  /** The module that exports `attacks`. */
  readonly attacks: string;
  readonly path: string;
  readonly request: Buffer;
  readonly isAnswer: (answer: Buffer) => boolean;
}

export interface Row {
  readonly name: string;
  /** Peak of the server's resident memory beyond what it had when warm. */
  readonly grownMiB: number;
  readonly calls: number;
  /** Of the client when nobody attacks, just before. */
  readonly aloneP99Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
  readonly fates: Fates;
  /** What is not as it has to be; empty if all is. */
  readonly faults: readonly string[];
}

const grownMiBMax = 200;
/** Or ten times what it takes alone, on a machine that has much else to do. */
const p99MsMax = 1000;
const aloneMs = 500;
const callsPerSecond = 200;
/** Without an answer to so many, no more are made for now. */
const callsAtOnce = 100;
const callMs = 20_000;
/** The server's own time to notice that connections have gone. */
const goneMs = 5000;

const identity = (bytes: Buffer): Buffer => bytes;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const echoTarget: Target = {
  server: here('server.ts'),
  attacks: new URL('attacks.ts', import.meta.url).href,
  path: '/test.Echo/Say',
  request: Buffer.from('healthy'),
  isAnswer: (answer) => String(answer) === 'healthy',
};

export class HostileRun {
  readonly #target: Target;
  readonly #server: ChildProcess;
  readonly #offenders: ChildProcess;
  readonly #ports: Ports;
  readonly #client: Client;
  #warmKiB = 0;
  #ids = 0;

  private constructor(target: Target, server: ChildProcess, offenders: ChildProcess, ports: Ports) {
    this.#target = target;
    this.#server = server;
    this.#offenders = offenders;
    this.#ports = ports;
    this.#client = new Client(`127.0.0.1:${ports.plain}`, credentials.createInsecure());
  }

  static async start(settings: Omit<ServerSettings, 'key' | 'cert'>, target = echoTarget): Promise<HostileRun> {
    const [server, offenders] = await Promise.all([
      startChild(target.server, [JSON.stringify({ ...settings, ...createCertificate() })], target.execArgv),
      startChild(here('offenders.ts'), [target.attacks]),
    ]);
    if (server.ready.kind !== 'ready' || server.ready.ports === undefined) throw new Error('the server has no ports');
    return new HostileRun(target, server.child, offenders.child, server.ready.ports);
  }

  /** The client alone; what the server has then is what it is measured against. */
  async warm(ms: number): Promise<Row> {
    await this.#measure('alone', until(ms));
    const row = await this.#measure('alone', until(ms));
    // Which collects.
    await this.state();
    const { residentKiB, mappedKiB } = readMemory(this.#server.pid);
    this.#warmKiB = residentKiB - mappedKiB;
    return row;
  }

  /** What the server has in memory when it has nothing to do, mapped files left out. */
  get warmMiB(): number {
    return this.#warmKiB / 1024;
  }

  state(): Promise<ServerState> {
    return ask(this.#server, { kind: 'state' }, (answer) => (answer.kind === 'state' ? answer.state : undefined));
  }

  /** All of `attacks` at the same time, each by `connections`. The row is that of all; fates are judged one by one. */
  async play(attacks: readonly Attack[], connections: number, ms: number): Promise<Row> {
    const alone = await this.#measure('alone', until(aloneMs));
    forgetPeak(this.#server.pid);
    const before = await this.state();
    let isOver = false;
    const orders = Promise.all(
      attacks.map(async ({ name, ends }) => {
        this.#ids += 1;
        const id = this.#ids;
        const order = { attack: name, ports: this.#ports, connections, ms };
        const fates = await ask(this.#offenders, { kind: 'attack', id, order }, (answer) =>
          answer.kind === 'fates' && answer.id === id ? answer.fates : undefined,
        );
        const wrong = Object.keys(fates).filter((fate) => !ends.includes(fate));
        return { fates, faults: wrong.map((fate) => `${name}: ended by ${fate}, not by ${ends.join(' or ')}`) };
      }),
    ).finally(() => {
      isOver = true;
    });
    const [row, judged] = await Promise.all([
      this.#measure(attacks.map(({ name }) => name).join(', '), () => !isOver),
      orders,
    ]);
    // Files that are mapped are the system's, which takes those pages back as it likes.
    const { peakKiB, mappedKiB } = readMemory(this.#server.pid);
    const grownMiB = (peakKiB - mappedKiB - this.#warmKiB) / 1024;
    const after = await this.#settled();
    const fates: Record<string, number> = {};
    for (const [fate, count] of judged.flatMap((one) => Object.entries(one.fates))) {
      fates[fate] = (fates[fate] ?? 0) + count;
    }
    const faults = [...row.faults, ...judged.flatMap((one) => one.faults)];
    const most = Math.max(grownMiBMax, ...attacks.map((attack) => attack.grownMiBMax ?? 0));
    if (grownMiB > most) faults.push(`memory has grown by ${grownMiB.toFixed(0)} MiB`);
    if (row.p99Ms > Math.max(p99MsMax, 10 * alone.p99Ms))
      faults.push(`one of a hundred answers took ${row.p99Ms.toFixed(0)} ms`);
    if (after.connections > 1) faults.push(`${after.connections} connections are left instead of one`);
    if (after.streams > 0) faults.push(`${after.streams} streams are left`);
    for (const kind of ['fault', 'handlerFault']) {
      if (after.events[kind] !== before.events[kind]) faults.push(`something of the server threw: ${kind}`);
    }
    return { ...row, grownMiB, aloneP99Ms: alone.p99Ms, fates, faults };
  }

  stop(): void {
    this.#client.close();
    for (const child of [this.#offenders, this.#server]) {
      if (child.connected) child.send({ kind: 'stop' } satisfies ToChild);
      else if (child.exitCode === null) child.kill('SIGKILL');
    }
  }

  /** When only the client here is connected, or that takes too long. */
  async #settled(): Promise<ServerState> {
    const end = Date.now() + goneMs;
    for (;;) {
      const state = await this.state();
      if ((state.connections <= 1 && state.streams === 0) || Date.now() > end) return state;
      await passed(50);
    }
  }

  /** Calls at a fixed pace, whether the ones before were answered or not; half way through, one by a client that is new. */
  async #measure(name: string, goesOn: () => boolean): Promise<Row> {
    const took: number[] = [];
    const failed = new Map<string, number>();
    const calls: Promise<void>[] = [];
    const call = async (client: Client): Promise<void> => {
      const begun = performance.now();
      const error = await say(client, this.#target);
      took.push(performance.now() - begun);
      if (error !== undefined) failed.set(error, (failed.get(error) ?? 0) + 1);
    };
    const begun = performance.now();
    const newcomer = new Client(`127.0.0.1:${this.#ports.plain}`, credentials.createInsecure(), {
      // A channel of its own.
      'grpc.use_local_subchannel_pool': 1,
    });
    do {
      // What the timer was late for is made up.
      const due = Math.min(((performance.now() - begun) / 1000) * callsPerSecond, took.length + callsAtOnce);
      while (calls.length < due) calls.push(call(calls.length === callsPerSecond / 4 ? newcomer : this.#client));
      await passed(2);
    } while (goesOn());
    await Promise.all(calls);
    newcomer.close();
    took.sort((a, b) => a - b);
    const p99Ms = took[Math.floor(took.length * 0.99)] ?? Number.NaN;
    return {
      name,
      grownMiB: 0,
      calls: took.length,
      aloneP99Ms: p99Ms,
      p99Ms,
      worstMs: took.at(-1) ?? Number.NaN,
      fates: {},
      faults: [...failed].map(([error, count]) => `${count} calls failed: ${error}`),
    };
  }
}

function say(client: Client, { path, request, isAnswer }: Target): Promise<string | undefined> {
  const deadline = Date.now() + callMs;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, identity, identity, request, { deadline }, (error, answer) =>
      resolve(error !== null ? status[error.code] : answer && isAnswer(answer) ? undefined : 'another answer'),
    );
  });
}

function until(ms: number): () => boolean {
  const end = Date.now() + ms;
  return () => Date.now() < end;
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** proc(5): what a process has in memory, and the most it had since `forgetPeak`. */
function readMemory(pid: number | undefined): {
  readonly residentKiB: number;
  readonly mappedKiB: number;
  readonly peakKiB: number;
} {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const numberOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { residentKiB: numberOf('VmRSS'), mappedKiB: numberOf('RssFile'), peakKiB: numberOf('VmHWM') };
}

function forgetPeak(pid: number | undefined): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function createCertificate(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'grpc-hostile-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost'];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const read = { key: readFileSync(key, 'latin1'), cert: readFileSync(cert, 'latin1') };
  rmSync(folder, { recursive: true });
  return read;
}

// The members of a local cluster as processes: starts them, restarts those that die, stops all, and keeps cluster.json true.
// A member is told etcd's flags; what it prints goes into a file beside its data.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { writeClusterFile } from './cluster-file.ts';
import { lastLines } from './last-lines.ts';
import { logFile, type MemberPlace, urlOf } from './layout.ts';
import { RestartPolicy } from './restart-policy.ts';

export interface SupervisorOptions {
  readonly folder: string;
  readonly places: readonly MemberPlace[];
  /** The program and its first arguments; a member's flags come behind. */
  readonly command: readonly [string, ...string[]];
  readonly say: (line: string) => void;
  /** Every member has ended and stays down. */
  readonly onAllDown: () => void;
}

interface Supervised {
  readonly place: MemberPlace;
  readonly policy: RestartPolicy;
  child: ChildProcess | undefined;
  staysDown: boolean;
}

const stopMsMax = 10_000;
const restartDelayMs = 500;
const logLinesShown = 3;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #members: readonly Supervised[];
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#members = options.places.map((place) => ({
      place,
      policy: new RestartPolicy(),
      child: undefined,
      staysDown: false,
    }));
  }

  start(): void {
    for (const member of this.#members) this.#spawn(member);
    this.#writeClusterFile();
  }

  staysDown(name: string): boolean {
    return this.#members.some(({ place, staysDown }) => staysDown && place.name === name);
  }

  /** Asks all to end, and kills those that have not done so after ten seconds. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#members.map(async ({ child }) => {
        if (child === undefined || hasEnded(child)) return;
        const exited = once(child, 'exit');
        const kill = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
        child.kill('SIGTERM');
        await exited;
        clearTimeout(kill);
      }),
    );
  }

  /** For somebody who does not want to wait: `stop` resolves soon afterwards. */
  killAll(): void {
    for (const { child } of this.#members) child?.kill('SIGKILL');
  }

  #spawn(member: Supervised): void {
    const { place } = member;
    mkdirSync(place.dataDir, { recursive: true, mode: 0o700 });
    const [file, ...first] = this.#options.command;
    const log = openSync(logFile(place), 'a', 0o600);
    const child = spawn(file, [...first, ...flagsOf(place, this.#options.places)], {
      // The channel tells a member that we are gone, even when we were killed.
      stdio: ['ignore', log, log, 'ipc'],
      // A process group of its own: Ctrl-C at the terminal reaches us, and we stop the members.
      detached: true,
      env: withoutSettings(process.env),
    });
    closeSync(log);
    member.child = child;
    child.on('error', (error) => {
      // Without a process there will be no exit, and a second attempt would fare no better.
      if (child.pid === undefined) this.#leaveDown(member, `${place.name} could not be started: ${error.message}`);
      else this.#options.say(`${place.name}: ${error.message}`);
    });
    child.once('exit', (code, signal) => this.#ended(member, code, signal ?? `exit code ${code}`));
  }

  #ended(member: Supervised, code: number | null, how: string): void {
    if (this.#stopping) return;
    const { place, policy } = member;
    const decision = policy.ended(code, performance.now());
    if (decision.kind === 'leave') {
      this.#leaveDown(member, `${place.name} ended (${how}) and stays down: ${decision.reason}`);
      return;
    }
    this.#options.say(`${place.name} ended (${how}); starting it again`);
    setTimeout(() => {
      if (this.#stopping) return;
      this.#spawn(member);
      this.#writeClusterFile();
    }, restartDelayMs);
  }

  #leaveDown(member: Supervised, why: string): void {
    const { say, onAllDown } = this.#options;
    const log = logFile(member.place);
    member.staysDown = true;
    for (const line of [why, `the end of ${log}:`, ...lastLines(log, logLinesShown)]) say(line);
    if (this.#members.every(({ staysDown }) => staysDown)) onAllDown();
  }

  #writeClusterFile(): void {
    const members = this.#members.map(({ place, child }) => ({
      name: place.name,
      pid: child?.pid ?? 0,
      clientUrl: urlOf(place.clientPort),
      peerUrl: urlOf(place.peerPort),
      dataDir: place.dataDir,
    }));
    writeClusterFile(this.#options.folder, members);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** A variable of the shell would be in conflict with the flag of the same name, or set all members alike. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ETCD_')));
}

function flagsOf(place: MemberPlace, all: readonly MemberPlace[]): readonly string[] {
  const clientUrl = urlOf(place.clientPort);
  const peerUrl = urlOf(place.peerPort);
  return [
    ...['--name', place.name, '--data-dir', place.dataDir],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', all.map(({ name, peerPort }) => `${name}=${urlOf(peerPort)}`).join(',')],
    ...['--initial-cluster-state', 'new', '--initial-cluster-token', 'kontiki-dev'],
  ];
}

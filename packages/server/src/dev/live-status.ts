// Asks the members of a local cluster how they are: `ready` and commands to try once all are up, then a status line.

import { performance } from 'node:perf_hooks';
import { Maintenance } from '@kontiki/etcd-proto';
import { ClientError } from '../client/client-error.ts';
import { isLeader } from '../client/cluster-commands.ts';
import { Connection } from '../client/connection.ts';
import { defaultEndpoints } from '../client/endpoints.ts';
import { clusterFileName } from './cluster-file.ts';
import { lastLines } from './last-lines.ts';
import { endpointsOf, logFile, type MemberPlace } from './layout.ts';
import { isReady, type SeenMember, statusLine } from './status-line.ts';
import type { Terminal } from './terminal.ts';

export interface LiveStatusOptions {
  readonly folder: string;
  readonly places: readonly MemberPlace[];
  readonly terminal: Terminal;
  readonly staysDown: (name: string) => boolean;
}

interface Watched {
  readonly place: MemberPlace;
  readonly connection: Connection;
  seen: SeenMember;
}

const pollMs = 500;
const slowStartMs = 15_000;

export class LiveStatus {
  readonly #options: LiveStatusOptions;
  readonly #members: readonly Watched[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #isReady = false;
  #stopped = false;

  constructor(options: LiveStatusOptions) {
    this.#options = options;
    this.#members = options.places.map((place) => ({
      place,
      connection: new Connection([`127.0.0.1:${place.clientPort}`]),
      seen: { name: place.name, state: undefined },
    }));
  }

  start(): void {
    // Each at its own pace: one that does not answer must not hold up the news of the others.
    for (const member of this.#members) void this.#poll(member);
    this.#after(slowStartMs, () => {
      if (!this.#isReady) this.#tellWhoIsMissing();
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { connection } of this.#members) connection.close();
  }

  async #poll(member: Watched): Promise<void> {
    const state = await stateOf(member.connection);
    if (this.#stopped) return;
    member.seen = { name: member.place.name, state };
    this.#show();
    this.#after(pollMs, () => void this.#poll(member));
  }

  #show(): void {
    const { folder, places, terminal, staysDown } = this.#options;
    const seen = this.#members.map((member) => member.seen);
    if (!this.#isReady) {
      if (!isReady(seen, staysDown)) return;
      this.#isReady = true;
      terminal.say('ready');
      for (const line of commandsToTry(places, folder)) terminal.say(line);
    }
    terminal.status(statusLine(seen), performance.now());
  }

  #tellWhoIsMissing(): void {
    const { terminal } = this.#options;
    terminal.say(`not ready after ${slowStartMs / 1000} s: ${statusLine(this.#members.map(({ seen }) => seen)).text}`);
    for (const { place, seen } of this.#members) {
      if (seen.state !== undefined) continue;
      for (const line of [`the end of ${logFile(place)}:`, ...lastLines(logFile(place), 3)]) terminal.say(line);
    }
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

async function stateOf(connection: Connection): Promise<SeenMember['state']> {
  try {
    const status = await connection.call(Maintenance.method.status, {});
    return {
      leads: isLeader(status),
      knowsLeader: status.leader !== 0n,
      term: status.raftTerm,
      commit: status.raftIndex,
      applied: status.raftAppliedIndex,
    };
  } catch (error: unknown) {
    if (error instanceof ClientError) return undefined;
    throw error;
  }
}

export function commandsToTry(places: readonly MemberPlace[], folder: string): readonly string[] {
  const endpoints = endpointsOf(places);
  const ours = endpoints === defaultEndpoints ? '' : ` --endpoints ${endpoints}`;
  return [
    'try:',
    `  npx kontiki put greeting hello${ours}`,
    `  npx kontiki get greeting${ours}`,
    `  npx kontiki status -w table${ours}`,
    `  etcdctl --endpoints=${endpoints} get greeting`,
    `${folder} has the members' data and logs, and their ports and processes in ${clusterFileName}; Ctrl-C stops all`,
  ];
}

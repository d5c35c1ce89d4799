// Servers that replicate one service: an rsm on each, clerks that reach them, and what a test does to them.

import type { NodeId } from '@kontiki/raft';
import { LabCluster, type LabService, type Planted, serverName } from '../cluster.ts';
import type { Request as Rpc } from '../network.ts';
import type { Numbers } from '../raft-lab.ts';
import { claim } from '../raft-lab.ts';
import type { LabServer } from '../server.ts';
import type { SettingName } from '../settings.ts';
import type { Body, Threads } from '../threads.ts';
import { Calls, type Reply } from './calls.ts';
import { CommandReader } from './command-reader.ts';
import { decodeJson, encodeJson } from './json-bytes.ts';
import { type KvRules, kvRules } from './kv-rules.ts';
import type { Machine } from './machine.ts';
import { type Logged, Rsm } from './rsm.ts';

export interface GroupOptions<Request, Answer> {
  readonly servers: number;
  readonly setting: SettingName;
  readonly seed: string;
  readonly isReliable: boolean;
  /** What a server may keep in its log before it takes a snapshot; `undefined`: none is ever taken. */
  readonly logBytesMax: number | undefined;
  readonly newMachine: (rules: KvRules) => Machine<Request, Answer>;
  readonly planted?: Planted;
}

export class KvGroup<Request, Answer> {
  readonly threads: Threads;
  readonly cluster: LabCluster;
  readonly #options: GroupOptions<Request, Answer>;
  readonly rules: KvRules;
  readonly #rsms: (Rsm<Request, Answer> | undefined)[] = [];
  readonly #commands = new CommandReader<Logged<Request>>();
  readonly #refusals = new Map<NodeId | undefined, Uint8Array>();
  #lives = 0;

  /** All servers run and are connected. */
  constructor(threads: Threads, options: GroupOptions<Request, Answer>) {
    this.threads = threads;
    this.#options = options;
    this.rules = options.planted?.kv ?? kvRules;
    this.cluster = new LabCluster(threads, {
      servers: options.servers,
      setting: options.setting,
      seed: options.seed,
      service: (at, server) => this.#service(at, server),
      ...(options.planted === undefined ? {} : { planted: options.planted }),
    });
    this.cluster.network.isReliable = options.isReliable;
    for (const at of this.cluster.everybody) this.start(at);
    this.connectAll();
  }

  get everybody(): readonly number[] {
    return this.cluster.everybody;
  }

  get chance(): LabCluster['chance'] {
    return this.cluster.chance;
  }

  /** `undefined`: no snapshots are taken. */
  get logBytesMax(): number | undefined {
    return this.#options.logBytesMax;
  }

  /** Of the server's present life. */
  rsm(at: number): Rsm<Request, Answer> {
    const rsm = this.#rsms[at];
    if (rsm === undefined) throw new RangeError(`server ${at} does not run`);
    return rsm;
  }

  isUp(at: number): boolean {
    return this.#rsms[at] !== undefined;
  }

  /** A new life, connected to nobody yet. */
  start(at: number): void {
    this.cluster.start(at);
  }

  shutdown(at: number): void {
    this.cluster.crash(at);
    this.#rsms[at] = undefined;
  }

  connectAll(): void {
    for (const at of this.everybody) if (this.isUp(at)) this.cluster.connect(at);
  }

  /** Stops all, lets a second pass, and starts them again. */
  *restartAll(): Body {
    for (const at of this.everybody) this.shutdown(at);
    yield* this.threads.sleep(1000);
    for (const at of this.everybody) this.start(at);
    this.connectAll();
  }

  /** Who leads in the highest term. Waits for it. */
  *leader(): Body<number> {
    for (let tries = 0; tries < 100; tries += 1) {
      const leaders = this.everybody.flatMap((at) => {
        const state = this.cluster.server(at)?.getState();
        return state?.isLeader === true ? [{ at, term: state.term }] : [];
      });
      const [newest] = leaders.sort((a, b) => b.term - a.term);
      if (newest !== undefined) return newest.at;
      yield* this.threads.sleep(100);
    }
    throw new Error('there is no leader after 10 s');
  }

  /** A majority, and a minority that has the leader. */
  *halves(): Body<{ readonly majority: readonly number[]; readonly minority: readonly number[] }> {
    const leader = yield* this.leader();
    const others = this.everybody.filter((at) => at !== leader);
    const most = Math.floor(this.everybody.length / 2) + 1;
    return { majority: others.slice(0, most), minority: [leader, ...others.slice(most)] };
  }

  /** A client's calls to these servers. */
  calls(owner: string, servers: readonly number[] = this.everybody): Calls<Request, Answer> {
    const names = this.everybody.map((at) => this.cluster.endpointTo(at, owner));
    const calls = new Calls<Request, Answer>(this.threads, names);
    calls.connect(servers);
    return calls;
  }

  /** The log of every server that runs has at most so many bytes. */
  checkLog(bytes: number): void {
    const { logSize } = this.cluster;
    claim(logSize <= bytes, () => `a log has ${logSize} bytes, more than ${bytes}`);
  }

  checkSnapshot(bytes: number): void {
    const { snapshotSize } = this.cluster;
    claim(snapshotSize <= bytes, () => `a snapshot has ${snapshotSize} bytes, more than ${bytes}`);
  }

  numbers(operations: number): Numbers {
    const { network } = this.cluster;
    return {
      virtualMs: this.threads.now,
      peers: this.everybody.length,
      rpcs: network.requests,
      bytes: network.bytes,
      commands: operations,
    };
  }

  #service(at: number, server: LabServer): LabService {
    const { threads } = this;
    const { newMachine, logBytesMax } = this.#options;
    const rules = this.rules;
    const machine = newMachine(rules);
    this.#lives += 1;
    const commands = this.#commands;
    const rsm = new Rsm({ threads, server, machine, logBytesMax, rules, commands, life: `${this.#lives}` });
    this.#rsms[at] = rsm;
    return {
      apply: (message) => rsm.apply(message),
      handle: (rpc) => this.#handle(at, server, rsm, rpc),
      kill: () => rsm.kill(),
    };
  }

  #handle(at: number, server: LabServer, rsm: Rsm<Request, Answer>, { args, reply }: Rpc): void {
    const read = (): Request => decodeJson<Request>(args);
    const say = (answer: Answer): void => {
      const answered: Reply<Answer> = { kind: 'answered', answer };
      reply(encodeJson(answered));
    };
    if (!this.rules.readsThroughLog && server.getState().isLeader && rsm.machine.isRead(read())) {
      say(rsm.machine.doOperation(read()));
      return;
    }
    rsm.submitted(args, (submitted) => {
      if (submitted.kind === 'ok') say(submitted.answer);
      else reply(this.#refusal(at, server));
    });
  }

  /** With whom a client may try instead. Who looks for a leader asks everybody, again and again: most requests are refused. */
  #refusal(at: number, { leader }: LabServer): Uint8Array {
    const other = leader === serverName(at) ? undefined : leader;
    const known = this.#refusals.get(other);
    if (known !== undefined) return known;
    const hint = this.everybody.find((one) => serverName(one) === other);
    const refusal: Reply<Answer> = { kind: 'wrongLeader', ...(hint === undefined ? {} : { leader: hint }) };
    const bytes = encodeJson(refusal);
    this.#refusals.set(other, bytes);
    return bytes;
  }
}

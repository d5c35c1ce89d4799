// What the tests of the Raft labs share: servers whose service writes down what is applied and compares it with everybody
// else's, and the ways to ask for a leader, for agreement, and for nothing of the kind.

import { LabCluster, type LabService, type Planted } from './cluster.ts';
import { decodeState, decodeText, encodeState, encodeText } from './lab-values.ts';
import type { ApplyMessage, LabServer } from './server.ts';
import type { SettingName } from './settings.ts';
import type { Body, Threads } from './threads.ts';

/** The tests' unit of patience. */
export const electionTimeoutMs = 1000;
/** The service takes a snapshot after so many commands. */
export const snapshotInterval = 10;

/** A claim of a test that does not hold. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

export function claim(condition: boolean, text: () => string): asserts condition {
  if (!condition) throw new LabError(text());
}

export interface RaftLabOptions {
  readonly servers: number;
  readonly setting: SettingName;
  readonly seed: string;
  readonly isReliable: boolean;
  /** Whether the service takes snapshots. */
  readonly takesSnapshots: boolean;
  readonly planted?: Planted;
}

export interface Numbers {
  readonly virtualMs: number;
  readonly peers: number;
  readonly rpcs: number;
  readonly bytes: number;
  readonly commands: number;
}

export class RaftLab {
  readonly c: Threads;
  readonly cluster: LabCluster;
  /** What each server has applied: the command with index i at i - 1. */
  readonly #logs: string[][];
  #commands = 0;

  /** All servers run and are connected. */
  constructor(threads: Threads, options: RaftLabOptions) {
    this.c = threads;
    this.#logs = Array.from({ length: options.servers }, () => []);
    this.cluster = new LabCluster(threads, {
      ...options,
      service: (at, server) => this.#service(at, server, options.takesSnapshots),
    });
    this.cluster.network.isReliable = options.isReliable;
    this.cluster.network.hasLongDelays = true;
    for (const at of this.cluster.everybody) this.cluster.start(at);
    for (const at of this.cluster.everybody) this.cluster.connect(at);
  }

  get size(): number {
    return this.cluster.size;
  }

  get isPreVoting(): boolean {
    return this.cluster.setting.preVote;
  }

  /** From 0 up to and without `limit`. */
  below(limit: number): number {
    return this.cluster.chance.below(limit);
  }

  server(at: number): LabServer {
    const server = this.cluster.server(at % this.size);
    if (server === undefined) throw new LabError(`server ${at} does not run`);
    return server;
  }

  start(at: number, value: string): { readonly index: number; readonly term: number; readonly isLeader: boolean } {
    return this.server(at).start(encodeText(value));
  }

  disconnect(at: number): void {
    this.cluster.disconnect(at % this.size);
  }

  connect(at: number): void {
    this.cluster.connect(at % this.size);
  }

  crash(at: number): void {
    this.cluster.crash(at % this.size);
  }

  isUp(at: number): boolean {
    return this.cluster.server(at % this.size) !== undefined;
  }

  /** A new life, connected. */
  restart(at: number): void {
    this.#begin(at);
    this.connect(at);
  }

  /** Connected, and in a new life if it is down. */
  bringBack(at: number): void {
    if (this.isUp(at)) this.connect(at);
    else this.restart(at);
  }

  crashAll(): void {
    for (const at of this.cluster.everybody) this.cluster.crash(at);
  }

  /** A new life that nobody can reach yet. */
  #begin(at: number): void {
    this.cluster.start(at % this.size);
  }

  /**
   * Now and then the power of one server fails while it writes. For as long as the test runs. Not twice before something new was
   * applied: servers that are cut more often than their patience lasts elect nobody, and that is nobody's fault.
   */
  *powerFails(): Body {
    let appliedAtCut = -1;
    for (;;) {
      yield* this.c.sleep(500 + this.below(2500));
      const at = this.below(this.size);
      if (this.#commands === appliedAtCut) continue;
      appliedAtCut = this.#commands;
      this.cluster.cutPowerAtNextWrite(at);
    }
  }

  /** New lives of all, before any of them is connected. */
  restartAll(): void {
    for (const at of this.cluster.everybody) this.#begin(at);
    for (const at of this.cluster.everybody) this.connect(at);
  }

  get numbers(): Numbers {
    const { requests: rpcs, bytes } = this.cluster.network;
    return { virtualMs: this.c.now, peers: this.size, rpcs, bytes, commands: this.#commands };
  }

  get rpcTotal(): number {
    return this.cluster.network.requests;
  }

  get bytesTotal(): number {
    return this.cluster.network.bytes;
  }

  rpcCount(at: number): number {
    return this.cluster.rpcCount(at);
  }

  /** The one leader of the highest term among the connected; waits up to ten times half a second for it. */
  *checkOneLeader(): Body<number> {
    for (let tries = 0; tries < 10; tries++) {
      yield* this.c.sleep(450 + this.below(100));
      const leaders = new Map<number, number>();
      for (const at of this.#connected()) {
        const { term, isLeader } = this.server(at).getState();
        if (!isLeader) continue;
        claim(!leaders.has(term), () => `term ${term} has two leaders, ${leaders.get(term)} and ${at}`);
        leaders.set(term, at);
      }
      const leader = leaders.get(Math.max(...leaders.keys()));
      if (leader !== undefined) return leader;
    }
    throw new LabError('there is no leader after 5 s');
  }

  /** The term that all connected servers agree on. */
  checkTerms(): number {
    const terms = this.#connected().map((at) => this.server(at).getState().term);
    const [term = 0] = terms;
    claim(
      terms.every((other) => other === term),
      () => `the servers disagree on the term: ${terms.join(', ')}`,
    );
    return term;
  }

  checkNoLeader(): void {
    for (const at of this.#connected()) {
      claim(!this.server(at).getState().isLeader, () => `server ${at} leads, and there is no quorum`);
    }
  }

  /** How many servers have applied something at this index, and what. */
  nCommitted(index: number): { readonly count: number; readonly value: string | undefined } {
    let count = 0;
    let value: string | undefined;
    for (const log of this.#logs) {
      const applied = log[index - 1];
      if (applied === undefined) continue;
      claim(
        count === 0 || applied === value,
        () => `at index ${index} one server applied ${short(value)}, another ${short(applied)}`,
      );
      count += 1;
      value = applied;
    }
    return { count, value };
  }

  /** Agreement on one command within 10 s, on so many servers; answers its index. */
  *one(value: string | number, expected: number, retry: boolean): Body<number> {
    const command = String(value);
    const begun = this.c.now;
    let at = 0;
    while (this.c.now - begun < 10_000) {
      let index = 0;
      for (let tries = 0; tries < this.size && index === 0; tries++) {
        at = (at + 1) % this.size;
        if (!this.cluster.isConnected(at)) continue;
        const started = this.start(at, command);
        if (started.isLeader) index = started.index;
      }
      if (index === 0) {
        yield* this.c.sleep(50);
        continue;
      }
      const startedAt = this.c.now;
      while (this.c.now - startedAt < 2000) {
        const committed = this.nCommitted(index);
        if (committed.count > 0 && committed.count >= expected && committed.value === command) return index;
        yield* this.c.sleep(20);
      }
      claim(retry, () => `no agreement on ${short(command)} within 2 s`);
    }
    throw new LabError(`no agreement on ${short(command)} within 10 s`);
  }

  /** Waits until so many servers have applied something at this index; `undefined` when the term has moved on meanwhile. */
  *wait(index: number, expected: number, startTerm: number | undefined): Body<string | undefined> {
    let ms = 10;
    for (let polls = 0; polls < 30 && this.nCommitted(index).count < expected; polls++) {
      yield* this.c.sleep(ms);
      if (ms < 1000) ms *= 2;
      if (startTerm === undefined) continue;
      for (const at of this.cluster.everybody) {
        if ((this.cluster.server(at)?.getState().term ?? 0) > startTerm) return undefined;
      }
    }
    const { count, value } = this.nCommitted(index);
    claim(count >= expected, () => `only ${count} servers of ${expected} have applied index ${index}`);
    return value;
  }

  #connected(): readonly number[] {
    return this.cluster.everybody.filter((at) => this.cluster.isConnected(at));
  }

  #service(at: number, server: LabServer, takesSnapshots: boolean): LabService {
    this.#logs[at] = [];
    return {
      apply: (message) => {
        if (message.kind === 'snapshot') this.#restored(at, message);
        else this.#applied(at, message);
        if (takesSnapshots && (message.index + 1) % snapshotInterval === 0 && message.kind === 'command')
          server.snapshot(message.index, encodeState(this.#logs[at] ?? []));
      },
    };
  }

  #applied(at: number, { index, command }: Extract<ApplyMessage, { readonly kind: 'command' }>): void {
    const value = decodeText(command);
    for (const [other, log] of this.#logs.entries()) {
      const theirs = log[index - 1];
      claim(
        theirs === undefined || theirs === value,
        () => `server ${at} applies ${short(value)} at index ${index}, server ${other} has applied ${short(theirs)}`,
      );
    }
    const log = this.#logs[at] ?? [];
    claim(log.length === index - 1, () => `server ${at} applies index ${index} after ${log.length}`);
    log.push(value);
    this.#commands = Math.max(this.#commands, index);
  }

  #restored(at: number, { index, bytes }: Extract<ApplyMessage, { readonly kind: 'snapshot' }>): void {
    const values = decodeState(bytes);
    claim(values.length === index, () => `a snapshot of index ${index} holds ${values.length} commands`);
    this.#logs[at] = [...values];
  }
}

function short(value: string | undefined): string {
  return value === undefined || value.length <= 40 ? String(value) : `${value.slice(0, 40)}…`;
}

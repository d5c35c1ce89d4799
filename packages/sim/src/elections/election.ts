// One election, played by real nodes: from the moment when nobody leads any more to the moment when a candidate has its
// majority. Network and disks are delays that the setting draws; there is no other host code between the nodes.

import {
  asIndex,
  asNodeId,
  assert,
  asTerm,
  type Configuration,
  type Entry,
  type Message,
  type NodeId,
  type Options,
  type Persist,
  type PersistId,
} from '@kontiki/raft';
import { Chance } from '../chance.ts';
import { TimedCore } from './timed-core.ts';

/** A delay in ticks, drawn evenly between both ends. */
export interface Delay {
  readonly least: number;
  readonly most: number;
}

export interface Setting {
  readonly servers: number;
  /** The others have failed before the election begins, and stay silent. */
  readonly live: number;
  /** Ticks: the shortest election timeout, and how many are drawn on top: in [0, range). */
  readonly shortest: number;
  readonly range: number;
  readonly latency: Delay;
  readonly disk: {
    /** A candidate's own vote, which must be durable before it asks for others. */
    readonly candidate: Delay;
    /** A vote for somebody else, which must be durable before it is told. */
    readonly vote: Delay;
    /** A term that a server hears of without giving its vote. Nothing waits for it but the next write. */
    readonly term: Delay;
  };
  /**
   * Fresh: all timers start together, where the election begins. Heartbeat: a last heartbeat starts them as it arrives; its
   * leader dies at some moment of the interval that follows, and there the election begins.
   */
  readonly begins: { readonly kind: 'fresh' } | { readonly kind: 'heartbeat'; readonly interval: number };
  /** §5.4.1: how many entries each live server has, so that only some can win. Empty: no server has any. */
  readonly logs: readonly number[];
  /** An election that takes longer is broken off. */
  readonly ticksMax: number;
}

export interface Outcome {
  /** Ticks until a candidate had its majority; `ticksMax` if none had. */
  readonly ticks: number;
  /** Terms that began without a leader before that. */
  readonly leaderlessTerms: number;
  readonly wasDecided: boolean;
}

/** What makes one election differ from another. Equal keys play the same election. */
export interface Key {
  readonly seed: number;
  readonly name: string;
  readonly trial: number;
}

interface Task {
  readonly at: number;
  readonly act: () => void;
}

interface Server {
  readonly timed: TimedCore;
  /** Messages that wait for a write. */
  held: { readonly after: PersistId; readonly messages: readonly Message[] }[];
  durable: PersistId;
}

/** What no election of these comes near. */
const limits: Options['limits'] = {
  inflightMessages: 16,
  messageBytes: 1 << 16,
  uncommittedBytes: 1 << 20,
  logBytes: 1 << 20,
  applyBytes: 1 << 20,
};

/** `jumps: false` plays every tick of every node; the outcome is the same. */
export function playElection(setting: Setting, key: Key, jumps = true): Outcome {
  return new Election(setting, key, jumps).play();
}

export class Election {
  readonly #setting: Setting;
  readonly #key: Key;
  readonly #configuration: Configuration;
  readonly #servers = new Map<NodeId, Server>();
  readonly #delays: Chance;
  /** By time, and in the order of sending where times are equal. */
  readonly #tasks: Task[] = [];
  #now = 0;

  constructor(setting: Setting, key: Key, jumps: boolean) {
    this.#setting = setting;
    this.#key = key;
    this.#delays = this.#chance('delays');
    const voters = Array.from({ length: setting.servers }, (_, at) => asNodeId(`n${at + 1}`));
    this.#configuration = { voters, outgoing: [], learners: [], addresses: [] };
    for (const [at, id] of voters.slice(0, setting.live).entries()) {
      const timed = new TimedCore(this.#options(id, at), jumps);
      this.#servers.set(id, { timed, held: [], durable: 0 as PersistId });
    }
  }

  get nodes(): readonly TimedCore[] {
    return [...this.#servers.values()].map(({ timed }) => timed);
  }

  play(): Outcome {
    const begin = this.#begin();
    const until = begin + this.#setting.ticksMax;
    while (this.#now < until) {
      const winner = this.#winner();
      if (winner !== undefined) {
        return { ticks: this.#now - begin, leaderlessTerms: winner.term - 1 - this.#firstTerm, wasDecided: true };
      }
      this.#next(until);
    }
    const terms = Math.max(...this.nodes.map(({ core }) => core.node.term));
    return { ticks: this.#setting.ticksMax, leaderlessTerms: terms - this.#firstTerm, wasDecided: false };
  }

  /** The term of the leader that is gone. */
  get #firstTerm(): number {
    return this.#setting.begins.kind === 'heartbeat' ? 1 : 0;
  }

  #winner(): { readonly term: number } | undefined {
    for (const { timed } of this.#servers.values()) {
      const { role, term } = timed.core.node;
      if (role.kind === 'leader') return { term };
    }
    return undefined;
  }

  /** Answers when nobody leads any more. */
  #begin(): number {
    const { begins, servers } = this.#setting;
    if (begins.kind === 'fresh') return 0;
    const from = asNodeId(`n${servers}`);
    const start = asIndex(0);
    for (const to of this.#servers.keys()) {
      this.#send({
        kind: 'appendEntries',
        from,
        to,
        term: asTerm(1),
        prev: { term: asTerm(0), index: start },
        entries: [],
        commit: start,
        round: 1,
      });
    }
    return this.#chance('death').below(begins.interval);
  }

  /** What comes first: the end of a timer, or a task. In the same tick time comes before messages, as a driver has it. */
  #next(until: number): void {
    let first: Server | undefined;
    let ends = until;
    for (const server of this.#servers.values()) {
      const its = server.timed.timerEnds;
      if (its !== undefined && its < ends) [first, ends] = [server, its];
    }
    const task = this.#tasks[0];
    if (task !== undefined && task.at < ends) {
      this.#now = task.at;
      this.#tasks.shift();
      task.act();
    } else {
      this.#now = ends;
      if (first === undefined) return;
      first.timed.advanceTo(ends);
      this.#drain(first);
    }
  }

  #schedule(at: number, act: () => void): void {
    let place = this.#tasks.length;
    while (place > 0 && (this.#tasks[place - 1]?.at ?? 0) > at) place -= 1;
    this.#tasks.splice(place, 0, { at, act });
  }

  #send(message: Message): void {
    const receiver = this.#servers.get(message.to);
    if (receiver === undefined) return;
    this.#schedule(this.#now + this.#draw(this.#setting.latency), () => {
      receiver.timed.advanceTo(this.#now);
      receiver.timed.step({ kind: 'receive', message });
      this.#drain(receiver);
    });
  }

  /** Carries out what a node wants. */
  #drain(server: Server): void {
    for (;;) {
      const ready = server.timed.core.ready();
      if (ready === undefined) return;
      for (const message of ready.send) this.#send(message);
      if (ready.afterPersist !== undefined) server.held.push(ready.afterPersist);
      if (ready.persist !== undefined) this.#write(server, ready.persist);
      this.#release(server);
    }
  }

  #write(server: Server, { id, hardState }: Persist): void {
    const { candidate, vote, term } = this.#setting.disk;
    const votedFor = hardState?.votedFor;
    const cost = votedFor === undefined ? term : votedFor === server.timed.core.node.settings.id ? candidate : vote;
    const complete = (): void => {
      server.durable = id;
      server.timed.step({ kind: 'persisted', through: id });
    };
    const delay = this.#draw(cost);
    if (delay === 0) complete();
    else
      this.#schedule(this.#now + delay, () => {
        server.timed.advanceTo(this.#now);
        complete();
        this.#release(server);
        this.#drain(server);
      });
  }

  #release(server: Server): void {
    const released = server.held.filter(({ after }) => after <= server.durable);
    server.held = server.held.filter(({ after }) => after > server.durable);
    for (const { messages } of released) for (const message of messages) this.#send(message);
  }

  #draw({ least, most }: Delay): number {
    return least === most ? least : this.#delays.between(least, most);
  }

  #chance(purpose: string): Chance {
    const { seed, name, trial } = this.#key;
    return new Chance(seed, `${name}/${trial}/${purpose}`);
  }

  #options(id: NodeId, at: number): Options {
    const { shortest, range, begins, logs } = this.#setting;
    const hadLeader = begins.kind === 'heartbeat';
    assert(range <= shortest, () => 'a node draws less than its shortest timeout');
    assert(logs.length === 0 || hadLeader, () => 'somebody has written those logs');
    const entries = Array.from(
      { length: logs[at] ?? 0 },
      (_, index): Entry => ({ kind: 'noop', term: asTerm(1), index: asIndex(index + 1) }),
    );
    return {
      id,
      electionTicks: shortest,
      heartbeatTicks: 1,
      preVote: false,
      checkQuorum: false,
      leaseReads: false,
      limits,
      draw: (purpose, counter) => (range === 0 ? 0 : this.#chance(`${purpose}/${id}/${counter}`).below(range)),
      restore: {
        hardState: {
          term: asTerm(hadLeader ? 1 : 0),
          votedFor: hadLeader ? asNodeId(`n${this.#setting.servers}`) : undefined,
          commit: asIndex(0),
        },
        base: { last: { term: asTerm(0), index: asIndex(0) }, configuration: this.#configuration },
        entries,
        applied: asIndex(0),
      },
    };
  }
}

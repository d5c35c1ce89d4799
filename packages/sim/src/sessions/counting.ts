// Clients with sessions add 1 again and again, and read, while members are killed, stand still and are cut off, and answers
// are lost. What comes out is set beside what was asked for. Sessions, driver and core run as in a library user's program;
// log, snapshots and network are those in memory.

import { type Consistency, ReadSession } from '@kontiki/raft';
import { decodeAnswer, encodeRequest, type SessionAnswer } from '@kontiki/raft/sessions';
import {
  add,
  decodeSum,
  noMishap,
  type Seat,
  SessionCluster,
  type SessionClusterOptions,
  type TestClient,
  whenAwake,
} from '@kontiki/raft/testing';
import { Chance } from '../chance.ts';
import type { CheckerName } from '../checkers/names.ts';
import { DriftingTicker } from '../clock.ts';
import type { Violation } from '../run.ts';
import { type SessionPlan, sessionPlanOf } from './session-plan.ts';

export interface CountingOptions {
  readonly plan?: Partial<SessionPlan>;
  readonly rules?: SessionClusterOptions['rules'];
}

export interface Figures {
  /** Increments that were acknowledged. */
  readonly increments: number;
  /** The counter on each member, in the end. */
  readonly sums: readonly number[];
  readonly kills: number;
  readonly answersLost: number;
  /** Copies that were recognised, on all members together. */
  readonly duplicates: number;
  readonly restoredSnapshots: number;
  readonly leaderChanges: number;
  readonly reads: number;
  /** Of these, asked for by lease. */
  readonly leaseReads: number;
  readonly ticks: number;
}

export interface Counted {
  readonly figures: Figures;
  readonly violations: readonly Violation[];
}

/** Commands that a client has under way at most, so that each has some and none has all. */
const underWayMax = 4;
const electionTicks = 20;

export function count(seed: number, { plan, rules }: CountingOptions = {}): Counted {
  return new Counting({ ...sessionPlanOf(seed), ...plan }, rules).play();
}

interface Person {
  readonly client: TestClient;
  readonly reads: ReadSession;
  /** The largest sum that was shown to it. */
  seen: number;
}

class Counting {
  readonly #plan: SessionPlan;
  readonly #chance: Chance;
  readonly #cluster: SessionCluster;
  readonly #people: readonly Person[];
  readonly #violations: Violation[] = [];
  /** Directions in which nothing passes. */
  readonly #blocked = new Set<string>();
  /** The largest sum that anybody was told of: what is linearizable shows no less (thesis §6.4). */
  #told = 0;
  #increments = 0;
  #pending = 0;
  #kills = 0;
  #reads = 0;
  #leaseReads = 0;
  #duplicates = 0;
  #restored = 0;
  #leaderChanges = 0;

  constructor(plan: SessionPlan, rules: CountingOptions['rules']) {
    const { seed, leaseDriftPercent, driftMax } = plan;
    this.#plan = plan;
    this.#chance = new Chance(seed, 'counting');
    const leases = leaseDriftPercent === undefined ? {} : { leaseReads: { clockDriftPercent: leaseDriftPercent } };
    const clocks = new Chance(seed, 'clocks');
    const drifts = new Map<string, number>();
    const driftOf = (id: string): number => {
      const drift = drifts.get(id) ?? clocks.between(-driftMax, driftMax);
      drifts.set(id, drift);
      return drift;
    };
    this.#cluster = new SessionCluster({
      size: plan.members,
      settings: { snapshotEntries: 100, catchUpEntries: 20, timeoutTicks: 60, electionTicks, ...leases },
      limits: { idleTicks: 800 },
      clock: (id, ticker) => new DriftingTicker(ticker, () => driftOf(id)),
      ...(rules === undefined ? {} : { rules }),
    });
    this.#people = Array.from({ length: plan.clients }, (_, n) => ({
      client: this.#cluster.client(`${seed} ${n}`).open(),
      reads: new ReadSession(),
      seen: 0,
    }));
  }

  play(): Counted {
    const departed = [1, 2, 3].map(() => this.#letDepart());
    this.#disturb();
    while (this.#kills < this.#plan.kills && this.#violations.length === 0) this.#turn();
    // What has been seen is enough, and such a cluster may never come to rest.
    if (this.#violations.length > 0) return this.#counted([]);
    this.#heal();
    for (const copy of departed) this.#ask(copy);
    return this.#counted(this.#judge());
  }

  #counted(sums: readonly number[]): Counted {
    for (const seat of this.#cluster.seats) this.#note(seat);
    return {
      figures: {
        increments: this.#increments,
        sums,
        kills: this.#kills,
        answersLost: this.#cluster.answersLost,
        duplicates: this.#duplicates,
        restoredSnapshots: this.#restored,
        leaderChanges: this.#leaderChanges,
        reads: this.#reads,
        leaseReads: this.#leaseReads,
        ticks: this.#cluster.time.now,
      },
      violations: this.#violations,
    };
  }

  /** A client that adds once and is not heard of again; the network has kept a copy of its command. */
  #letDepart(): Uint8Array {
    const registered = this.#ask(encodeRequest({ kind: 'register' }));
    if (registered.kind !== 'registered') throw new Error(`registering was answered ${registered.kind}`);
    const { client } = registered;
    const command = encodeRequest({ kind: 'command', client, sequence: 1, firstOpen: 1, body: add(1) });
    if (this.#ask(command).kind === 'done') this.#increments += 1;
    return command;
  }

  #ask(request: Uint8Array): SessionAnswer {
    let answer: SessionAnswer | undefined;
    this.#cluster.leader().life.host.handle(request, (bytes) => {
      answer = decodeAnswer(bytes);
    });
    this.#cluster.time.until(() => answer !== undefined, 'it is answered');
    return answer ?? { kind: 'stopped' };
  }

  #disturb(): void {
    const chance = this.#chance;
    this.#cluster.mishap = () => ({
      isRequestLost: chance.percent(5),
      isRequestDoubled: chance.percent(10),
      isAnswerLost: chance.percent(10),
      delayTicks: chance.percent(30) ? chance.below(20) : 0,
    });
    this.#cluster.network.filter = ({ from, to }) => !this.#blocked.has(`${from} ${to}`) && !chance.percent(2);
  }

  #turn(): void {
    const { members, sleeps, cuts, leaseDriftPercent } = this.#plan;
    const chance = this.#chance;
    const cluster = this.#cluster;
    for (const person of this.#people) if (chance.percent(4)) this.#add(person);
    if (chance.percent(30)) this.#read(chance.pick(this.#people), chance.pick(cluster.seats));
    if (leaseDriftPercent !== undefined && chance.percent(50)) this.#readNow('lease');
    if (chance.percent(5)) this.#readNow('linearizable');
    cluster.time.advance(1);
    const seat = chance.pick(cluster.seats);
    if (seat.life === undefined) {
      if (chance.percent(20)) cluster.start(seat);
    } else if (chance.percent(4) && cluster.running().length * 2 > members) {
      this.#note(seat);
      cluster.kill(seat);
      this.#kills += 1;
    }
    if (sleeps && chance.percent(1)) this.#sleep(this.#victim());
    if (cuts && chance.percent(1)) this.#isolate(this.#victim());
  }

  /** Leaders have more to lose. */
  #victim(): Seat {
    const { seats } = this.#cluster;
    const leader = seats.find(({ life }) => life?.driver.status().role === 'leader');
    return leader !== undefined && this.#chance.oneIn(2) ? leader : this.#chance.pick(seats);
  }

  #sleep(seat: Seat): void {
    const { life } = seat;
    if (life === undefined || life.isAsleep) return;
    this.#cluster.sleep(seat);
    // What leases rest on (`Ticker.defer`): whoever wakes learns of the time before it does anything.
    const first =
      this.#plan.leaseDriftPercent === undefined ? this.#chance.pick(['clock', 'arrivals'] as const) : 'clock';
    this.#cluster.time.after(this.#chance.between(1, 3 * electionTicks), () => {
      if (seat.life === life) this.#cluster.wake(seat, first);
    });
  }

  /** From all others, in one direction or both. */
  #isolate({ id }: Seat): void {
    const which = this.#chance.pick(['in', 'out', 'both']);
    for (const { id: other } of this.#cluster.seats) {
      if (which !== 'in') this.#blocked.add(`${id} ${other}`);
      if (which !== 'out') this.#blocked.add(`${other} ${id}`);
    }
    this.#cluster.time.after(this.#chance.between(electionTicks / 2, 4 * electionTicks), () => this.#blocked.clear());
  }

  #add(person: Person): void {
    const { calls } = person.client;
    if (calls.client === undefined || calls.pending >= underWayMax) return;
    this.#pending += 1;
    calls.propose(add(1), undefined, (outcome) => {
      this.#pending -= 1;
      if (outcome.kind === 'failed') {
        this.#violation('KnownErrors', `an increment of a session that is in use failed: ${outcome.error.message}`);
        return;
      }
      const sum = decodeSum(outcome.value.reply);
      this.#increments += 1;
      this.#told = Math.max(this.#told, sum);
      person.reads.saw(outcome.value.at);
      person.seen = Math.max(person.seen, sum);
    });
  }

  #read(person: Person, { life }: Seat): void {
    if (life === undefined || life.isAsleep) return;
    const { seen } = person;
    life.driver.read('sum', { consistency: 'session', session: person.reads }, (outcome) => {
      if (outcome.kind === 'failed') return;
      this.#reads += 1;
      if (outcome.value < seen) {
        this.#violation(
          'KnownLogOracle',
          `${life.driver.id} shows ${outcome.value} to a session that has seen ${seen}`,
        );
      }
      person.seen = Math.max(person.seen, outcome.value);
    });
  }

  /** A read that must show all that anybody had been told before it was asked for. */
  #readNow(consistency: Exclude<Consistency, 'session' | 'stale'>): void {
    const { life } = this.#victim();
    if (life === undefined) return;
    const told = this.#told;
    whenAwake(life, () =>
      life.driver.read('sum', { consistency }, (outcome) => {
        if (outcome.kind === 'failed') return;
        this.#reads += 1;
        if (consistency === 'lease') this.#leaseReads += 1;
        this.#told = Math.max(this.#told, outcome.value);
        if (outcome.value < told) {
          const text = `${life.driver.id} answers ${outcome.value} to a ${consistency} read, ${told} had been told before it`;
          this.#violation('KnownLogOracle', text);
        }
      }),
    );
  }

  #heal(): void {
    const cluster = this.#cluster;
    this.#blocked.clear();
    cluster.network.filter = () => true;
    cluster.mishap = () => noMishap;
    for (const seat of cluster.seats) {
      cluster.wake(seat, 'clock');
      if (seat.life === undefined) cluster.start(seat);
    }
    cluster.time.until(() => this.#pending === 0, 'every increment is answered');
  }

  #judge(): readonly number[] {
    const states = this.#cluster.converge();
    const sums = states.map(({ sum }) => sum);
    for (const sum of new Set(sums)) {
      if (sum !== this.#increments)
        this.#violation('KnownLogOracle', `${sum} stands for ${this.#increments} increments`);
    }
    const kinds = new Set(states.map(({ table }) => table)).size;
    if (kinds > 1) this.#violation('EqualHash', `${kinds} different tables of sessions on ${sums.length} members`);
    for (const { id, stopped } of this.#cluster.seats) {
      if (stopped !== undefined) this.#violation('FailStop', `${id} stopped itself`);
    }
    return sums;
  }

  /** What a life has counted, before it ends. */
  #note({ life }: Seat): void {
    if (life === undefined) return;
    this.#duplicates += life.machine.table.duplicates;
    this.#restored += life.driver.metrics.snapshots.restored;
    this.#leaderChanges += life.driver.metrics.leaderChanges;
  }

  #violation(checker: CheckerName, text: string): void {
    this.#violations.push({ checker, text });
  }
}

// Clients add 1 again and again, and read, while nodes are killed and answers are lost. What comes out is set beside what
// was asked for.

import { ReadSession } from '@kontiki/raft';
import { decodeAnswer, encodeRequest, type SessionAnswer } from '@kontiki/raft/sessions';
import { Chance } from '../core/chance.ts';
import { noMishap, type Seat, SessionCluster, type SessionClusterOptions, type TestClient } from './session-cluster.ts';
import { add, decodeSum } from './tally.ts';

export interface CountingOptions {
  readonly clients: number;
  readonly kills: number;
  readonly size?: number;
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
  readonly ticks: number;
}

export interface Violation {
  /** Named as the simulator's checkers are. */
  readonly checker: 'KnownLogOracle' | 'EqualHash' | 'KnownErrors' | 'FailStop';
  readonly text: string;
}

/** Commands that a client has under way at most, so that each has some and none has all. */
const underWayMax = 4;

export function count(
  seed: number,
  options: CountingOptions,
): { readonly figures: Figures; readonly violations: readonly Violation[] } {
  return new Counting(seed, options).play();
}

interface Person {
  readonly client: TestClient;
  readonly reads: ReadSession;
  /** The largest sum that was shown to it. */
  seen: number;
}

class Counting {
  readonly #chance: Chance;
  readonly #options: Required<Omit<CountingOptions, 'rules'>>;
  readonly #cluster: SessionCluster;
  readonly #people: readonly Person[];
  readonly #violations: Violation[] = [];
  #increments = 0;
  #pending = 0;
  #kills = 0;
  #reads = 0;
  #duplicates = 0;
  #restored = 0;
  #leaderChanges = 0;

  constructor(seed: number, { rules, ...options }: CountingOptions) {
    this.#chance = new Chance(seed);
    this.#options = { size: 3, ...options };
    this.#cluster = new SessionCluster({
      size: this.#options.size,
      settings: { snapshotEntries: 100, catchUpEntries: 20, timeoutTicks: 60 },
      limits: { idleTicks: 800 },
      ...(rules === undefined ? {} : { rules }),
    });
    this.#people = Array.from({ length: options.clients }, (_, n) => ({
      client: this.#cluster.client(`${seed} ${n}`).open(),
      reads: new ReadSession(),
      seen: 0,
    }));
  }

  play(): { readonly figures: Figures; readonly violations: readonly Violation[] } {
    const { kills } = this.#options;
    const departed = [1, 2, 3].map(() => this.#letDepart());
    this.#disturb();
    while (this.#kills < kills && this.#violations.length === 0) this.#turn();
    this.#heal();
    for (const copy of departed) this.#ask(copy);
    const sums = this.#judge();
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
      isRequestLost: chance.often(0.05),
      isRequestDoubled: chance.often(0.1),
      isAnswerLost: chance.often(0.1),
      delayTicks: chance.often(0.3) ? chance.below(20) : 0,
    });
    this.#cluster.network.filter = () => !chance.often(0.02);
  }

  #turn(): void {
    const chance = this.#chance;
    const cluster = this.#cluster;
    for (const person of this.#people) if (chance.often(0.04)) this.#add(person);
    if (chance.often(0.3)) this.#read(chance.pick(this.#people), chance.pick(cluster.seats));
    cluster.time.advance(1);
    const seat = chance.pick(cluster.seats);
    if (seat.life === undefined) {
      if (chance.often(0.2)) cluster.start(seat);
    } else if (chance.often(0.04) && cluster.running().length * 2 > cluster.seats.length) {
      this.#note(seat);
      cluster.kill(seat);
      this.#kills += 1;
    }
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
      this.#increments += 1;
      person.reads.saw(outcome.value.at);
      person.seen = Math.max(person.seen, decodeSum(outcome.value.reply));
    });
  }

  #read(person: Person, { life }: Seat): void {
    if (life === undefined) return;
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

  #heal(): void {
    const cluster = this.#cluster;
    cluster.network.filter = () => true;
    cluster.mishap = () => noMishap;
    for (const seat of cluster.seats) if (seat.life === undefined) cluster.start(seat);
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

  #violation(checker: Violation['checker'], text: string): void {
    this.#violations.push({ checker, text });
  }
}

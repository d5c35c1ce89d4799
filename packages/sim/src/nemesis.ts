// Decides at every tick whether something goes wrong, and what. It never takes more members away than the plan allows, and
// puts right in the end what it did.

import { Chance } from './chance.ts';
import type { Cluster, Seat } from './cluster.ts';
import { electionTicks, type FaultKind, type Plan } from './plan.ts';
import type { Trace } from './trace.ts';

const workTicks = 60;

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #plan: Plan;
  readonly #trace: Trace;
  readonly #chance: Chance;
  readonly counts: Partial<Record<FaultKind, number>> = {};
  /** What ends a fault, by the tick it is due at. */
  #due: { readonly at: number; readonly task: () => void }[] = [];

  constructor(cluster: Cluster, plan: Plan, trace: Trace) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#trace = trace;
    this.#chance = new Chance(plan.seed, 'nemesis');
  }

  step(): void {
    const { now } = this.#cluster.time;
    const due = this.#due.filter(({ at }) => at <= now);
    this.#due = this.#due.filter(({ at }) => at > now);
    for (const { task } of due) task();
    if (!this.#chance.oneIn(this.#plan.faultEvery)) return;
    const kind = this.#chance.pick(this.#plan.faults);
    if (this.#begin(kind)) this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** No more faults, and none that lasts. Members that are down stay down. */
  healAll(): void {
    this.#due = [];
    this.#cluster.areMessagesFaulty = false;
    this.#cluster.network.heal();
    this.#cluster.network.latency = { least: 0, most: 1 };
    for (const seat of this.#cluster.seats) {
      seat.syncTicks = 1;
      this.#cluster.wake(seat);
      // A write may have failed and its process not have noticed yet.
      if (seat.isBroken) this.#cluster.kill(seat, 'power');
      seat.isBroken = false;
    }
    this.#trace.say('all is healed');
  }

  #begin(kind: FaultKind): boolean {
    const cluster = this.#cluster;
    switch (kind) {
      case 'killProcess':
      case 'losePower':
        return this.#strike((seat) => this.#killAtWork(seat, kind === 'losePower' ? 'power' : 'process', workTicks));
      case 'stopInOrder':
        return this.#strike((seat) => {
          cluster.stop(seat, this.#chance.oneIn(2));
          this.#restartWithin(seat, 100);
        });
      case 'killEverybody':
        if (!this.#chance.oneIn(3)) return false;
        this.#killEverybodyAtWork(this.#chance.pick(['process', 'power']), workTicks);
        return true;
      case 'stall':
        return this.#strike((seat) => this.#sleep(seat, this.#chance.between(1, electionTicks)));
      case 'stallLong':
        return this.#strike((seat) => this.#sleep(seat, this.#chance.between(electionTicks, 500)));
      case 'cut':
        return this.#cut(this.#chance.pick(cluster.seats), this.#chance.pick(cluster.seats), 'both');
      case 'cutOneWay':
        return this.#cut(this.#chance.pick(cluster.seats), this.#chance.pick(cluster.seats), 'one');
      case 'isolate':
        return this.#isolate(this.#chance.pick(cluster.seats));
      case 'isolateLeader': {
        const leader = this.#leader();
        return leader !== undefined && this.#isolate(leader);
      }
      case 'reset': {
        const a = this.#chance.pick(cluster.seats);
        const b = this.#chance.pick(cluster.seats);
        cluster.network.reset(a.name, b.name);
        this.#trace.say(`reset ${a.name} ${b.name}`);
        return a !== b;
      }
      case 'slowDisk':
        return this.#slow(this.#chance.pick(cluster.seats));
      case 'breakDisk':
        return this.#strike((seat) => this.#break(seat));
      case 'moveLeader':
        return this.#move();
      case 'heal':
        cluster.network.heal();
        this.#trace.say('the network heals');
        return true;
    }
  }

  /** Takes a member away, if that leaves enough of them. */
  #strike(blow: (seat: Seat) => void): boolean {
    const up = this.#cluster.seats.filter(({ life }) => life !== undefined && !life.isAsleep && !life.isStopping);
    if (up.length === 0 || this.#cluster.seats.length - up.length >= this.#plan.downMax) return false;
    // Leaders have more to lose.
    const leader = this.#leader();
    const isLeader = leader?.life?.isAsleep === false && !leader.life.isStopping && this.#chance.oneIn(3);
    blow(isLeader && leader !== undefined ? leader : this.#chance.pick(up));
    return true;
  }

  #leader(): Seat | undefined {
    return this.#cluster.seats.find(({ life }) => life?.member?.status().isLeader === true);
  }

  /** Waits a while for a moment at which the disk has something to lose. */
  #killAtWork(seat: Seat, death: 'process' | 'power', ticksLeft: number): void {
    const { life } = seat;
    if (ticksLeft === 0 || isWriting(seat)) this.#kill(seat, death);
    else
      this.#later(1, () => {
        if (seat.life === life) this.#killAtWork(seat, death, ticksLeft - 1);
      });
  }

  #killEverybodyAtWork(death: 'process' | 'power', ticksLeft: number): void {
    const { seats } = this.#cluster;
    if (ticksLeft === 0 || seats.some(isWriting)) for (const seat of seats) this.#kill(seat, death);
    else this.#later(1, () => this.#killEverybodyAtWork(death, ticksLeft - 1));
  }

  #kill(seat: Seat, death: 'process' | 'power'): void {
    if (seat.life === undefined) return;
    this.#cluster.kill(seat, death);
    this.#restartWithin(seat, this.#chance.pick([1, 30, 200]));
  }

  #restartWithin(seat: Seat, ticks: number): void {
    const retry = (): void => {
      // An orderly stop may still be under way.
      if (seat.life?.isStopping === true) this.#later(50, retry);
      else this.#cluster.start(seat);
    };
    this.#later(this.#chance.between(1, ticks), retry);
  }

  #sleep(seat: Seat, ticks: number): void {
    this.#cluster.sleep(seat);
    this.#later(ticks, () => this.#cluster.wake(seat));
  }

  #cut(a: Seat, b: Seat, directions: 'one' | 'both'): boolean {
    if (a === b) return false;
    const { network } = this.#cluster;
    network.block(a.name, b.name);
    if (directions === 'both') network.block(b.name, a.name);
    if (this.#chance.oneIn(2)) network.reset(a.name, b.name);
    this.#trace.say(`cut ${a.name} ${b.name}, ${directions}`);
    return true;
  }

  #isolate(seat: Seat): boolean {
    const directions = this.#chance.pick(['in', 'out', 'both']);
    for (const { name } of this.#cluster.seats) {
      if (name === seat.name) continue;
      if (directions !== 'in') this.#cluster.network.block(seat.name, name);
      if (directions !== 'out') this.#cluster.network.block(name, seat.name);
    }
    this.#trace.say(`isolate ${seat.name}, ${directions}`);
    return true;
  }

  #slow(seat: Seat): boolean {
    seat.syncTicks = this.#chance.pick([5, 30, 100]);
    this.#trace.say(`the disk of ${seat.name} takes up to ${seat.syncTicks} ticks`);
    this.#later(this.#chance.between(10, 300), () => {
      seat.syncTicks = this.#plan.syncTicks;
    });
    return true;
  }

  #break(seat: Seat): void {
    if (seat.isBroken) return;
    this.#trace.say(`the disk of ${seat.name} breaks`);
    seat.isBroken = true;
    this.#later(this.#chance.between(5, 200), () => {
      seat.isBroken = false;
      // It may have begun and failed to write, and not noticed yet.
      if (seat.life !== undefined) this.#cluster.kill(seat, this.#chance.pick(['process', 'power']));
      this.#restartWithin(seat, 50);
    });
  }

  #move(): boolean {
    const leader = this.#leader()?.life;
    if (leader?.member === undefined || leader.isAsleep || leader.isStopping) return false;
    const target = this.#chance.pick(this.#cluster.seats).id;
    this.#trace.say(`leadership shall move to n${target}`);
    leader.member.moveLeader(target).then(
      () => this.#trace.say(`leadership moved to n${target}`),
      (error: unknown) => this.#trace.say(`leadership did not move: ${error instanceof Error ? error.message : ''}`),
    );
    return true;
  }

  #later(ticks: number, task: () => void): void {
    this.#due.push({ at: this.#cluster.time.now + ticks, task });
  }
}

/** Whether bytes of the log are on their way to the disk. */
function isWriting({ disk }: Seat): boolean {
  return disk.unsynced().some((unsynced) => unsynced.kind === 'sector' && unsynced.path.endsWith('.wal'));
}

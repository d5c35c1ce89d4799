// Faults as a seed draws them: at every tick it decides whether something goes wrong, and what, and when it is put right.
// It looks at the cluster to find what hurts, and never takes more members away than the plan allows. What it decides
// leaves as inputs; it does nothing itself.

import { Chance } from './chance.ts';
import type { Cluster } from './cluster.ts';
import type { FaultInput, InputOf } from './inputs.ts';
import { MemberChanges } from './member-changes.ts';
import { electionTicksOf, type FaultKind, type Plan } from './plan.ts';
import { isWriting, type Seat } from './seat.ts';

type Emit = (input: FaultInput) => boolean;

const workTicks = 60;
/** Within so many ticks of a moment at which there is more to lose. */
const soonTicks = 12;

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #emit: Emit;
  readonly #electionTicks: number;
  readonly #begin: Readonly<Record<FaultKind, () => void>>;
  /** What ends a fault, or waits for its moment, by the tick it is due at. */
  #due: { readonly at: number; readonly task: () => void }[] = [];
  /** Seats whose disk is at fault, until it is put right. */
  readonly #badDisks = new Set<Seat>();
  /** Whether processes die, or machines lose power, in this run at all: none, one or both. */
  readonly #deaths: readonly ('process' | 'power')[];
  /** Machines whose last process may have left in the page cache what is not on the disk. */
  readonly #doubtful = new Set<Seat>();
  /** Snapshots that each machine had stored when it was last looked at. */
  readonly #installs = new Map<Seat, number>();
  readonly #changes: MemberChanges;

  constructor(cluster: Cluster, emit: Emit) {
    this.#cluster = cluster;
    this.#plan = cluster.plan;
    this.#emit = emit;
    this.#electionTicks = electionTicksOf(cluster.plan);
    this.#chance = new Chance(cluster.plan.seed, 'nemesis');
    this.#changes = new MemberChanges({
      cluster,
      emit,
      later: (ticks, task) => this.#later(ticks, task),
      cutOff: (seat, directions) => this.#cutOff(seat, directions),
    });
    this.#begin = this.#faults();
    const { faults } = cluster.plan;
    this.#deaths = [
      ...(faults.includes('killProcess') ? (['process'] as const) : []),
      ...(faults.includes('losePower') ? (['power'] as const) : []),
    ];
    for (const seat of cluster.seats) this.#dieSoon(seat);
  }

  step(): void {
    const { now } = this.#cluster.time;
    if (this.#due.some(({ at }) => at <= now)) {
      const due = this.#due.filter(({ at }) => at <= now);
      this.#due = this.#due.filter(({ at }) => at > now);
      for (const { task } of due) task();
    }
    this.#watchInstalls();
    const isChanging = this.#changes.step();
    if (this.#chance.oneIn(this.#plan.faultEvery)) this.#begin[this.#chance.pick(this.#plan.faults)]();
    // Where changes are many, most are let through.
    else if (isChanging && this.#chance.oneIn(this.#plan.changeEvery > 0 ? 20 : 6))
      this.#begin[this.#chance.pick(duringChanges)]();
  }

  #faults(): Readonly<Record<FaultKind, () => void>> {
    const chance = this.#chance;
    const cluster = this.#cluster;
    const any = (): Seat => chance.pick(cluster.seats);
    const election = this.#electionTicks;
    return {
      killProcess: () => this.#strike((seat) => this.#killAtWork(seat, 'process', workTicks)),
      // Or its process dies first, and leaves what it has written to the next one.
      losePower: () => this.#strike((seat) => this.#killAtWork(seat, chance.oneIn(3) ? 'process' : 'power', workTicks)),
      stopInOrder: () =>
        this.#strike((seat) => {
          this.#emit({ kind: 'stop', seat: seat.name, handOver: chance.oneIn(2) });
          this.#startWithin(seat, election);
        }),
      killEverybody: () => {
        if (chance.oneIn(3)) this.#killEverybodyAtWork(chance.pick(['process', 'power']), workTicks);
      },
      stall: () => this.#strike((seat) => this.#sleep(seat, chance.between(1, election))),
      stallLong: () => this.#strike((seat) => this.#sleep(seat, chance.between(1, 5) * election)),
      cut: () => this.#cut('pair', this.#pair(true)),
      cutOneWay: () => this.#cut('oneWay', this.#pair(false)),
      isolate: () => this.#isolate(any()),
      isolateLeader: () => this.#isolate(cluster.leader ?? any()),
      figure8: () => this.#figure8(chance.between(2, 6), undefined),
      halves: () => this.#halves(undefined),
      bridge: () => this.#halves(any()),
      ring: () => this.#ring(),
      clog: () =>
        this.#betweenTwo((from, to) =>
          this.#emit({ kind: 'clog', from: from.name, to: to.name, ticks: chance.between(10, 3 * election) }),
        ),
      reset: () => this.#betweenTwo((from, to) => this.#emit({ kind: 'reset', from: from.name, to: to.name })),
      garble: () =>
        this.#betweenTwo((from, to) =>
          this.#emit({ kind: 'garble', from: from.name, to: to.name, draw: chance.below(1_000_000) }),
        ),
      slowDisk: () =>
        this.#hurtDisk(({ name }) => {
          this.#emit({ kind: 'slowDisk', seat: name, ticks: chance.pick([5, 30, election]) });
        }),
      stallDisk: () => this.#hurtDisk(({ name }) => void this.#emit({ kind: 'stallDisk', seat: name })),
      breakDisk: () => this.#strike((seat) => this.#break(seat)),
      rotDisk: () => {
        const damage = chance.pick(damages);
        const draw = chance.below(1_000_000);
        this.#spoil(2 * election, ({ name }) => this.#emit({ kind: 'rotDisk', seat: name, damage, draw }));
      },
      swapDisk: () => this.#spoil(10 * election, ({ name }) => this.#emit({ kind: 'swapDisk', seat: name })),
      drift: () => this.#emit({ kind: 'drift', seat: any().name, perMille: chance.between(-driftMax, driftMax) }),
      moveLeader: () => this.#moveLeader(any()),
      changeMembers: () => this.#changes.change(),
      replaceMember: () => this.#changes.replace(),
      heal: () => this.#emit({ kind: 'healNetwork' }),
    };
  }

  get #up(): readonly Seat[] {
    return this.#cluster.seats.filter(({ life }) => life !== undefined && !life.isAsleep && !life.isStopping);
  }

  /** Takes a member away, if that leaves enough of them. */
  #strike(blow: (seat: Seat) => void): void {
    const up = this.#up;
    if (up.length === 0 || this.#cluster.seats.length - up.length >= this.#plan.downMax) return;
    // Leaders have more to lose.
    const { leader } = this.#cluster;
    const isLeader = leader !== undefined && up.includes(leader) && this.#chance.oneIn(3);
    blow(isLeader ? leader : this.#chance.pick(up));
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
    const chance = this.#chance;
    const dark = death === 'power' && chance.oneIn(2);
    if (death === 'process' && this.#deaths.includes('power')) this.#doubtful.add(seat);
    else this.#doubtful.delete(seat);
    this.#emit({ kind: 'kill', seat: seat.name, death, keep: chance.pick([0, 30, 50, 70, 100]), dark });
    this.#startWithin(seat, chance.pick([1, 30, 2 * this.#electionTicks]));
  }

  #startWithin(seat: Seat, ticks: number): void {
    const retry = (): void => {
      // An orderly stop may still be under way, and a disk that is to be mended needs nobody on it.
      if (seat.life?.isStopping === true) this.#later(50, retry);
      else if (seat.life === undefined) {
        this.#emit({ kind: 'start', seat: seat.name });
        this.#dieSoon(seat);
      }
    };
    this.#later(this.#chance.between(1, ticks), retry);
  }

  /** Some who start die while they recover, or soon after: what they have read may not have been on the disk. */
  #dieSoon(seat: Seat): void {
    const chance = this.#chance;
    const isDoubtful = this.#doubtful.delete(seat);
    const deaths = isDoubtful ? (['power'] as const) : this.#deaths;
    if (deaths.length === 0 || !chance.oneIn(isDoubtful ? 2 : 10)) return;
    this.#later(chance.between(1, soonTicks), () => this.#strikeOne(seat, chance.pick(deaths)));
  }

  /** §7: a snapshot takes the place of a log, in several steps. Power may be lost between any two of them. */
  #watchInstalls(): void {
    const { installsStruck, flushTicks } = this.#plan;
    if (installsStruck === 0) return;
    for (const seat of this.#cluster.seats) {
      const { installs } = seat;
      if (installs === (this.#installs.get(seat) ?? 0)) continue;
      this.#installs.set(seat, installs);
      // First the log gives way, after a sync or two; then the rows of the snapshot take their time to be flushed.
      const wait = this.#chance.below(soonTicks + Math.ceil(flushTicks / 2));
      if (this.#chance.percent(installsStruck)) this.#later(wait, () => this.#strikeOne(seat, 'power'));
    }
  }

  #strikeOne(seat: Seat, death: 'process' | 'power'): void {
    const up = this.#up;
    if (up.includes(seat) && this.#cluster.seats.length - up.length < this.#plan.downMax) this.#kill(seat, death);
  }

  #sleep(seat: Seat, ticks: number): void {
    this.#emit({ kind: 'sleep', seat: seat.name });
    this.#later(ticks, () => this.#emit({ kind: 'wake', seat: seat.name }));
  }

  /** Members may have been removed until one is left. */
  #betweenTwo<T>(act: (a: Seat, b: Seat) => T): T | undefined {
    const { seats } = this.#cluster;
    if (seats.length < 2) return undefined;
    const a = this.#chance.pick(seats);
    return act(a, this.#chance.pick(seats.filter((seat) => seat !== a)));
  }

  #pair(isBoth: boolean): readonly string[] {
    return this.#betweenTwo((a, b) => (isBoth ? [link(a, b), link(b, a)] : [link(a, b)])) ?? [];
  }

  #cut(shape: InputOf<'cut'>['shape'], links: readonly string[]): void {
    if (links.length === 0) return;
    this.#emit({ kind: 'cut', shape, links: links.join(',') });
    this.#later(this.#chance.between(10, 4 * this.#electionTicks), () => this.#emit({ kind: 'healNetwork' }));
  }

  #isolate(seat: Seat): void {
    this.#cutOff(seat, this.#chance.pick(['in', 'out', 'both']));
  }

  #cutOff(seat: Seat, directions: 'in' | 'out' | 'both'): void {
    const others = this.#cluster.seats.filter((other) => other !== seat);
    this.#cut(
      'isolate',
      others.flatMap((other) => [
        ...(directions === 'in' ? [] : [link(seat, other)]),
        ...(directions === 'out' ? [] : [link(other, seat)]),
      ]),
    );
  }

  #moveLeader(to: Seat): void {
    this.#emit({ kind: 'moveLeader', to: to.name });
    if (this.#chance.oneIn(2)) this.#strikeHeir(to, this.#electionTicks);
  }

  /**
   * thesis §3.10: who is told to take over does not ask first whether it could win. If it is lost as a candidate, its term is
   * one that nobody else has heard of, and its leader hears of it by a reply.
   */
  #strikeHeir(heir: Seat, ticksLeft: number): void {
    const { life } = heir;
    if (ticksLeft === 0 || life === undefined || life.isAsleep) return;
    if (life.status?.role !== 'candidate') this.#later(1, () => this.#strikeHeir(heir, ticksLeft - 1));
    else if (this.#chance.oneIn(3)) this.#cutOff(heir, 'out');
    else this.#kill(heir, 'process');
  }

  /** §5.4.2, figure 8: whoever comes to lead is soon dead or cut off, and those who led before are back by then. */
  #figure8(rounds: number, last: Seat | undefined): void {
    const chance = this.#chance;
    const { leader } = this.#cluster;
    if (leader === undefined || leader === last) {
      if (rounds > 0) this.#later(1, () => this.#figure8(rounds - 1 / this.#electionTicks, last));
      return;
    }
    this.#later(chance.between(1, 8), () => {
      if (chance.oneIn(2)) {
        this.#cutOff(leader, 'both');
      } else {
        this.#strike(() => this.#kill(leader, chance.pick(['process', 'power'])));
      }
      this.#figure8(rounds - 1, leader);
    });
  }

  /** Two halves; with a bridge, one member talks to both. */
  #halves(bridge: Seat | undefined): void {
    const { seats } = this.#cluster;
    const left = new Set(seats.filter(() => this.#chance.oneIn(2)));
    const isOneWay = this.#chance.oneIn(4);
    const links = seats.flatMap((a) =>
      seats
        .filter((b) => a !== bridge && b !== bridge && left.has(a) !== left.has(b) && !(isOneWay && left.has(a)))
        .map((b) => link(a, b)),
    );
    this.#cut(bridge === undefined ? 'halves' : 'bridge', links);
  }

  /** Everybody talks to both neighbours only. */
  #ring(): void {
    const { seats } = this.#cluster;
    const { length } = seats;
    const isNear = (a: number, b: number): boolean => (a + 1) % length === b || (b + 1) % length === a;
    const far = seats.flatMap((a, at) => seats.filter((b, to) => a !== b && !isNear(at, to)).map((b) => link(a, b)));
    this.#cut('ring', far);
  }

  #hurtDisk(hurt: (seat: Seat) => void): void {
    const seat = this.#chance.pick(this.#cluster.seats);
    if (this.#badDisks.has(seat)) return;
    this.#badDisks.add(seat);
    hurt(seat);
    this.#later(this.#chance.between(10, 3 * this.#electionTicks), () => this.#mend(seat));
  }

  #mend(seat: Seat): void {
    this.#badDisks.delete(seat);
    this.#emit({ kind: 'mendDisk', seat: seat.name });
  }

  #break(seat: Seat): void {
    if (this.#badDisks.has(seat)) return;
    this.#badDisks.add(seat);
    this.#emit({
      kind: 'breakDisk',
      seat: seat.name,
      what: this.#chance.pick(['all', 'writes', 'syncs', 'aSync', 'aSync', 'reads', 'space']),
    });
    // Reads matter to those who start.
    if (this.#chance.oneIn(3)) this.#kill(seat, 'process');
    this.#later(this.#chance.between(5, 2 * this.#electionTicks), () => {
      const wasDown = seat.life === undefined;
      // It may have begun and failed to write, and not noticed yet.
      this.#kill(seat, this.#chance.pick(['process', 'power']));
      this.#mend(seat);
      // After a sync that failed, the page cache has what no later sync will write.
      if (wasDown) this.#doubtful.add(seat);
      this.#startWithin(seat, 50);
    });
  }

  /** Somebody dies, and something becomes of his disk before he comes back. */
  #spoil(ticks: number, spoil: (seat: Seat) => boolean): void {
    const { seats } = this.#cluster;
    const down = seats.filter(({ life }) => life === undefined);
    const act = (seat: Seat): void => {
      if (seat.life !== undefined || this.#badDisks.has(seat) || !spoil(seat)) return;
      this.#badDisks.add(seat);
      this.#startWithin(seat, 10);
      this.#later(this.#chance.between(20, ticks), () => {
        // An empty disk may run; the own one comes back to a machine that does not.
        if (seat.own !== undefined) this.#kill(seat, 'process');
        this.#mend(seat);
        this.#startWithin(seat, 10);
      });
    };
    if (down.length > 0) act(this.#chance.pick(down));
    else
      this.#strike((seat) => {
        this.#kill(seat, this.#chance.pick(['process', 'power']));
        act(seat);
      });
  }

  #later(ticks: number, task: () => void): void {
    this.#due.push({ at: this.#cluster.time.now + ticks, task });
  }
}

/** By how much a clock may differ from true time: within what leases are sold with. */
export const driftMax = 30;

const damages = ['flip', 'flip', 'zeros', 'elsewhere', 'unwritten', 'unwritten', 'gone', 'short', 'blank'] as const;

/** What may happen to a change of the members while it is under way. */
const duringChanges = ['isolateLeader', 'halves', 'cutOneWay', 'killProcess', 'losePower', 'stallLong'] as const;

function link(from: Seat, to: Seat): string {
  return `${from.name}>${to.name}`;
}

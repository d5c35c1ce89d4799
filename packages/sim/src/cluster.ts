// Members as processes on machines: starts, ends and pauses of processes, over disks, rows and a network that fail.

import type { RunningMember } from '@kontiki/member';
import type { Index, Raft } from '@kontiki/raft';
import type { VirtualTime } from '@kontiki/raft/memory';
import { WalCorruptError } from '@kontiki/wal';
import { ByteNetwork } from './byte-network.ts';
import { Chance } from './chance.ts';
import type { ReportViolation } from './checkers/names.ts';
import type { Observer } from './checkers/observer.ts';
import type { InputOf } from './inputs.ts';
import type { Marks } from './marks.ts';
import { observerOf, openSeat } from './opening.ts';
import type { Plan } from './plan.ts';
import type { Planted } from './planted.ts';
import { injure, mend } from './rot.ts';
import type { RulesBundle } from './rules.ts';
import { type Life, makeSeat, type Seat } from './seat.ts';
import type { Trace } from './trace.ts';

export interface ClusterParts {
  readonly plan: Plan;
  readonly planted: Planted;
  readonly rules: RulesBundle | undefined;
  readonly around: ((core: Raft) => Raft) | undefined;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly marks: Marks;
  readonly observer: Observer;
  readonly violation: ReportViolation;
}

export class Cluster {
  readonly time: VirtualTime;
  readonly network: ByteNetwork;
  readonly #all: Seat[];
  #seats: readonly Seat[] | undefined;
  #isAskedToChange = false;
  readonly plan: Plan;
  readonly #parts: ClusterParts;
  areMessagesFaulty = true;
  readonly counts = { starts: 0, tails: 0, installs: 0, sendsFailed: 0, segmentsDropped: 0, corruptions: 0 };
  #lives: readonly Life[] | undefined;

  constructor(parts: ClusterParts) {
    const { plan, time } = parts;
    this.plan = plan;
    this.#parts = parts;
    this.time = time;
    this.network = new ByteNetwork(time, plan.seed);
    this.network.latency = plan.latency;
    this.#all = Array.from({ length: plan.members }, (_, at) => makeSeat(BigInt(at + 1), plan, time));
  }

  /** Machines of members, of those that join, and of those that do not know yet that they are none any more. */
  get seats(): readonly Seat[] {
    this.#seats ??= this.#all.filter(({ isRetired }) => !isRetired);
    return this.#seats;
  }

  /** The lowest number that no member has had. */
  get nextId(): number {
    return this.#all.length + 1;
  }

  /** Whether others than those who began are members, or may be. */
  get hasChanged(): boolean {
    return this.#isAskedToChange || this.#all.some(({ isRetired, isJoiner }) => isRetired || isJoiner);
  }

  /** A change of the members is asked for: it may take effect at any time from now on, or never. */
  askedToChange(): void {
    this.#isAskedToChange = true;
  }

  /** A machine for a member that was added, or will be. */
  join(id: number): boolean {
    if (id !== this.nextId) return false;
    const seat = makeSeat(BigInt(id), this.plan, this.time, true);
    this.#all.push(seat);
    this.#seats = undefined;
    this.start(seat);
    return true;
  }

  /** The machine goes: it is no member any more. */
  retire(seat: Seat): void {
    if (seat.isRetired) return;
    this.#parts.trace.say(`${seat.name} is retired`);
    this.kill(seat, { death: 'process', keep: 0, dark: false });
    seat.isRetired = true;
    this.#seats = undefined;
  }

  /** The machine and its disk are gone. Not while another's place has not been given up, which would be one too many. */
  loseMachine(seat: Seat): boolean {
    if (this.lost.length > 0 || this.#hurt.length > 0) return false;
    this.#parts.trace.say(`${seat.name} is lost`);
    this.kill(seat, { death: 'power', keep: 0, dark: true });
    seat.isRetired = true;
    seat.isLost = true;
    this.#seats = undefined;
    return true;
  }

  /** Machines that are gone, of members that have not been removed yet, as far as can be known. */
  get lost(): readonly Seat[] {
    const lost = this.#all.filter(({ isLost }) => isLost);
    if (lost.length === 0) return lost;
    const members = this.leader?.life?.member?.members();
    return lost.filter(({ id }) => members === undefined || members.some((member) => member.id === id));
  }

  get lives(): readonly Life[] {
    this.#lives ??= this.seats.flatMap(({ life }) => life ?? []);
    return this.#lives;
  }

  /** Members that run and are awake. */
  get awake(): readonly RunningMember[] {
    return this.lives.flatMap(({ member, isAsleep, isStopping }) => (isAsleep || isStopping ? [] : (member ?? [])));
  }

  get leader(): Seat | undefined {
    let best: Seat | undefined;
    for (const seat of this.seats) {
      const status = seat.life?.status;
      if (status?.role === 'leader' && status.term > (best?.life?.status?.term ?? 0)) best = seat;
    }
    return best;
  }

  seat(name: string): Seat | undefined {
    return this.seats.find((seat) => seat.name === name);
  }

  lifeOf(member: RunningMember): Life | undefined {
    return this.lives.find((life) => life.member === member);
  }

  start(seat: Seat): void {
    if (seat.life !== undefined || seat.isRetired) return;
    const { plan, trace, observer } = this.#parts;
    seat.boot += 1;
    const life: Life = {
      boot: seat.boot,
      ticker: this.time.ticker(),
      member: undefined,
      status: undefined,
      isOver: false,
      isAsleep: false,
      arrivals: [],
      isStopping: false,
      whenOver: new Set(),
      heard: 0,
    };
    seat.life = life;
    this.#lives = undefined;
    this.counts.starts += 1;
    trace.say(`${seat.name} starts, boot ${seat.boot}`);
    const areMessagesFaulty = (): boolean => this.areMessagesFaulty;
    const { network, counts, seats: members } = this;
    openSeat(seat, life, { ...this.#parts, network, counts, members, areMessagesFaulty }, (outcome) => {
      if (life.isOver) return;
      if (outcome.kind === 'failed') {
        this.#failed(seat, life, outcome.error);
        return;
      }
      const member = outcome.value;
      life.member = member;
      // It has started in spite of the damage: nothing that it needs was hit.
      seat.injury = undefined;
      const { applied } = member.status();
      trace.say(`${seat.name} runs, applied ${applied}`);
      observerOf(seat, observer).opened(seat.node, applied as Index);
      // Strict checks count those that have said who they are.
      if (seat.chance.oneIn(2) || plan.isStrict) void member.publish();
      member.onRemoved(() => {
        trace.say(`${seat.name} knows that it was removed`);
        this.time.defer(() => {
          if (!life.isOver) this.retire(seat);
        });
      });
      member.onFailure((error) => this.#failed(seat, life, error));
      member.onLeaderChange((leader) => {
        trace.say(`${seat.name} follows ${leader} in term ${member.status().term}`);
      });
    });
  }

  /** The process is gone, at whatever it was. */
  kill(seat: Seat, { death, keep, dark }: Omit<InputOf<'kill'>, 'kind' | 'seat'>): void {
    const { life, chance } = seat;
    if (life === undefined) return;
    this.#parts.trace.say(`${seat.name} dies: ${death}`);
    this.#end(seat, life, death === 'power' ? 'powerLost' : 'killed');
    this.network.kill(seat.name, dark);
    if (death === 'process') {
      seat.disk.kill();
      // The kernel keeps what was written: everything that shows.
      seat.backend.crash(seat.unflushed);
    } else {
      seat.disk.crash(() => chance.percent(keep));
      seat.backend.crash(chance.below(seat.unflushed + 1));
    }
    seat.unflushed = 0;
  }

  sleep(seat: Seat): void {
    if (seat.life === undefined || seat.life.isAsleep) return;
    this.#parts.trace.say(`${seat.name} falls asleep`);
    seat.life.isAsleep = true;
    seat.life.ticker.stall();
  }

  wake(seat: Seat): void {
    if (seat.life?.isAsleep !== true) return;
    this.#parts.trace.say(`${seat.name} wakes up`);
    const { life } = seat;
    life.isAsleep = false;
    const arrivals = (): void => {
      for (const arrive of life.arrivals.splice(0)) arrive();
    };
    // A process that goes on may see its clients before its peers, and both before its clock.
    if (new Chance(this.plan.seed, `${seat.name} wakes at ${this.time.now}`).oneIn(2)) {
      life.ticker.resumeBehind(arrivals);
      return;
    }
    life.ticker.resume();
    arrivals();
  }

  /** Stops the member in order, as on SIGTERM. */
  stop(seat: Seat, handOver: boolean): void {
    const { life } = seat;
    if (life?.member === undefined || life.isStopping) return;
    const { trace, violation } = this.#parts;
    trace.say(`${seat.name} is told to stop`);
    life.isStopping = true;
    const stopped = (error: unknown): void => {
      if (life.isOver) return;
      trace.say(`${seat.name} has stopped`);
      if (error !== undefined && seat.broken === undefined) {
        violation('FailStop', `${seat.name} did not stop in order: ${String(error)}`);
      }
      this.#end(seat, life, 'stopped');
      this.network.kill(seat.name, false);
      seat.disk.kill();
      seat.backend.crash();
      seat.unflushed = 0;
    };
    life.member.stop({ handOver }).then(
      () => stopped(undefined),
      (error: unknown) => stopped(error ?? new Error('it rejected with nothing')),
    );
  }

  /** Nothing the disk was asked completes until it is mended. */
  stallDisk(seat: Seat): void {
    seat.stalled ??= [];
  }

  mendDisk(seat: Seat): void {
    const held = seat.stalled ?? [];
    seat.stalled = undefined;
    seat.broken = undefined;
    seat.syncTicks = this.plan.syncTicks;
    for (const task of held) seat.life?.ticker.defer(task);
    if (seat.own !== undefined && seat.life === undefined) {
      Object.assign(seat, seat.own);
      seat.own = undefined;
    }
    if (seat.injury === undefined) return;
    // Whoever is reading it now has seen something of the damage.
    this.kill(seat, { death: 'process', keep: 0, dark: false });
    mend(seat);
    seat.injury = undefined;
  }

  /** Whether anything was damaged: a majority of disks stays whole. */
  rotDisk(seat: Seat, input: InputOf<'rotDisk'>): boolean {
    if (!this.#mayHurt(seat)) return false;
    seat.injury = injure(seat, input);
    if (seat.injury === undefined) return false;
    this.#parts.trace.say(`${seat.name} has lost what it held in ${seat.injury.path} at ${seat.injury.offset}`);
    return true;
  }

  /** The machine comes back with nothing, as if its data directory had been removed. */
  swapDisk(seat: Seat): boolean {
    // Who has never met the member would take the empty disk for its own.
    const isKnown = this.seats.every((other) => other === seat || other.incarnations.known(seat.node) !== undefined);
    if (!isKnown || !this.#mayHurt(seat)) return false;
    const { disk, backend, incarnations, incarnation } = seat;
    seat.own = { disk, backend, incarnations, incarnation };
    Object.assign(seat, seat.newStorage(`an empty disk of ${seat.name}`));
    this.#parts.trace.say(`${seat.name} has an empty disk`);
    return true;
  }

  #mayHurt(seat: Seat): boolean {
    const hurt = this.#hurt;
    const isMinority = (hurt.length + 1) * 2 <= this.seats.length;
    return seat.life === undefined && !hurt.includes(seat) && isMinority && this.lost.length === 0;
  }

  get #hurt(): readonly Seat[] {
    return this.seats.filter(({ injury, own }) => injury !== undefined || own !== undefined);
  }

  #end(seat: Seat, life: Life, how: 'stopped' | 'killed' | 'powerLost'): void {
    life.isOver = true;
    seat.life = undefined;
    seat.stalled = seat.stalled === undefined ? undefined : [];
    this.#lives = undefined;
    observerOf(seat, this.#parts.observer).ended(seat.node, how);
    for (const over of [...life.whenOver]) over();
    life.whenOver.clear();
    life.ticker.stall();
  }

  /** The member stopped itself, or could not start: right on a broken disk, and wrong on any other. */
  #failed(seat: Seat, life: Life, error: Error): void {
    if (life.isOver) return;
    const { trace, marks, violation } = this.#parts;
    trace.say(`${seat.name} fails: ${error.message}`);
    if (error instanceof WalCorruptError) marks.hit(`wal ${error.damage.row}`);
    if (seat.injury !== undefined) this.counts.corruptions += 1;
    else if (seat.broken === undefined) {
      violation('FailStop', `${seat.name} stopped itself: ${error.stack ?? error.message}`);
    }
    // Within its own call it cannot die.
    this.time.defer(() => {
      if (!life.isOver) this.kill(seat, { death: 'process', keep: 0, dark: false });
    });
  }
}

// Changes of the members as a seed draws them: one or two at once, asked of anybody, of a leader that nobody hears, or for the
// leader itself; and machines that are lost for good, whose members are removed and replaced under a new id. Like the rest
// of the nemesis it looks at the cluster, and only says what shall be done.

import type { Configuration } from '@kontiki/raft';
import { Chance } from './chance.ts';
import type { Cluster } from './cluster.ts';
import type { FaultInput } from './inputs.ts';
import { electionTicksOf, type Plan } from './plan.ts';
import type { Seat } from './seat.ts';

export interface ChangeParts {
  readonly cluster: Cluster;
  readonly emit: (input: FaultInput) => boolean;
  readonly later: (ticks: number, task: () => void) => void;
  /** Cuts a seat off from all others, for a while. */
  readonly cutOff: (seat: Seat, directions: 'out' | 'both') => void;
}

/** How often the removal of a lost machine is asked for before everything is healed. */
const removalsMax = 12;
/** For so many ticks after its end a change counts as under way: C_new may be on a single disk. */
const settlingTicks = 4;

export class MemberChanges {
  readonly #parts: ChangeParts;
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #electionTicks: number;
  /** Up to here ids were asked for, whose machines are not there yet. */
  #asked = 0;
  #configuration: Configuration | undefined;
  #settled = 0;
  /** When the leader is told to go: so near the end of the faults that nobody comes to help before all is healed. */
  readonly #farewell: number;
  /** The leader that shall go alone. */
  #leaving: Seat | undefined;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
    this.#plan = parts.cluster.plan;
    this.#chance = new Chance(this.#plan.seed, 'member changes');
    this.#electionTicks = electionTicksOf(this.#plan);
    const { faults, ticks } = this.#plan;
    const ticksLeft = 2 * this.#electionTicks + this.#chance.between(60, 160);
    this.#farewell = faults.includes('changeMembers') ? ticks - ticksLeft : Number.POSITIVE_INFINITY;
  }

  /** At every tick. Answers whether a change is under way: that lasts for moments, in which much can be lost (thesis §4.3). */
  step(): boolean {
    const { cluster } = this.#parts;
    const { changeEvery } = this.#plan;
    if (cluster.time.now === this.#farewell - 4 * this.#electionTicks) this.#makeEven();
    if (cluster.time.now === this.#farewell) this.#sayFarewell();
    else if (changeEvery > 0 && this.#chance.oneIn(changeEvery)) this.change();
    const { leader } = cluster;
    const configuration = leader?.life?.status?.configuration;
    if (leader !== undefined && configuration !== undefined && configuration !== this.#configuration) {
      const wasJoint = (this.#configuration?.outgoing.length ?? 0) > 0;
      if (this.#configuration !== undefined) this.#settled = cluster.time.now + settlingTicks;
      this.#configuration = configuration;
      // thesis §4.2.2: it alone has C_new, and is none of its members.
      if (wasJoint && leader === this.#leaving) this.#parts.cutOff(leader, 'out');
    }
    return (configuration?.outgoing.length ?? 0) > 0 || cluster.time.now < this.#settled;
  }

  change(): void {
    const chance = this.#chance;
    const { leader } = this.#parts.cluster;
    if (leader !== undefined && chance.oneIn(4)) {
      // thesis §4.1: what it appends now will be cut off once another leads, and its configuration with it.
      this.#parts.cutOff(leader, 'both');
      this.#parts.later(chance.between(1, 4), () => this.#ask(() => leader, 1));
      return;
    }
    this.#ask(() => this.#anybody(), chance.oneIn(3) ? 2 : 1);
  }

  /** Of an odd number of voters the others can do without the one that shall go, and without its heir. */
  #makeEven(): void {
    const { leader, seats } = this.#parts.cluster;
    const voters = leader?.life?.status?.configuration.voters ?? [];
    if (leader === undefined || voters.length < 5 || voters.length % 2 === 0) return;
    const others = seats.filter((seat) => seat !== leader && voters.includes(seat.node));
    if (others.length === 0) return;
    this.#parts.emit({ kind: 'removeMember', seat: leader.name, id: Number(this.#chance.pick(others).id) });
  }

  /**
   * thesis §4.2.2: a leader that shall go manages that itself when those who might take over are gone, and for a moment it
   * alone has the configuration in which it is none of the members.
   */
  #sayFarewell(): void {
    const { cluster, emit } = this.#parts;
    const { leader, seats } = cluster;
    const voters = leader?.life?.status?.configuration.voters ?? [];
    if (leader === undefined || voters.length < 4 || voters.length % 2 > 0) return;
    const heir = heirOf(leader, seats);
    if (heir !== undefined) emit({ kind: 'kill', seat: heir.name, death: 'process', keep: 100, dark: false });
    this.#leaving = leader;
    emit({ kind: 'removeMember', seat: leader.name, id: Number(leader.id) });
  }

  /** A machine is lost with its disk. Its member is removed, and another takes its place (reliability of the whole, not of one). */
  replace(): void {
    const { cluster, emit, later } = this.#parts;
    const chance = this.#chance;
    const voters = cluster.leader?.life?.status?.configuration.voters ?? [];
    // Whatever is decided of them meanwhile, those that are left decide.
    if (voters.length < 4 || this.#plan.votersLeast < 3) return;
    const seat = chance.pick(cluster.seats);
    if (!emit({ kind: 'loseMachine', seat: seat.name })) return;
    const remove = (attempts: number): void => {
      const asked = this.#anybody();
      if (cluster.lost.length === 0) this.#add(this.#anybody, 1);
      else if (attempts < removalsMax) {
        if (asked !== undefined) emit({ kind: 'removeMember', seat: asked.name, id: Number(seat.id) });
        later(chance.between(1, 2) * this.#electionTicks, () => remove(attempts + 1));
      }
    };
    later(chance.between(1, 2 * this.#electionTicks), () => remove(0));
  }

  readonly #anybody = (): Seat | undefined => {
    const { seats } = this.#parts.cluster;
    const up = seats.filter(({ life }) => life?.member !== undefined && !life.isAsleep && !life.isStopping);
    return up.length === 0 ? undefined : this.#chance.pick(up);
  };

  /** One or two members less, down to as few as the plan allows, or more. */
  #ask(who: () => Seat | undefined, changes: number): void {
    const { cluster } = this.#parts;
    const voters = cluster.leader?.life?.status?.configuration.voters ?? [];
    const isFull = voters.length > this.#plan.members;
    if (voters.length - changes >= this.#plan.votersLeast && (isFull || this.#chance.oneIn(2))) {
      for (let at = 0; at < changes; at += 1) this.#remove(who);
    } else this.#add(who, changes);
  }

  #remove(who: () => Seat | undefined): void {
    const { cluster, emit, later } = this.#parts;
    const chance = this.#chance;
    const { seats, leader } = cluster;
    const asked = who();
    if (asked === undefined) return;
    const isLeader = leader !== undefined && chance.oneIn(3);
    if (isLeader && chance.oneIn(2)) {
      // thesis §4.2.2: where nobody takes over, it has to manage its own removal.
      const heir = heirOf(leader, seats);
      if (heir !== undefined && emit({ kind: 'sleep', seat: heir.name })) {
        later(3 * this.#electionTicks, () => emit({ kind: 'wake', seat: heir.name }));
      }
    }
    const seat = isLeader ? leader : chance.pick(seats);
    emit({ kind: 'removeMember', seat: asked.name, id: Number(seat.id) });
  }

  #add(who: () => Seat | undefined, changes: number): void {
    const { cluster, emit, later } = this.#parts;
    const chance = this.#chance;
    const strangers = this.#strangers();
    if (strangers.length > 0) {
      const asked = who();
      const { id } = chance.pick(strangers);
      if (asked !== undefined) emit({ kind: 'addMember', seat: asked.name, id: Number(id), learner: false });
      return;
    }
    const first = cluster.nextId;
    if (this.#asked >= first) return;
    const ids = [first, first + 1].slice(0, Math.min(changes, this.#plan.members + 2 - cluster.seats.length));
    // As in etcd, one learner at a time.
    const learner = ids.length === 1 && chance.oneIn(3);
    for (const id of ids) {
      const asked = who();
      if (asked === undefined) return;
      this.#asked = id;
      emit({ kind: 'addMember', seat: asked.name, id, learner });
    }
    later(chance.between(1, 60), () => {
      for (const id of ids) emit({ kind: 'join', id });
    });
    if (!learner) return;
    later(chance.between(1, 4) * this.#electionTicks, () => {
      const asked = this.#anybody();
      if (asked !== undefined) emit({ kind: 'promoteMember', seat: asked.name, id: first });
    });
  }

  /** Machines that wait for a membership which was refused, or lost with a leader. */
  #strangers(): readonly Seat[] {
    const { seats, leader } = this.#parts.cluster;
    const known = leader?.life?.status?.configuration.addresses.map(([id]) => id);
    return known === undefined ? [] : seats.filter(({ isJoiner, node }) => isJoiner && !known.includes(node));
  }
}

/** Who is furthest of the voters that follow: leadership will be offered to it. */
function heirOf({ life }: Seat, seats: readonly Seat[]): Seat | undefined {
  const status = life?.status;
  if (status?.role !== 'leader') return undefined;
  const { voters } = status.configuration;
  const [first] = status.progress.filter(([id]) => voters.includes(id)).sort(([, a], [, b]) => b.match - a.match);
  return seats.find(({ node }) => node === first?.[0]);
}

// What leaders owe their cluster, as far as time has to do with it: a deposed one resigns, a healthy one stays, and one that
// is asked hands over. All of it is Liveness: clients wait for nothing where it does not hold.

import { Chance } from './chance.ts';
import type { Cluster } from './cluster.ts';
import { electionTicksOf } from './plan.ts';
import type { Life, Seat } from './seat.ts';
import type { World } from './world.ts';

/** thesis §6.2: a leader that no majority answers resigns within an election timeout; then another may be elected. */
export class DeposedLeaders {
  readonly #cluster: Cluster;
  readonly #ticksMax: number;
  /** Since when each, awake, has led an old term. */
  readonly #since = new Map<Life, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#ticksMax = 2 * electionTicksOf(cluster.plan);
  }

  /** Looked at in every tick. Answers what is wrong. */
  look(now: number): string | undefined {
    const leads = ({ life }: Seat): boolean => life?.status?.role === 'leader';
    const leaders = this.#cluster.seats.filter(leads);
    if (leaders.length < 2) {
      this.#since.clear();
      return undefined;
    }
    const newest = Math.max(...leaders.map(({ life }) => life?.status?.term ?? 0));
    for (const { name, life } of leaders) {
      const term = life?.status?.term ?? newest;
      if (life === undefined || term === newest || life.isAsleep || life.isStopping) {
        if (life !== undefined) this.#since.delete(life);
        continue;
      }
      const since = this.#since.get(life) ?? now;
      this.#since.set(life, since);
      if (now - since > this.#ticksMax)
        return `${name} leads term ${term}, and for ${now - since} ticks another ${newest}`;
    }
    return undefined;
  }
}

/** §5.1: a leader that hears of a later term, be it by an answer, steps down; else whoever is in that term stays shut out. */
export class ShutOut {
  readonly #cluster: Cluster;
  readonly #ticksMax: number;
  /** Since when each, awake and within reach, has been in a later term than the one who leads. */
  readonly #since = new Map<Life, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    // A connection may have to be made anew.
    this.#ticksMax = 4 * electionTicksOf(cluster.plan) + 2 * reconnectTicks;
  }

  /** Looked at in every tick. Answers what is wrong. */
  look(now: number): string | undefined {
    const { leader, seats, network } = this.#cluster;
    const led = leader?.life?.status;
    if (leader === undefined || led === undefined || !isAtWork(leader)) {
      this.#since.clear();
      return undefined;
    }
    const { voters, outgoing, learners } = led.configuration;
    for (const seat of seats) {
      const { life, node, name } = seat;
      const term = life?.status?.term ?? 0;
      if (life === undefined || (term <= led.term && !this.#since.has(life))) continue;
      const isMember = [voters, outgoing, learners].some((part) => part.includes(node));
      const isInReach = network.isOpen(leader.name, name) && network.isOpen(name, leader.name);
      if (term <= led.term || !isMember || !isInReach || !isAtWork(seat)) {
        this.#since.delete(life);
        continue;
      }
      const since = this.#since.get(life) ?? now;
      this.#since.set(life, since);
      if (now - since > this.#ticksMax)
        return `${leader.name} leads term ${led.term}, and ${name} has been in term ${term} for ${now - since} ticks`;
    }
    return undefined;
  }
}

function isAtWork({ life }: Seat): boolean {
  return life?.member !== undefined && !life.isAsleep && !life.isStopping;
}

/** thesis §9.6, §4.2.3: a member that hears nobody for a while deposes nobody, neither meanwhile nor when it is back. */
export async function bearTheDeaf(world: World): Promise<void> {
  const { cluster, plan, trace } = world;
  const { leader } = cluster;
  const deaf = new Chance(plan.seed, 'deaf').pick(cluster.seats.filter((seat) => seat !== leader));
  const { term: before, configuration } = leader?.life?.status ?? {};
  // Two cannot do without each other.
  if ((configuration?.voters.length ?? 0) < 3) return;
  trace.say(`${deaf.name} hears nobody`);
  for (const { name } of cluster.seats) if (name !== deaf.name) cluster.network.block(name, deaf.name);
  const ticks = 3 * electionTicksOf(plan);
  for (let tick = 0; tick < 2 * ticks; tick++) {
    if (tick === ticks) cluster.network.heal();
    await world.pass();
    const now = cluster.leader;
    const term = now?.life?.status?.term;
    if (now === leader && term === before) continue;
    // A change that was asked for before, and whose outcome nobody was told, has removed it meanwhile (§6).
    if (leader?.isRetired === true) {
      cluster.network.heal();
      return;
    }
    const is = now === undefined ? 'nobody leads' : `${now.name} leads term ${term}`;
    world.fail('Liveness', `${leader?.name} led term ${before} until ${deaf.name} heard nobody; now ${is}`);
  }
}

/** thesis §3.10: among the healthy, the member that is chosen leads before anybody's election timer runs out. */
export async function handOver(world: World): Promise<void> {
  const { cluster, plan } = world;
  const { leader } = cluster;
  const voters = leader?.life?.status?.configuration.voters ?? [];
  const heirs = cluster.seats.filter((seat) => seat !== leader && voters.includes(seat.node));
  const heir = new Chance(plan.seed, 'heir').pick(heirs);
  // Who was cut off a moment ago is not dialled again at once, and needs the others' votes.
  for (let ticks = 0; ticks < reconnectTicks; ticks++) await world.pass();
  for (let ticks = 0; ticks < reconnectTicks && !follows(heir, leader); ticks++) await world.pass();
  // Catching up and a hand-over are half a dozen messages and three writes, each of which takes up to a tick.
  const ticksMax = Math.max(electionTicksOf(plan), 25);
  let told = 'nothing';
  const tell = (what: string): void => {
    told = what;
  };
  leader?.life?.member?.moveLeader(heir.id).then(
    () => tell('done'),
    (error: unknown) => tell(String(error)),
  );
  for (let ticks = 0; told !== 'done'; ticks++) {
    if (leader?.isRetired === true || heir.isRetired) return;
    if (ticks > ticksMax || told !== 'nothing') {
      world.fail('Liveness', `${leader?.name} is to hand over to ${heir.name}; after ${ticks} ticks it tells: ${told}`);
    }
    await world.pass();
  }
}

/** The longest wait between two attempts to dial, and a handshake. */
const reconnectTicks = 60;

function follows({ life }: Seat, leader: Seat | undefined): boolean {
  const [own, its] = [life?.status, leader?.life?.status];
  return own !== undefined && own.leader === leader?.node && own.last.index === its?.last.index;
}

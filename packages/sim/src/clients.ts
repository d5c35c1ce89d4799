// Clients as a seed draws them: writers, readers, holders of leases, and those that compact, each with one call at a time
// and some ticks to think between two.

import type { CallOutcome } from './calls.ts';
import { counterKey } from './calls.ts';
import { Chance } from './chance.ts';
import type { Cluster } from './cluster.ts';
import type { CallInput } from './inputs.ts';
import type { Plan } from './plan.ts';

/** Nobody can tell in which of all orders so many writes of one key may have had an effect, of which nothing is known. */
const doubtsMax = 6;

const hotKeys = ['hot/a', 'hot/b', 'hot/c', 'hot/d'];

export class Client {
  readonly #name: string;
  readonly #number: number;
  readonly #plan: Plan;
  readonly #chance: Chance;
  /** When it makes its next call; undefined while one is open. */
  #due: number | undefined;
  /** The lease this client holds now. */
  #lease: number | undefined;
  #leases = 0;
  /** Writes of hot keys that were given up, or refused. */
  #doubts = 0;
  /** Ids of leases that are known to have ended: to be granted anew. */
  readonly #ended: number[] = [];

  constructor(number: number, plan: Plan) {
    this.#name = `c${number}`;
    this.#number = number;
    this.#plan = plan;
    this.#chance = new Chance(plan.seed, this.#name);
    this.#due = this.#chance.between(1, plan.thinkTicks);
  }

  /** What it asks for at this tick, if anything. */
  next(cluster: Cluster): CallInput | undefined {
    const { now } = cluster.time;
    if (this.#due === undefined || this.#due > now) return undefined;
    const { lives } = cluster;
    // Who stands still looks to clients like anybody else; most of them have gone elsewhere by then.
    const isAsked = (isAsleep: boolean): boolean => !isAsleep || this.#chance.oneIn(3);
    const open = lives.filter(
      ({ member, isAsleep, isStopping }) => member !== undefined && !isStopping && isAsked(isAsleep),
    );
    if (open.length === 0) {
      this.#think(now);
      return undefined;
    }
    this.#due = undefined;
    const name = this.#chance.pick(open).member?.identity.name ?? '';
    return this.#draw({ client: this.#name, seat: name, patience: this.#patience() });
  }

  answered(input: CallInput, outcome: CallOutcome, now: number): void {
    this.#think(now);
    if (outcome === 'nothing' && 'key' in input && input.kind !== 'read' && hotKeys.includes(input.key))
      this.#doubts += 1;
    if (outcome === 'noLease' && 'lease' in input) {
      if (this.#lease === input.lease) this.#lease = undefined;
      this.#ended.push(input.lease);
    }
    if (input.kind === 'grant' && outcome === 'acknowledged') this.#lease = input.lease;
  }

  #think(now: number): void {
    const ticks = this.#livesByLeases ? Math.ceil(this.#plan.thinkTicks / 2) : this.#plan.thinkTicks;
    this.#due = now + this.#chance.between(1, ticks);
  }

  /** One of them cares for leases above all: what goes wrong with those, goes wrong in moments. */
  get #livesByLeases(): boolean {
    return this.#number === 1;
  }

  #draw(call: Pick<CallInput, 'client' | 'seat' | 'patience'>): CallInput {
    const chance = this.#chance;
    if (this.#livesByLeases && chance.percent(70)) return this.#hold(call);
    if (chance.percent(this.#plan.readShare))
      return { kind: 'read', ...call, key: chance.pick([...hotKeys, counterKey]) };
    const draw = chance.below(100);
    if (draw < 25) return { kind: 'put', ...call, key: 'unique/#', bytes: this.#bytes(), lease: 0 };
    if (draw < 45) return { kind: 'put', ...call, key: this.#hotKey(), bytes: this.#bytes(), lease: 0 };
    if (draw < 60) return { kind: 'count', ...call };
    if (draw < 65 && this.#doubts < doubtsMax) return { kind: 'delete', ...call, key: chance.pick(hotKeys) };
    if (draw < 77) return { kind: 'read', ...call, key: chance.pick([...hotKeys, counterKey]) };
    if (draw < 78) return { kind: 'readAll', ...call };
    if (draw < 95) return this.#hold(call);
    // What a compaction may forget and what it must keep differ most where something was deleted.
    if (draw < 97) return { kind: 'compact', ...call, behind: chance.between(5, 60), deletion: chance.oneIn(2) };
    return { kind: 'hash', ...call, behind: chance.below(5) };
  }

  /** One step in the life of a lease: grant, attach, keep alive, ask, or give it up. */
  #hold(call: Pick<CallInput, 'client' | 'seat' | 'patience'>): CallInput {
    const chance = this.#chance;
    const lease = this.#lease;
    if (lease === undefined) {
      this.#leases += 1;
      const id = this.#ended.pop() ?? this.#number * 1000 + this.#leases;
      return { kind: 'grant', ...call, lease: id, ttl: chance.between(1, 4) };
    }
    const draw = chance.below(10);
    if (draw < 4) {
      // Now and then a key leaves its lease.
      const hold = chance.oneIn(5) ? 0 : lease;
      return { kind: 'put', ...call, key: `leased/${lease}/${chance.below(4)}`, bytes: this.#bytes(), lease: hold };
    }
    if (draw < 8) return { kind: 'keepAlive', ...call, lease };
    if (draw < 9) return { kind: 'timeToLive', ...call, lease };
    this.#lease = undefined;
    // Given up for good, or left to its end.
    return chance.oneIn(2) ? { kind: 'revoke', ...call, lease } : { kind: 'timeToLive', ...call, lease };
  }

  #hotKey(): string {
    const key = this.#chance.pick(hotKeys);
    return this.#doubts < doubtsMax ? key : 'unique/#';
  }

  #bytes(): number {
    return this.#chance.between(0, this.#plan.valueBytes);
  }

  /** Some wait for longer than the member does, some hardly at all. */
  #patience(): number {
    const draw = this.#chance.below(10);
    return draw === 0 ? this.#chance.between(1, 30) : draw === 1 ? 250 : 45;
  }
}

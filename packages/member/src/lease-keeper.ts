// The leader's duty towards leases: it alone counts their time, and what it finds expired it proposes to revoke, through the
// log. On a member that does not lead, nothing here runs (etcd-io/etcd#12528: a deposed leader must not expire a lease).

import type { LeaseClock } from '@kontiki/kv';
import type { MemberRules } from './rules.ts';

export interface LeaseKeeperOptions {
  readonly rules: MemberRules;
  readonly clock: LeaseClock;
  readonly ticksPerSecond: number;
  /** Proposes the expiry of one lease, fenced by the term. Answers whether it is in the log; else it comes up again. */
  readonly expire: (id: bigint, term: number) => boolean;
}

/** etcd's rate: no more revocations a second than this, so that a crowd of leases cannot fill the log. */
const expiriesPerSecondMax = 1000;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #term: number | undefined;
  /** An entry of this term was applied: the store is not older than what others knew when they voted (§5.4.1). */
  #isCurrent = false;
  /**
   * Expiries that stand in the log. This leadership does not lose them, so none is proposed twice: the second would end
   * a lease that was granted anew between the two.
   */
  readonly #proposed = new Set<bigint>();
  /**
   * Leases that a command of this leadership, in the log and not applied yet, ends or grants, in the order of their entries.
   * What the clock says of them is of a life that may be over when an expiry behind that command is applied.
   */
  readonly #touched = new Map<bigint, number>();
  /** Expiries still allowed, refilled with time. */
  #allowance = 0;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Every TTL starts anew, so that a change of leader can only lengthen a lease. */
  lead(term: number, leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    this.follow();
    this.#term = term;
    this.#promote(leases);
  }

  follow(): void {
    this.#term = undefined;
    this.#isCurrent = false;
    this.#proposed.clear();
    this.#touched.clear();
    this.#options.clock.demote();
  }

  /** A command that ends or grants this lease is in the log of this leadership, at `index`. */
  touched(id: bigint, index: number): void {
    this.#touched.delete(id);
    this.#touched.set(id, index);
  }

  granted(id: bigint, ttl: number): void {
    this.#proposed.delete(id);
    this.#options.clock.granted(id, ttl);
  }

  ended(id: bigint): void {
    this.#proposed.delete(id);
    this.#options.clock.revoked(id);
  }

  /** Everything up to this entry was applied. */
  passed({ term, index }: { readonly term: number; readonly index: number }): void {
    if (term === this.#term) this.#isCurrent = true;
    for (const [id, at] of this.#touched) {
      if (at > index) return;
      this.#touched.delete(id);
    }
  }

  /** Another state is there. It may come after leadership: a voter is as good as its log, not as its store. */
  restored(leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    if (this.#term !== undefined) this.#promote(leases);
  }

  #promote(leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    const { clock, rules } = this.#options;
    clock.promote([...leases].map(({ id, ttl }) => ({ id, ttl: rules.ttlOfNewLeader(ttl) })));
  }

  advance(ticks: number): void {
    const { clock, ticksPerSecond } = this.#options;
    clock.advance(ticks);
    if (this.#term === undefined || !this.#isCurrent) return;
    this.#allowance = Math.min(expiriesPerSecondMax, this.#allowance + (ticks * expiriesPerSecondMax) / ticksPerSecond);
    for (const id of clock.expired(Math.floor(this.#allowance))) {
      if (this.#proposed.has(id) || this.#touched.has(id)) continue;
      this.#allowance--;
      if (this.#options.expire(id, this.#term)) this.#proposed.add(id);
    }
  }
}

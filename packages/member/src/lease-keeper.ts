// The leader's duty towards leases: it alone counts their time, and what it finds expired it proposes to revoke, through the
// log. On a member that does not lead, nothing here runs (etcd-io/etcd#12528: a deposed leader must not expire a lease).

import type { LeaseClock } from '@kontiki/kv';

export interface LeaseKeeperOptions {
  readonly clock: LeaseClock;
  readonly ticksPerSecond: number;
  /** Proposes the expiry of one lease, fenced by the term. A lost proposal comes up again by itself. */
  readonly expire: (id: bigint, term: number) => void;
}

/** etcd's rate: no more revocations a second than this, so that a crowd of leases cannot fill the log. */
const expiriesPerSecondMax = 1000;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #term: number | undefined;
  /** Expiries still allowed, refilled with time. */
  #allowance = 0;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Every TTL starts anew, so that a change of leader can only lengthen a lease. */
  lead(term: number, leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    this.#term = term;
    this.#options.clock.promote(leases);
  }

  /** Another state is there. It may come after leadership: a voter is as good as its log, not as its store (§5.4.1). */
  restored(leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    if (this.#term !== undefined) this.#options.clock.promote(leases);
  }

  follow(): void {
    this.#term = undefined;
    this.#options.clock.demote();
  }

  advance(ticks: number): void {
    const { clock, ticksPerSecond } = this.#options;
    clock.advance(ticks);
    if (this.#term === undefined) return;
    this.#allowance = Math.min(expiriesPerSecondMax, this.#allowance + (ticks * expiriesPerSecondMax) / ticksPerSecond);
    for (const id of clock.expired(Math.floor(this.#allowance))) {
      this.#allowance--;
      this.#options.expire(id, this.#term);
    }
  }
}

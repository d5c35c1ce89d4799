// The leader's view of when leases end. None of it is replicated: a new leader starts every TTL anew, so a change of leader
// can only lengthen a lease. Expiry here is an opinion; it becomes fact when the revocation has gone through the log.

import { assert } from './invariant.ts';

export interface LeaseClockOptions {
  readonly ticksPerSecond: number;
  /** An expired lease that is still there after so many ticks is offered again: its revocation may have been lost. */
  readonly retryTicks: number;
}

const heapSlack = 64;

interface Running {
  readonly id: bigint;
  readonly ttlTicks: number;
  readonly ttl: number;
  deadline: number;
  /** Under which its entry stands in the heap; never later than when it has to be looked at. */
  queuedFor: number;
  revoked: boolean;
}

export class LeaseClock {
  readonly #ticksPerSecond: number;
  readonly #retryTicks: number;
  #now = 0;
  #leading = false;
  readonly #leases = new Map<bigint, Running>();
  /** Binary heap by `queuedFor`; a renewal leaves its entry where it is, to be moved when it comes up. */
  #heap: Running[] = [];

  constructor(options: LeaseClockOptions) {
    assert(options.ticksPerSecond > 0 && options.retryTicks > 0, 'a lease clock needs ticks');
    this.#ticksPerSecond = options.ticksPerSecond;
    this.#retryTicks = options.retryTicks;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** All elapsed ticks, also those in which the process stood still. */
  advance(ticks: number): void {
    this.#now += ticks;
  }

  /** This member leads: every lease of the store starts anew. */
  promote(leases: Iterable<{ readonly id: bigint; readonly ttl: number }>): void {
    this.demote();
    this.#leading = true;
    for (const { id, ttl } of leases) this.granted(id, ttl);
  }

  demote(): void {
    this.#leading = false;
    this.#leases.clear();
    this.#heap = [];
  }

  /** A grant was applied. Without effect unless leading, as `revoked`. */
  granted(id: bigint, ttl: number): void {
    if (!this.#leading) return;
    this.revoked(id);
    const ttlTicks = ttl * this.#ticksPerSecond;
    const deadline = this.#now + ttlTicks;
    const lease: Running = { id, ttl, ttlTicks, deadline, queuedFor: deadline, revoked: false };
    this.#leases.set(id, lease);
    this.#push(lease);
  }

  revoked(id: bigint): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.revoked = true;
    this.#leases.delete(id);
    if (this.#heap.length > 2 * this.#leases.size + heapSlack) this.#forgetRevoked();
  }

  /** The TTL in seconds that begins now; undefined for a lease that is unknown or already expired. */
  renew(id: bigint): number | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.deadline <= this.#now) return undefined;
    lease.deadline = this.#now + lease.ttlTicks;
    return lease.ttl;
  }

  /** In ticks, 0 when expired; undefined for an unknown lease. */
  remaining(id: bigint): number | undefined {
    const lease = this.#leases.get(id);
    return lease === undefined ? undefined : Math.max(0, lease.deadline - this.#now);
  }

  /** All ids, the one that ends first at the front. */
  byExpiry(): bigint[] {
    return [...this.#leases.values()]
      .sort((left, right) => left.deadline - right.deadline || (left.id < right.id ? -1 : 1))
      .map((lease) => lease.id);
  }

  /** At most `max` leases whose time is over and which were not offered within the last `retryTicks`. */
  expired(max: number): bigint[] {
    const ids: bigint[] = [];
    while (ids.length < max) {
      const lease = this.#heap[0];
      if (lease === undefined || lease.queuedFor > this.#now) break;
      if (lease.revoked) {
        this.#pop();
        continue;
      }
      if (lease.deadline <= this.#now) {
        ids.push(lease.id);
        lease.queuedFor = this.#now + this.#retryTicks;
      } else {
        lease.queuedFor = lease.deadline;
      }
      this.#sink(0);
    }
    return ids;
  }

  /** Long leases that were given back early would otherwise stay in the heap until their time. */
  #forgetRevoked(): void {
    this.#heap = this.#heap.filter((lease) => !lease.revoked).sort((left, right) => left.queuedFor - right.queuedFor);
  }

  #push(lease: Running): void {
    let at = this.#heap.push(lease) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfLater(parent, at)) return;
      at = parent;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      const child = this.#isLater(left, right) ? right : left;
      if (!this.#swapIfLater(at, child)) return;
      at = child;
    }
  }

  #isLater(first: number, second: number): boolean {
    const a = this.#heap[first];
    const b = this.#heap[second];
    return a !== undefined && b !== undefined && a.queuedFor > b.queuedFor;
  }

  #swapIfLater(upper: number, lower: number): boolean {
    const a = this.#heap[upper];
    const b = this.#heap[lower];
    if (a === undefined || b === undefined || a.queuedFor <= b.queuedFor) return false;
    this.#heap[upper] = b;
    this.#heap[lower] = a;
    return true;
  }
}

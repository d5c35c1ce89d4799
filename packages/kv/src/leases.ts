// The replicated half of leases: which exist, with what TTL, and which keys hang on them. Nothing here knows time; the
// clock that decides expiry is the leader's alone (`lease-clock.ts`).

import type { Key } from './api.ts';
import { varintOfInt64 } from './bytes.ts';

export interface Lease {
  readonly id: bigint;
  /** As granted, in seconds. */
  readonly ttl: number;
  readonly keys: Set<Key>;
  /** The id as it stands in every attached row. */
  readonly varint: Uint8Array;
}

export class LeaseTable {
  readonly #leases = new Map<bigint, Lease>();

  get size(): number {
    return this.#leases.size;
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  grant(id: bigint, ttl: number): Lease {
    const lease: Lease = { id, ttl, keys: new Set(), varint: varintOfInt64(id) };
    this.#leases.set(id, lease);
    return lease;
  }

  remove(id: bigint): void {
    this.#leases.delete(id);
  }

  /** In the order of their ids, the same on every member. */
  list(): Lease[] {
    return [...this.#leases.values()].sort((left, right) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0));
  }
}

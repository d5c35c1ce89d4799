// From stored rows and leases back to what lives in memory. Used when a store opens and when a snapshot is installed; either
// everything can be read, or nothing is taken over.

import { StoreFormatError } from './invariant.ts';
import { KeyHistory } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import { decodeKeyValue } from './key-value.ts';
import { type Lease, LeaseTable } from './leases.ts';
import { decodeLease, parseLeaseName, parseRecordName, type StoreState } from './meta.ts';
import { parseRowName } from './row.ts';

export interface Loaded {
  readonly index: KeyIndex;
  readonly leases: LeaseTable;
  readonly records: Map<string, Uint8Array>;
}

/** Calls back with everything there is, in the order of the names. */
export type Visitor = (visit: (name: Uint8Array, value: Uint8Array) => void) => void;

export interface Stored {
  readonly leases: Visitor;
  readonly records: Visitor;
  readonly rows: Visitor;
}

export function load(state: StoreState, stored: Stored): Loaded {
  const leases = new LeaseTable();
  stored.leases((name, value) => {
    leases.grant(parseLeaseName(name), decodeLease(value));
  });
  const records = new Map<string, Uint8Array>();
  stored.records((name, value) => {
    // A copy, because a record stays when the bytes around it could go.
    records.set(parseRecordName(name), value.slice());
  });

  const histories = new Map<string, KeyHistory>();
  const attached = new Map<KeyHistory, bigint>();
  stored.rows((name, value) => {
    const { main, sub, tombstone } = parseRowName(name);
    if (main > state.revision) {
      throw new StoreFormatError(`a stored row has revision ${main}, the store has only reached ${state.revision}`);
    }
    const kv = decodeKeyValue(value);
    let history = histories.get(kv.key);
    if (history === undefined) {
      history = new KeyHistory(kv.key);
      histories.set(kv.key, history);
    }
    history.load(main, sub, tombstone, kv.createRevision, kv.version);
    if (kv.lease === 0n) attached.delete(history);
    else attached.set(history, kv.lease);
  });

  for (const [history, id] of attached) attach(history, leases.get(id), id);
  return { index: KeyIndex.of([...histories.values()]), leases, records };
}

function attach(history: KeyHistory, lease: Lease | undefined, id: bigint): void {
  if (lease === undefined) throw new StoreFormatError(`a key hangs on lease ${id}, which is not stored`);
  history.lease = lease;
  lease.keys.add(history.key);
}

// What clients were promised: every call with what was known when it began and what it was answered. From it follow the
// bounds of each answer, and which commands may, must or must not be in the history.

import { decodeUtf8, encodeUtf8 } from '@kontiki/transport';
import type { ReportViolation } from './checkers/names.ts';
import type { Change, Oracle } from './oracle.ts';

export interface Call {
  readonly id: number;
  readonly what: string;
  readonly began: number;
  /** The newest revision that somebody had been told of by then: no linearizable answer may be older (thesis §6.4). */
  readonly told: number;
  /** The newest revision applied anywhere by then: a write that began later has a higher one. */
  readonly applied: number;
  state: 'open' | 'acknowledged' | 'failed' | 'unknown';
  revision: number | undefined;
}

interface Lease {
  readonly ttlTicks: number;
  readonly grantedAt: number;
  /** Nobody may see it expired before. */
  aliveUntil: number;
  isRevoked: boolean;
}

export class Ledger {
  readonly #now: () => number;
  readonly #violation: ReportViolation;
  /** Per mille by which clocks may differ from true time. */
  readonly #driftPerMille: number;
  readonly #calls = new Map<number, Call>();
  readonly #leases = new Map<bigint, Lease>();
  /** Where in the history each command was seen. */
  readonly #seen = new Map<number, number>();
  /** Acknowledged at a revision that is not known yet. */
  #early: Call[] = [];
  #ids = 0;
  #told = 1;

  constructor(now: () => number, violation: ReportViolation, driftPerMille: number) {
    this.#now = now;
    this.#driftPerMille = driftPerMille;
    this.#violation = violation;
  }

  get told(): number {
    return this.#told;
  }

  counts(): Readonly<Record<Call['state'], number>> {
    const counts = { open: 0, acknowledged: 0, failed: 0, unknown: 0 };
    for (const { state } of this.#calls.values()) counts[state] += 1;
    return counts;
  }

  begin(what: string, oracle: Oracle): Call {
    this.#ids += 1;
    const began = this.#now();
    const call: Call = {
      id: this.#ids,
      what,
      began,
      told: this.#told,
      applied: oracle.revision,
      state: 'open',
      revision: undefined,
    };
    this.#calls.set(call.id, call);
    return call;
  }

  /** The client was told that its write is revision `revision`. */
  wrote(call: Call, revision: number): void {
    this.#settle(call, 'acknowledged');
    call.revision = revision;
    if (revision <= call.applied) {
      this.#violation(
        'KnownLogOracle',
        `${name(call)} was acknowledged as revision ${revision}, which was there before it began`,
      );
    }
    this.#tell(revision);
    this.#early.push(call);
  }

  /** The client was told the state at a revision, or that its write changed nothing there. */
  read(call: Call, revision: number): void {
    this.#settle(call, 'acknowledged');
    if (revision < call.told) {
      this.#violation(
        'KnownLogOracle',
        `${name(call)} answered revision ${revision}; ${call.told} had been told before it began`,
      );
    }
    this.#tell(revision);
  }

  /** The client was told something that has no place in the history. */
  answered(call: Call): void {
    this.#settle(call, 'acknowledged');
  }

  /** The client was told that nothing happened. */
  failed(call: Call): void {
    this.#settle(call, 'failed');
    const revision = this.#seen.get(call.id);
    if (revision !== undefined)
      this.#violation('KnownLogOracle', `${name(call)} failed for certain and is revision ${revision}`);
  }

  /** Nobody knows: it may happen yet. An answer may still come. */
  unknown(call: Call): void {
    if (call.state === 'open') call.state = 'unknown';
  }

  /** Where in the history the write of this call is, as far as it was heard. */
  revisionOf(id: number): number | undefined {
    return this.#seen.get(id);
  }

  learned(revision: number, changes: readonly Change[]): void {
    for (const { decoded, before, type } of changes) {
      if (type === 'delete' && before !== undefined && before.lease !== 0n) this.#ended(before.lease, revision);
      if (decoded === undefined) continue;
      const id = commandOf(decoded.value);
      const call = this.#calls.get(id);
      const other = this.#seen.get(id);
      if (call === undefined) {
        this.#violation('KnownLogOracle', `revision ${revision} holds a command that nobody has given`);
        continue;
      }
      if (other !== undefined && other !== revision) {
        this.#violation('KnownLogOracle', `${name(call)} was applied twice: revisions ${other} and ${revision}`);
      }
      this.#seen.set(id, revision);
      if (call.state === 'failed')
        this.#violation('KnownLogOracle', `${name(call)} failed for certain and is revision ${revision}`);
    }
  }

  /** After every member was heard: an acknowledged write is in the history, at its revision. */
  check(oracle: Oracle): void {
    this.#early = this.#early.filter((call) => {
      const { revision = 0 } = call;
      if (revision > oracle.revision) return true;
      const isThere = call.what.startsWith('delete')
        ? oracle.changesOf(revision).some(({ type, key }) => type === 'delete' && call.what.endsWith(` ${key}`))
        : this.#seen.get(call.id) === revision;
      if (!isThere)
        this.#violation('KnownLogOracle', `${name(call)} was acknowledged as revision ${revision} and is not there`);
      return false;
    });
  }

  /** Everything acknowledged was seen by now. */
  close(): void {
    for (const call of this.#early) {
      this.#violation(
        'KnownLogOracle',
        `${name(call)} was acknowledged as revision ${call.revision}, which nobody has`,
      );
    }
  }

  /** `revision`: of the store that granted it; what ended by then was a former life of the same id. */
  granted(id: bigint, { ttl, began, revision }: { ttl: number; began: number; revision: number }): void {
    const ttlTicks = Math.floor((ttl * (1000 - this.#driftPerMille)) / 1000);
    this.#leases.set(id, { ttlTicks, aliveUntil: began + ttlTicks, grantedAt: revision, isRevoked: false });
  }

  /** A keep-alive that began at `began` was answered with a time to live. */
  keptAlive(id: bigint, began: number): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.aliveUntil = Math.max(lease.aliveUntil, began + lease.ttlTicks);
  }

  /** A client has asked for its end, whatever the answer. */
  revoking(id: bigint): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.isRevoked = true;
  }

  /** A client was told that there is no such lease. */
  foundNoLease(id: bigint): void {
    this.#ended(id, undefined);
  }

  #ended(id: bigint, revision: number | undefined): void {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.isRevoked || this.#now() >= lease.aliveUntil) return;
    if (revision !== undefined && revision <= lease.grantedAt) return;
    const where = revision === undefined ? '' : ` at revision ${revision}`;
    this.#violation(
      'LeaseNotEarly',
      `lease ${id} ended at tick ${this.#now()}${where}, it was alive until ${lease.aliveUntil}`,
    );
  }

  #settle(call: Call, state: 'acknowledged' | 'failed'): void {
    if (call.state === 'acknowledged' || call.state === 'failed') {
      this.#violation('KnownLogOracle', `${name(call)} was answered twice: ${call.state}, then ${state}`);
    }
    call.state = state;
  }

  #tell(revision: number): void {
    this.#told = Math.max(this.#told, revision);
  }
}

/** Values begin with the number of their command. */
export function valueFor(call: Call, rest: string): Uint8Array {
  return encodeUtf8(`${call.id};${rest}`);
}

export function commandOf(value: Uint8Array): number {
  let id = 0;
  for (const byte of value) {
    if (byte === 0x3b) break;
    id = id * 10 + byte - 48;
  }
  return id;
}

export function textOf(value: Uint8Array): string {
  return decodeUtf8(value) ?? '';
}

function name(call: Call): string {
  return `call ${call.id} (${call.what}, begun at tick ${call.began})`;
}

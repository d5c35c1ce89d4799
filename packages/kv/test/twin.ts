// The store as a dumb model: a full copy of all pairs for every revision, nothing shared, nothing clever. What it answers is
// what `Store` must answer, in the form of `plain.ts`.

import type {
  Compare,
  DeleteRangeRequest,
  Operation,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '@kontiki/kv';
import { type PlainPair, type PlainResult, textOf } from './plain.ts';

type Pairs = ReadonlyMap<string, PlainPair>;
export interface PlainEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly pair: PlainPair | undefined;
  readonly before: PlainPair | undefined;
}

class Refused extends Error {}

/** The state within one operation. */
interface Draft {
  pairs: Map<string, PlainPair>;
  readonly events: PlainEvent[];
}

export class Twin {
  revision = 1;
  compactRevision = -1;
  readonly history: Pairs[] = [new Map(), new Map()];
  readonly events: PlainEvent[][] = [[], []];
  readonly leases = new Map<bigint, number>();

  apply(operation: Operation): PlainResult {
    try {
      return this.#apply(operation);
    } catch (error) {
      if (error instanceof Refused) return { error: error.message };
      throw error;
    }
  }

  range(request: RangeRequest): PlainResult {
    try {
      return this.#range(this.#draft(), request);
    } catch (error) {
      if (error instanceof Refused) return { error: error.message };
      throw error;
    }
  }

  keysOf(lease: bigint): string[] {
    return [...this.now].filter(([, pair]) => pair.lease === lease).map(([key]) => key);
  }

  /** What a finished compaction leaves: all writes from its revision on, and the pairs that were written before it. */
  rowCount(): number {
    const from = Math.max(this.compactRevision, 0);
    const before = [...(this.history[from]?.values() ?? [])].filter((pair) => pair.mod < from);
    return before.length + this.events.slice(from).flat().length;
  }

  get now(): Pairs {
    return this.history[this.revision] ?? new Map();
  }

  #draft(): Draft {
    return { pairs: new Map(this.now), events: [] };
  }

  #apply(operation: Operation): PlainResult {
    const draft = this.#draft();
    switch (operation.kind) {
      case 'put':
        this.#checkLease(operation);
        this.#checkPresent(operation);
        return this.#end(draft, this.#put(draft, operation));
      case 'deleteRange':
        return this.#end(draft, this.#deleteRange(draft, operation));
      case 'txn': {
        this.#checkTxn(operation);
        const branch = this.#branch(operation);
        const result = this.#end(draft, {
          responses: this.#run(draft, branch.operations),
          succeeded: branch.succeeded,
        });
        return { ...result, revision: this.revision };
      }
      case 'compact':
        if (operation.revision <= this.compactRevision) throw new Refused('compacted');
        if (operation.revision > this.revision) throw new Refused('futureRevision');
        this.compactRevision = operation.revision;
        return { revision: this.revision };
      case 'leaseGrant':
        if (operation.ttl > 9_000_000_000) throw new Refused('leaseTtlTooLarge');
        if (this.leases.has(operation.id)) throw new Refused('leaseExists');
        this.leases.set(operation.id, operation.ttl);
        return { revision: this.revision, id: operation.id, ttl: operation.ttl };
      case 'leaseRevoke':
        if (!this.leases.has(operation.id)) throw new Refused('leaseNotFound');
        for (const key of this.keysOf(operation.id).sort(byteOrder)) this.#delete(draft, key);
        this.leases.delete(operation.id);
        this.#end(draft, {});
        return { revision: this.revision };
      default:
        return { revision: this.revision };
    }
  }

  #end(draft: Draft, result: PlainResult): PlainResult {
    if (draft.events.length > 0) {
      this.revision++;
      this.history[this.revision] = draft.pairs;
      this.events[this.revision] = draft.events;
    }
    return result;
  }

  #revisionIn(draft: Draft): number {
    return draft.events.length > 0 ? this.revision + 1 : this.revision;
  }

  #put(draft: Draft, request: PutRequest): PlainResult {
    const before = draft.pairs.get(request.key);
    const revision = this.revision + 1;
    const pair: PlainPair = {
      key: request.key,
      create: before?.create ?? revision,
      mod: revision,
      version: (before?.version ?? 0) + 1,
      value: request.ignoreValue ? (before?.value ?? '') : textOf(request.value),
      lease: request.ignoreLease ? (before?.lease ?? 0n) : request.lease,
    };
    draft.pairs.set(request.key, pair);
    // A creation has nothing before it, even if its own transaction has just deleted the key's last life.
    const prior = pair.create === revision ? undefined : this.now.get(request.key);
    draft.events.push({ type: 'put', key: request.key, revision, pair, before: prior });
    return { revision, prevKv: request.prevKv ? before : undefined };
  }

  #delete(draft: Draft, key: string): void {
    draft.pairs.delete(key);
    const revision = this.revision + 1;
    draft.events.push({ type: 'delete', key, revision, pair: undefined, before: this.now.get(key) });
  }

  #deleteRange(draft: Draft, request: DeleteRangeRequest): PlainResult {
    const found = select(draft.pairs, request.key, request.rangeEnd);
    for (const { key } of found) this.#delete(draft, key);
    return { revision: this.#revisionIn(draft), deleted: found.length, prevKvs: request.prevKv ? found : [] };
  }

  #range(draft: Draft, request: RangeRequest): PlainResult {
    const current = this.#revisionIn(draft);
    if (request.revision > current) throw new Refused('futureRevision');
    if (request.revision > 0 && request.revision < this.compactRevision) throw new Refused('compacted');
    const latest = request.revision <= 0 || request.revision === current;
    const all = select(
      latest ? draft.pairs : (this.history[request.revision] ?? new Map()),
      request.key,
      request.rangeEnd,
    );
    const { minModRevision: minMod, maxModRevision: maxMod } = request;
    const { minCreateRevision: minCreate, maxCreateRevision: maxCreate } = request;
    const filtered = minMod + maxMod + minCreate + maxCreate > 0;
    if (request.countOnly) return { revision: current, kvs: [], more: false, count: all.length };
    let pairs = all;
    if (request.limit > 0 && !filtered && request.sortOrder === 'none') pairs = pairs.slice(0, request.limit + 1);
    if (maxMod !== 0) pairs = pairs.filter((pair) => pair.mod <= maxMod);
    if (minMod !== 0) pairs = pairs.filter((pair) => pair.mod >= minMod);
    if (maxCreate !== 0) pairs = pairs.filter((pair) => pair.create <= maxCreate);
    if (minCreate !== 0) pairs = pairs.filter((pair) => pair.create >= minCreate);
    const field = { key: 'key', version: 'version', create: 'create', mod: 'mod', value: 'value' } as const;
    const by = field[request.sortTarget];
    const sign = request.sortOrder === 'descend' ? -1 : 1;
    pairs = [...pairs].sort((a, b) => sign * (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0));
    const more = request.limit > 0 && pairs.length > request.limit;
    if (more) pairs = pairs.slice(0, request.limit);
    if (request.keysOnly) pairs = pairs.map((pair) => ({ ...pair, value: '' }));
    return { revision: current, kvs: pairs, more, count: all.length };
  }

  #branch(request: TxnRequest): { readonly succeeded: boolean; readonly operations: readonly RequestOp[] } {
    const succeeded = request.compare.every((compare) => this.#holds(compare));
    return { succeeded, operations: succeeded ? request.success : request.failure };
  }

  #holds(compare: Compare): boolean {
    const found = select(this.now, compare.key, compare.rangeEnd);
    if (found.length === 0 && compare.target === 'value') return false;
    const zero: PlainPair = { key: '', create: 0, mod: 0, version: 0, value: '', lease: 0n };
    return (found.length === 0 ? [zero] : found).every((pair) => {
      const operand = compare.target === 'value' ? textOf(compare.operand) : compare.operand;
      const actual = pair[compare.target];
      const order = actual < operand ? -1 : actual > operand ? 1 : 0;
      return { equal: order === 0, notEqual: order !== 0, greater: order > 0, less: order < 0 }[compare.result];
    });
  }

  #checkTxn(request: TxnRequest): void {
    for (const operation of this.#branch(request).operations) {
      if (operation.kind === 'empty') throw new Refused('keyNotFound');
      if (operation.kind === 'txn') this.#checkTxn(operation);
      if (operation.kind === 'put') {
        this.#checkPresent(operation);
        this.#checkLease(operation);
      }
      if (operation.kind === 'range' && operation.revision !== 0) {
        if (operation.revision > this.revision) throw new Refused('futureRevision');
        if (operation.revision < this.compactRevision) throw new Refused('compacted');
      }
    }
  }

  /** Branches are chosen from the state before the transaction, which `now` is until the end. */
  #run(draft: Draft, operations: readonly RequestOp[]): PlainResult[] {
    return operations.map((operation) => {
      if (operation.kind === 'put') return this.#put(draft, operation);
      if (operation.kind === 'deleteRange') return this.#deleteRange(draft, operation);
      if (operation.kind === 'range') return this.#range(draft, operation);
      if (operation.kind === 'empty') throw new Error('was checked');
      const branch = this.#branch(operation);
      return { responses: this.#run(draft, branch.operations), succeeded: branch.succeeded, revision: 0 };
    });
  }

  #checkLease(request: PutRequest): void {
    if (request.lease !== 0n && !this.leases.has(request.lease)) throw new Refused('leaseNotFound');
  }

  #checkPresent(request: PutRequest): void {
    if ((request.ignoreValue || request.ignoreLease) && !this.now.has(request.key)) throw new Refused('keyNotFound');
  }
}

function byteOrder(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function select(pairs: Pairs, key: string, rangeEnd: string): PlainPair[] {
  return [...pairs.values()]
    .filter((pair) =>
      rangeEnd === '' ? pair.key === key : pair.key >= key && (rangeEnd === '\0' || pair.key < rangeEnd),
    )
    .sort((left, right) => byteOrder(left.key, right.key));
}

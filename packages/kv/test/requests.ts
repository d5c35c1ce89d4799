// Requests for tests: short forms with everything else at its default, and random ones from a seeded draw.

import type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  Operation,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '@kontiki/kv';
import { type Draw, rangeOf as range } from '@kontiki/kv/testing';
import { bytesOf } from './plain.ts';

export { range };

export function put(key: string, value: string, more: Partial<PutRequest> = {}): PutRequest {
  const defaults = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
  return { kind: 'put', key, value: bytesOf(value), ...defaults, ...more };
}

export function del(key: string, rangeEnd: string = '', prevKv: boolean = false): DeleteRangeRequest {
  return { kind: 'deleteRange', key, rangeEnd, prevKv };
}

export function txn(
  compare: readonly Compare[],
  success: readonly RequestOp[],
  failure: readonly RequestOp[] = [],
): TxnRequest {
  return { kind: 'txn', compare, success, failure };
}

/** Few keys, so that they meet; some at the edges of byte order. */
const keys = ['\0', 'a', 'a\0', 'aa', 'ab', 'b', 'c', 'c/1', 'c/2', 'd', '\x7f', '\xff', '\xff\xff'] as const;
const leases = [0n, 0n, 0n, 1n, 2n, 3n, -5n, 2n ** 62n] as const;

export class RequestDraw {
  readonly #draw: Draw;
  /** Around which revisions are drawn. */
  revision = 1;
  #values = 0;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  operation(): Operation {
    const dice = this.#draw.below(100);
    if (dice < 40) return this.put();
    if (dice < 55) return this.deleteRange();
    if (dice < 75) return this.txn(2);
    if (dice < 80) return { kind: 'compact', revision: this.#someRevision() };
    if (dice < 88) return { kind: 'leaseGrant', id: this.#someLease(), ttl: 1 + this.#draw.below(100) };
    if (dice < 95) return { kind: 'leaseRevoke', id: this.#someLease() };
    return { kind: 'none' };
  }

  put(): PutRequest {
    const ignoreValue = this.#draw.oneIn(8);
    const ignoreLease = this.#draw.oneIn(8);
    return put(this.#key(), ignoreValue ? '' : this.#value(), {
      lease: ignoreLease ? 0n : this.#pick(leases),
      prevKv: this.#draw.oneIn(3),
      ignoreValue,
      ignoreLease,
    });
  }

  deleteRange(): DeleteRangeRequest {
    return del(this.#key(), this.#rangeEnd(), this.#draw.oneIn(2));
  }

  range(): RangeRequest {
    const some = (): number => (this.#draw.oneIn(4) ? this.#someRevision() : 0);
    return range(this.#key(), this.#rangeEnd(), {
      limit: this.#draw.oneIn(2) ? this.#draw.below(4) : 0,
      revision: this.#draw.oneIn(2) ? this.#someRevision() - 2 : 0,
      sortTarget: this.#pick(['key', 'key', 'version', 'create', 'mod', 'value']),
      sortOrder: this.#pick(['none', 'none', 'ascend', 'descend']),
      keysOnly: this.#draw.oneIn(4),
      countOnly: this.#draw.oneIn(6),
      minModRevision: some(),
      maxModRevision: some(),
      minCreateRevision: some(),
      maxCreateRevision: some(),
    });
  }

  txn(depth: number): TxnRequest {
    const list = <T>(lengthMax: number, next: () => T): T[] =>
      Array.from({ length: this.#draw.below(lengthMax) }, next);
    return txn(
      list(3, () => this.#compare()),
      list(4, () => this.#requestOp(depth)),
      list(4, () => this.#requestOp(depth)),
    );
  }

  readOnlyTxn(): TxnRequest {
    return txn([this.#compare()], [this.range(), this.range()], [this.range()]);
  }

  #requestOp(depth: number): RequestOp {
    const dice = this.#draw.below(20);
    if (dice < 8) return this.put();
    if (dice < 12) return this.deleteRange();
    if (dice < 17 || depth === 0) return this.#draw.oneIn(2) ? range(this.#key(), this.#rangeEnd()) : this.range();
    return this.txn(depth - 1);
  }

  #compare(): Compare {
    const key = this.#key();
    const rangeEnd = this.#draw.oneIn(3) ? this.#rangeEnd() : '';
    const result = this.#pick<CompareResult>(['equal', 'greater', 'less', 'notEqual']);
    const target = this.#pick(['version', 'create', 'mod', 'value', 'lease'] as const);
    if (target === 'value') return { key, rangeEnd, result, target, operand: bytesOf(`v${this.#draw.below(20)}`) };
    if (target === 'lease') return { key, rangeEnd, result, target, operand: this.#pick(leases) };
    const operand = target === 'version' ? this.#draw.below(3) : this.#draw.oneIn(3) ? 0 : this.#someRevision();
    return { key, rangeEnd, result, target, operand };
  }

  #key(): string {
    return this.#pick(keys);
  }

  #rangeEnd(): string {
    return this.#draw.oneIn(2) ? '' : this.#draw.oneIn(3) ? '\0' : this.#key();
  }

  #value(): string {
    return this.#draw.oneIn(6) ? '' : `v${this.#values++}`;
  }

  #someLease(): bigint {
    return this.#pick(leases.filter((id) => id !== 0n));
  }

  /** Mostly in the past, sometimes one too far. */
  #someRevision(): number {
    return Math.max(0, this.revision + 2 - this.#draw.below(Math.min(this.revision + 3, 30)));
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#draw.below(from.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }
}

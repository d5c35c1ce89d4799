/**
 * Random steps, drawn from a seed and from what the model knows. Two kinds of request are never made because they crash
 * etcd 3.4.23 itself: an unknown sort target, and a put with ignore_value or ignore_lease in a transaction that also
 * deletes by from-key.
 */

import { create } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  type Compare,
  Compare_CompareResult,
  type Compare_CompareTarget,
  CompareSchema,
  type DeleteRangeRequest,
  DeleteRangeRequestSchema,
  HashKVRequestSchema,
  KV,
  Lease,
  LeaseGrantRequestSchema,
  LeaseLeasesRequestSchema,
  LeaseRevokeRequestSchema,
  LeaseTimeToLiveRequestSchema,
  Maintenance,
  type PutRequest,
  PutRequestSchema,
  type RangeRequest,
  type RangeRequest_SortOrder,
  type RangeRequest_SortTarget,
  RangeRequestSchema,
  type RequestOp,
  RequestOpSchema,
  type TxnRequest,
  TxnRequestSchema,
  type WatchCreateRequest_FilterType,
  WatchCreateRequestSchema,
} from '@kontiki/etcd-proto';
import { randomKey, randomRange } from './keys.ts';
import type { Model, ModelStream } from './model.ts';
import type { Random } from './random.ts';
import { type Step, unaryCall } from './steps.ts';

export const int64Max: bigint = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);
const streamsMax = 6;
const watchersMax = 8;
const leasesMax = 12;
/** Lease ids up to here are the client's choice; servers choose from all positive 64-bit numbers. */
const clientLeaseMax = 1_000_000n;
/** Long enough that nothing random expires during a run. */
const ttls = [3600n, 86_400n, 9_000_000_000n];

/** The wire carries any number where an enum is expected; so do these requests. */
export function enumValue<E extends number>(value: number): E {
  return value as E;
}

export class Generator {
  readonly #random: Random;
  readonly #model: Model;
  #streamsMade = 0;

  constructor(random: Random, model: Model) {
    this.#random = random;
    this.#model = model;
  }

  next(): Step {
    return this.#random.weighted<() => Step>([
      [26, () => this.#call(unaryCall(KV.method.range, this.#range()))],
      [20, () => this.#call(unaryCall(KV.method.put, this.#put()))],
      [8, () => this.#call(unaryCall(KV.method.deleteRange, this.#deleteRange()))],
      [20, () => this.#call(unaryCall(KV.method.txn, this.#txn()))],
      [1.2, () => this.#compaction()],
      [1.5, () => this.#hashKv()],
      [3, () => this.#leaseGrant()],
      [1.5, () => this.#leaseRevoke()],
      [2, () => this.#leaseTimeToLive()],
      [0.7, () => this.#call(unaryCall(Lease.method.leaseLeases, create(LeaseLeasesRequestSchema)))],
      [1.5, () => this.#keepAlive()],
      [1, () => this.#openStream()],
      [0.6, () => this.#closeStream()],
      [5, () => this.#watch()],
      [2.5, () => this.#cancel()],
      [1, () => this.#progress()],
      [0.3, () => ({ kind: 'emptyWatchRequest', stream: this.#someStream()?.[0] ?? this.#streamsMade })],
    ])();
  }

  /** A stream number that was never used. */
  freshStream(): number {
    this.#streamsMade += 1;
    return this.#streamsMade;
  }

  member(): number {
    return this.#random.below(60);
  }

  #call(call: Extract<Step, { kind: 'call' }>['call']): Step {
    return { kind: 'call', at: this.member(), call };
  }

  #range(): RangeRequest {
    const random = this.#random;
    const filter = (): bigint => (random.chance(0.08) ? this.#revision() : 0n);
    return create(RangeRequestSchema, {
      ...(random.chance(0.015) ? { rangeEnd: randomKey(random) } : randomRange(random)),
      limit: random.chance(0.4) ? random.pick([1n, 2n, 3n, 5n, 100n, -1n, int64Max]) : 0n,
      revision: random.chance(0.35) ? this.#revision() : 0n,
      sortOrder: random.chance(0.35) ? enumValue<RangeRequest_SortOrder>(random.pick([1, 2])) : 0,
      sortTarget: random.chance(0.35) ? enumValue<RangeRequest_SortTarget>(random.below(5)) : 0,
      serializable: random.chance(0.2),
      keysOnly: random.chance(0.15),
      countOnly: random.chance(0.1),
      minModRevision: filter(),
      maxModRevision: filter(),
      minCreateRevision: filter(),
      maxCreateRevision: filter(),
    });
  }

  #put(): PutRequest {
    const random = this.#random;
    const [ignoreValue, ignoreLease] = [random.chance(0.12), random.chance(0.12)];
    return create(PutRequestSchema, {
      key: random.chance(0.01) ? new Uint8Array() : randomKey(random),
      value: ignoreValue && !random.chance(0.1) ? new Uint8Array() : this.#value(),
      lease: ignoreLease && !random.chance(0.1) ? 0n : random.chance(0.3) ? this.#lease() : 0n,
      prevKv: random.chance(0.3),
      ignoreValue,
      ignoreLease,
    });
  }

  #deleteRange(): DeleteRangeRequest {
    const random = this.#random;
    // Mostly single keys, lest the store be empty all the time.
    const range = random.chance(0.7) ? { key: randomKey(random) } : randomRange(random);
    return create(DeleteRangeRequestSchema, {
      ...(random.chance(0.01) ? {} : range),
      prevKv: random.chance(0.4),
    });
  }

  #txn(depth = 0): TxnRequest {
    const random = this.#random;
    const operations = (): RequestOp[] => Array.from({ length: random.below(4) }, () => this.#operation(depth));
    const txn = create(TxnRequestSchema, {
      compare: Array.from({ length: random.below(3) }, () => this.#compare()),
      success: operations(),
      failure: operations(),
    });
    if (depth === 0 && deletesFromKey(txn)) ignoreNothing(txn);
    return txn;
  }

  #operation(depth: number): RequestOp {
    const random = this.#random;
    return random.weighted<() => RequestOp>([
      [35, () => create(RequestOpSchema, { request: { case: 'requestRange', value: this.#range() } })],
      [40, () => create(RequestOpSchema, { request: { case: 'requestPut', value: this.#put() } })],
      [15, () => create(RequestOpSchema, { request: { case: 'requestDeleteRange', value: this.#deleteRange() } })],
      [
        depth < 3 ? 12 : 0,
        () => create(RequestOpSchema, { request: { case: 'requestTxn', value: this.#txn(depth + 1) } }),
      ],
      [0.7, () => create(RequestOpSchema)],
    ])();
  }

  #compare(): Compare {
    const random = this.#random;
    const union = random.pick(['version', 'createRevision', 'modRevision', 'value', 'lease', undefined] as const);
    const targets = { version: 0, createRevision: 1, modRevision: 2, value: 3, lease: 4 };
    const targetUnion = this.#comparand(union);
    // Ids that a server chose are equal or not; which is the greater says nothing.
    const isChosenId = targetUnion.case === 'lease' && targetUnion.value > clientLeaseMax;
    const results = isChosenId ? [Compare_CompareResult.EQUAL, Compare_CompareResult.NOT_EQUAL] : [0, 1, 2, 3];
    return create(CompareSchema, {
      result: enumValue<Compare_CompareResult>(random.pick(results)),
      // Sometimes not the one the union speaks of.
      target: enumValue<Compare_CompareTarget>(
        union !== undefined && !random.chance(0.06) ? targets[union] : random.below(5),
      ),
      ...(random.chance(0.005) ? {} : random.chance(0.3) ? randomRange(random) : { key: randomKey(random) }),
      targetUnion,
    });
  }

  #comparand(
    union: 'version' | 'createRevision' | 'modRevision' | 'value' | 'lease' | undefined,
  ): Compare['targetUnion'] {
    switch (union) {
      case undefined:
        return { case: undefined };
      case 'value':
        return { case: 'value', value: this.#value() };
      case 'version':
        return { case: 'version', value: BigInt(this.#random.below(4)) };
      case 'lease':
        return { case: 'lease', value: this.#random.chance(0.5) ? 0n : this.#lease() };
      case 'createRevision':
      case 'modRevision':
        return { case: union, value: this.#random.chance(0.3) ? 0n : this.#revision() };
    }
  }

  #compaction(): Step {
    const random = this.#random;
    const { revision, compactRevision } = this.#model;
    const kept = BigInt(random.below(30));
    const target = random.chance(0.75) && revision - kept > compactRevision ? revision - kept : this.#revision();
    return this.#call(
      unaryCall(KV.method.compact, create(CompactionRequestSchema, { revision: target, physical: random.chance(0.5) })),
    );
  }

  #hashKv(): Step {
    const revision = this.#random.chance(0.3) ? 0n : this.#revision();
    return this.#call(unaryCall(Maintenance.method.hashKV, create(HashKVRequestSchema, { revision })));
  }

  #leaseGrant(): Step {
    const random = this.#random;
    if (this.#model.leases.size >= leasesMax) return this.#leaseRevoke();
    const ID = random.chance(0.5) ? 0n : random.chance(0.2) ? this.#lease() : BigInt(random.below(400) - 40);
    const TTL = random.chance(0.03) ? random.pick([9_000_000_001n, int64Max]) : random.pick(ttls);
    return this.#call(unaryCall(Lease.method.leaseGrant, create(LeaseGrantRequestSchema, { ID, TTL })));
  }

  #leaseRevoke(): Step {
    return this.#call(unaryCall(Lease.method.leaseRevoke, create(LeaseRevokeRequestSchema, { ID: this.#lease() })));
  }

  #leaseTimeToLive(): Step {
    const request = create(LeaseTimeToLiveRequestSchema, { ID: this.#lease(), keys: this.#random.chance(0.6) });
    return this.#call(unaryCall(Lease.method.leaseTimeToLive, request));
  }

  #keepAlive(): Step {
    const leases = Array.from({ length: 1 + this.#random.below(3) }, () => this.#lease());
    return { kind: 'keepAlive', at: this.member(), leases };
  }

  #openStream(): Step {
    if (this.#model.streams.size >= streamsMax) return this.#closeStream();
    return { kind: 'openStream', at: this.member(), stream: this.freshStream() };
  }

  #closeStream(): Step {
    const [number] = this.#someStream() ?? [];
    return number === undefined ? this.#openStream() : { kind: 'closeStream', stream: number };
  }

  #watch(): Step {
    const random = this.#random;
    const [number, stream] = this.#someStream() ?? [];
    if (number === undefined || stream === undefined) return this.#openStream();
    const known = [...stream.watchers.keys()];
    if (known.length >= watchersMax) return { kind: 'cancel', stream: number, watchId: random.pick(known) };
    const filters = random.weighted<readonly number[]>([
      [80, []],
      [9, [0]],
      [9, [1]],
      [1, [0, 1]],
      [1, [7]],
    ]);
    const startRevision = this.#startRevision();
    const isCompacted = startRevision > 0n && startRevision < this.#model.compactRevision;
    return {
      kind: 'watch',
      stream: number,
      create: create(WatchCreateRequestSchema, {
        ...(random.chance(0.03) ? { rangeEnd: randomKey(random) } : randomRange(random)),
        startRevision,
        prevKv: random.chance(0.4),
        progressNotify: random.chance(0.2),
        fragment: random.chance(0.3),
        filters: filters.map(enumValue<WatchCreateRequest_FilterType>),
        watchId: isCompacted ? 0n : this.#watchId(stream),
      }),
    };
  }

  #watchId({ watchers, compacted }: ModelStream): bigint {
    const random = this.#random;
    if (random.chance(0.7)) return 0n;
    const id = random.pick([1n, 2n, 7n, 1000n, -5n, 2n ** 53n - 1n, ...watchers.keys()]);
    return compacted.has(id) ? 0n : id;
  }

  /**
   * Not negative, and not the compacted revision if a key was deleted there: both answers are listed as different, and
   * come up in transcripts.
   */
  #startRevision(): bigint {
    const { revision, compactRevision } = this.#model;
    const random = this.#random;
    if (random.chance(0.45)) return 0n;
    if (random.chance(0.2)) return revision + BigInt(1 + random.below(20));
    if (random.chance(0.15)) return compactRevision > 1n ? 1n + BigInt(random.below(Number(compactRevision) - 1)) : 1n;
    const oldest = compactRevision < 1n ? 1n : compactRevision;
    const start = oldest + BigInt(random.below(Number(revision - oldest) + 1));
    return start === compactRevision && this.#model.hasDeleteAt(start) ? start + 1n : start;
  }

  #cancel(): Step {
    const [number, stream] = this.#someStream() ?? [];
    if (number === undefined || stream === undefined) return this.#openStream();
    const known = [...stream.watchers.keys()];
    const watchId = known.length > 0 && !this.#random.chance(0.1) ? this.#random.pick(known) : 4242n;
    return { kind: 'cancel', stream: number, watchId };
  }

  /** Only where 3.4.23 and 3.6 answer alike: some watcher, each past its start, and none that compaction canceled. */
  #progress(): Step {
    for (const [stream, { watchers, compacted }] of this.#model.streams) {
      const all = [...watchers.values()];
      const isAlike = compacted.size === 0 && all.every(({ from }) => from <= this.#model.revision);
      if (all.length > 0 && isAlike) return { kind: 'progress', stream };
    }
    return this.#watch();
  }

  #someStream(): readonly [number, ModelStream] | undefined {
    const streams = [...this.#model.streams];
    return streams.length === 0 ? undefined : this.#random.pick(streams);
  }

  #lease(): bigint {
    const { leases, pastLeases } = this.#model;
    if (leases.size > 0 && this.#random.chance(0.85)) return this.#random.pick([...leases]);
    if (pastLeases.length > 0 && this.#random.chance(0.5)) return this.#random.pick(pastLeases);
    return this.#random.pick([424_242n, -77n]);
  }

  #revision(): bigint {
    const { revision, compactRevision } = this.#model;
    const random = this.#random;
    return random.weighted<() => bigint>([
      [50, () => revision - BigInt(random.below(40))],
      [8, () => revision],
      [8, () => revision + 1n + BigInt(random.below(3))],
      [8, () => compactRevision],
      [8, () => compactRevision - 1n],
      [8, () => compactRevision + 1n],
      [3, () => 1n],
      [3, () => -1n],
      [1, () => -BigInt(random.below(1000))],
      [1, () => int64Max],
      [1, () => int64Min],
    ])();
  }

  #value(): Uint8Array {
    const random = this.#random;
    if (random.chance(0.15)) return new Uint8Array();
    if (random.chance(0.03)) return Buffer.alloc(random.below(20_000), 'v');
    return Buffer.from(random.pick(['x', 'y', 'z', 'value', 'ÿ', '\0', `${random.below(100)}`]));
  }
}

function branches(txn: TxnRequest): readonly RequestOp['request'][] {
  return [...txn.success, ...txn.failure].map(({ request }) => request);
}

function deletesFromKey(txn: TxnRequest): boolean {
  return branches(txn).some((request) => {
    if (request.case === 'requestTxn') return deletesFromKey(request.value);
    if (request.case !== 'requestDeleteRange') return false;
    return request.value.rangeEnd.length === 1 && request.value.rangeEnd[0] === 0;
  });
}

function ignoreNothing(txn: TxnRequest): void {
  for (const request of branches(txn)) {
    if (request.case === 'requestTxn') ignoreNothing(request.value);
    if (request.case === 'requestPut') Object.assign(request.value, { ignoreValue: false, ignoreLease: false });
  }
}

// etcdserverpb.Lease. Ids and lengths are chosen here, by the proposer, so that applying a grant looks at nothing local.
// Renewals are not replicated: the member asks the leader, who must know that it still is one.

import { randomBytes } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  Lease,
  LeaseGrantRequestSchema,
  LeaseGrantResponseSchema,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
  LeaseLeasesRequestSchema,
  LeaseLeasesResponseSchema,
  LeaseRevokeRequestSchema,
  LeaseRevokeResponseSchema,
  LeaseTimeToLiveRequestSchema,
  LeaseTimeToLiveResponseSchema,
} from '@kontiki/etcd-proto';
import type { RequestListener, ResponseStream, Service } from '@kontiki/grpc';
import { bytesOfKey } from '@kontiki/kv';
import { refusal, refusalOf } from '../errors.ts';
import type { ServiceContext } from './context.ts';
import { Drain } from './drain.ts';
import { resultOf } from './kv.ts';
import { readMessage, serviceOf, unary } from './method.ts';

/** etcd's: some three hundred years. */
const ttlMax = 9_000_000_000n;

export function leaseService(context: ServiceContext): Service {
  const { member, headers, limits } = context;
  return serviceOf(Lease, {
    LeaseGrant: unary(LeaseGrantRequestSchema, async ({ ID, TTL }) => {
      if (TTL > ttlMax) throw refusal('leaseTtlTooLarge');
      const grantTtl = Math.max(Number(TTL), limits.leaseTtlMin);
      const grantId = ID === 0n ? randomLeaseId() : ID;
      const result = resultOf('leaseGrant', await member.propose({ kind: 'leaseGrant', grantId, grantTtl }));
      const response = { header: headers.message(result.revision), ID: result.id, TTL: BigInt(result.ttl) };
      return toBinary(LeaseGrantResponseSchema, create(LeaseGrantResponseSchema, response));
    }),

    LeaseRevoke: unary(LeaseRevokeRequestSchema, async (_message, request) => {
      const result = resultOf('leaseRevoke', await member.propose({ kind: 'leaseRevoke', request }));
      const header = headers.message(result.revision);
      return toBinary(LeaseRevokeResponseSchema, create(LeaseRevokeResponseSchema, { header }));
    }),

    LeaseTimeToLive: unary(LeaseTimeToLiveRequestSchema, async ({ ID, keys: withKeys }) => {
      const { ttl, grantedTtl, keys } = await member.timeToLive(ID, withKeys);
      const response = {
        header: headers.message(),
        ID,
        TTL: BigInt(ttl),
        grantedTTL: BigInt(grantedTtl),
        keys: keys.map((key) => bytesOfKey(key)),
      };
      return toBinary(LeaseTimeToLiveResponseSchema, create(LeaseTimeToLiveResponseSchema, response));
    }),

    LeaseLeases: unary(LeaseLeasesRequestSchema, async () => {
      const leases = (await member.leases()).map((ID) => ({ ID }));
      const response = { header: headers.message(), leases };
      return toBinary(LeaseLeasesResponseSchema, create(LeaseLeasesResponseSchema, response));
    }),

    LeaseKeepAlive: {
      kind: 'bidi',
      open: (_call, responses) => new Renewals(context, responses),
    },
  });
}

class Renewals implements RequestListener {
  readonly #context: ServiceContext;
  readonly #responses: ResponseStream;
  /** Once the client has fallen behind. */
  #drain: Drain | undefined;
  #last: Promise<void> | undefined;

  constructor(context: ServiceContext, responses: ResponseStream) {
    this.#context = context;
    this.#responses = responses;
  }

  message(bytes: Uint8Array): Promise<void> {
    this.#last = this.#renew(bytes);
    return this.#last;
  }

  halfClose(): void {
    if (this.#last === undefined) this.#responses.end();
    else {
      this.#last.then(
        () => this.#responses.end(),
        () => undefined,
      );
    }
  }

  closed(): void {
    this.#drain?.release();
  }

  async #renew(bytes: Uint8Array): Promise<void> {
    const { member, headers } = this.#context;
    const { ID } = readMessage(LeaseKeepAliveRequestSchema, bytes);
    // Taken before the renewal: a client must not see a renewal at a revision at which the lease was already revoked.
    const header = headers.message();
    try {
      const { ttl } = await member.keepAlive(ID);
      const response = create(LeaseKeepAliveResponseSchema, { header, ID, TTL: BigInt(ttl) });
      if (this.#responses.write(toBinary(LeaseKeepAliveResponseSchema, response))) return;
      this.#drain ??= new Drain(this.#responses);
      this.#drain.fill();
      await this.#drain.wanted();
    } catch (error: unknown) {
      throw refusalOf(error);
    }
  }
}

/** Positive, as etcd's own choices are. */
function randomLeaseId(): bigint {
  const id = randomBytes(8).readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn;
  return id === 0n ? 1n : id;
}

// `etcdserverpb.ResponseHeader`: who answers, at which revision, in which term. The ids never change while a member runs and
// are encoded once.

import { create, toBinary } from '@bufbuild/protobuf';
import { type ResponseHeader, ResponseHeaderSchema } from '@kontiki/etcd-proto';
import type { Member } from '@kontiki/member';
import { bytesSize, numberSize, type Writer } from './proto-writer.ts';

const revisionField = 3;
const termField = 4;

export class Headers {
  readonly #member: Member;
  readonly #ids: Uint8Array;
  /** Kept here because every answer needs it, and a member's whole status is not for every answer. */
  #term: number;

  constructor(member: Member) {
    this.#member = member;
    this.#term = member.status().term;
    member.onLeaderChange(() => {
      this.#term = member.status().term;
    });
    const { clusterId, memberId } = member.identity;
    this.#ids = toBinary(ResponseHeaderSchema, create(ResponseHeaderSchema, { clusterId, memberId }));
  }

  /** A header for the generated messages. Without a revision it carries the store's of now, as etcd fills it in. */
  message(revision: number = this.#member.store.revision): ResponseHeader {
    return create(ResponseHeaderSchema, {
      ...this.#identity(),
      revision: BigInt(revision),
      raftTerm: BigInt(this.#term),
    });
  }

  /** Cluster's answers speak of members, not of keys: they carry no revision. */
  withoutRevision(): ResponseHeader {
    return create(ResponseHeaderSchema, { ...this.#identity(), raftTerm: BigInt(this.#term) });
  }

  /** Measures a header at `revision` and the term of now; write it with `EncodedHeader.write`. */
  encoded(revision: number): EncodedHeader {
    return new EncodedHeader(this.#ids, revision, this.#term);
  }

  #identity(): { readonly clusterId: bigint; readonly memberId: bigint } {
    const { clusterId, memberId } = this.#member.identity;
    return { clusterId, memberId };
  }
}

export class EncodedHeader {
  readonly #ids: Uint8Array;
  readonly #revision: number;
  readonly #term: number;
  readonly #length: number;
  /** As field 1 of a response, tag and length included. */
  readonly size: number;

  constructor(ids: Uint8Array, revision: number, term: number) {
    this.#ids = ids;
    this.#revision = revision;
    this.#term = term;
    this.#length = ids.length + numberSize(revision) + numberSize(term);
    this.size = bytesSize(this.#length);
  }

  write(writer: Writer): void {
    writer.message(1, this.#length);
    writer.splice(this.#ids);
    writer.number(revisionField, this.#revision);
    writer.number(termField, this.#term);
  }
}

const noIds = new Uint8Array(0);

/** The header of one operation inside a txn: a revision and nothing else. */
export function operationHeader(revision: number): EncodedHeader {
  return new EncodedHeader(noIds, revision, 0);
}

/** The header of a txn inside a txn: there, and empty. */
export const emptyHeader: EncodedHeader = new EncodedHeader(noIds, 0, 0);

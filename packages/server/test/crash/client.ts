// One member's API as plain calls with a deadline.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import {
  HashKVRequestSchema,
  HashKVResponseSchema,
  PutRequestSchema,
  PutResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
} from '@kontiki/etcd-proto';
import type { StoredKey } from './record.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export class MemberClient {
  readonly #client: Client;

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 300,
      // Two clients of one endpoint must not share a broken connection's back-off.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Resolves with the revision of the write. */
  async put(key: string, value: string, deadlineMs: number): Promise<number> {
    const request = { key: bytesOf(key), value: bytesOf(value) };
    const response = await this.#call('/etcdserverpb.KV/Put', PutRequestSchema, request, PutResponseSchema, deadlineMs);
    return Number(response.header?.revision);
  }

  /** Everything under `prefix` after a linearizable read, page by page at one revision. */
  async readAll(prefix: string): Promise<{ readonly revision: number; readonly keys: ReadonlyMap<string, StoredKey> }> {
    const keys = new Map<string, StoredKey>();
    const rangeEnd = bytesOf(prefix);
    rangeEnd[rangeEnd.length - 1] = (rangeEnd[rangeEnd.length - 1] ?? 0) + 1;
    let key = bytesOf(prefix);
    let revision = 0n;
    for (;;) {
      const request = { key, rangeEnd, limit: 5000n, revision };
      const page = await this.#call('/etcdserverpb.KV/Range', RangeRequestSchema, request, RangeResponseSchema, 20_000);
      revision = revision === 0n ? (page.header?.revision ?? 0n) : revision;
      for (const kv of page.kvs) {
        keys.set(textOf(kv.key), {
          value: textOf(kv.value),
          version: Number(kv.version),
          modRevision: Number(kv.modRevision),
        });
      }
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision: Number(revision), keys };
      key = Uint8Array.of(...last.key, 0);
    }
  }

  async hashKv(revision: number): Promise<number> {
    const request = { revision: BigInt(revision) };
    const response = await this.#call(
      '/etcdserverpb.Maintenance/HashKV',
      HashKVRequestSchema,
      request,
      HashKVResponseSchema,
      20_000,
    );
    return response.hash;
  }

  /** `leader` is 0n when this member knows none. */
  async status(): Promise<{ readonly memberId: bigint; readonly leader: bigint }> {
    const response = await this.#call(
      '/etcdserverpb.Maintenance/Status',
      StatusRequestSchema,
      {},
      StatusResponseSchema,
      2_000,
    );
    return { memberId: response.header?.memberId ?? 0n, leader: response.leader };
  }

  close(): void {
    this.#client.close();
  }

  #call<Request extends DescMessage, Response extends DescMessage>(
    path: string,
    requestSchema: Request,
    request: MessageInitShape<Request>,
    responseSchema: Response,
    deadlineMs: number,
  ): Promise<MessageShape<Response>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => fromBinary(responseSchema, bytes),
        toBinary(requestSchema, create(requestSchema, request)),
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error !== null || response === undefined) reject(error ?? new Error(`${path}: no response`));
          else resolve(response);
        },
      );
    });
  }
}

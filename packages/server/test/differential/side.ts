/**
 * One of the two sides: a cluster seen through raw gRPC, one connection to each member. Ids in requests are the
 * reference's and are renamed on the way to the target.
 */

import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  KV,
  Lease,
  type LeaseKeepAliveRequest,
  LeaseKeepAliveRequestSchema,
  type LeaseKeepAliveResponse,
  LeaseKeepAliveResponseSchema,
  RangeRequestSchema,
  WatchRequestSchema,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import { fieldRules } from './field-rules.ts';
import { WatchStream } from './watch-stream.ts';

export type Outcome<T> =
  | { readonly kind: 'ok'; readonly message: T }
  | { readonly kind: 'error'; readonly status: string };

export interface Side {
  readonly name: string;
  /** The member that serves requests addressed to `at`, whatever the size of the cluster. */
  endpoint(at: number): number;
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    at: number,
  ): Promise<Outcome<MessageShape<O>>>;
  /** Bytes to a path, as they are. */
  callRaw(path: string, bytes: Uint8Array, at: number): Promise<Outcome<Uint8Array>>;
  /** One stream: each id is sent when the one before was answered. */
  keepAlive(ids: readonly bigint[], at: number): Promise<readonly Outcome<LeaseKeepAliveResponse>[]>;
  openWatch(at: number, options?: { readonly isRecorded: boolean }): WatchStream;
  /** After this the member answers local requests (serializable reads, watches, leases) with all that was acknowledged. */
  settle(at: number): Promise<void>;
}

const callSecondsMax = 15;
const readySecondsMax = 30;
const messageBytesMax = 64 * 1024 * 1024;
/** What goes through the log. A transaction may also be a local read. */
const writes: ReadonlySet<string> = new Set(['Put', 'DeleteRange', 'Txn', 'Compact', 'LeaseGrant', 'LeaseRevoke']);

export class GrpcSide implements Side {
  readonly name: string;
  readonly #clients: readonly Client[];
  readonly #renameLease: (lease: bigint) => bigint;
  /** Members known to have applied everything that was acknowledged. */
  readonly #settled = new Set<number>();

  constructor(name: string, endpoints: readonly string[], renameLease: (lease: bigint) => bigint) {
    this.name = name;
    this.#renameLease = renameLease;
    this.#clients = endpoints.map(
      (endpoint) =>
        new Client(endpoint, credentials.createInsecure(), {
          'grpc.max_receive_message_length': messageBytesMax,
          'grpc.max_send_message_length': messageBytesMax,
          'grpc.use_local_subchannel_pool': 1,
        }),
    );
  }

  endpoint(at: number): number {
    return at % this.#clients.length;
  }

  /** Resolves once every member answers a linearizable read. */
  async waitUntilReady(): Promise<void> {
    const deadline = Date.now() + readySecondsMax * 1000;
    for (const at of this.#clients.keys()) {
      for (;;) {
        const outcome = await this.#barrier(at);
        if (outcome.kind === 'ok') break;
        if (Date.now() > deadline) throw new Error(`${this.name} does not serve: ${outcome.status}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    at: number,
  ): Promise<Outcome<MessageShape<O>>> {
    if (!writes.has(method.name) || method.name === 'Txn') await this.settle(at);
    const bytes = toBinary(method.input, this.#renamed(method.input, request));
    const outcome = await this.callRaw(`/${method.parent.typeName}/${method.name}`, bytes, at);
    if (writes.has(method.name) && outcome.kind === 'ok') {
      this.#settled.clear();
      this.#settled.add(this.endpoint(at));
    }
    return outcome.kind === 'ok' ? { kind: 'ok', message: fromBinary(method.output, outcome.message) } : outcome;
  }

  callRaw(path: string, bytes: Uint8Array, at: number): Promise<Outcome<Uint8Array>> {
    return new Promise((resolve) => {
      this.#client(at).makeUnaryRequest<Uint8Array, Uint8Array>(
        path,
        (value) => Buffer.from(value),
        (value) => value,
        bytes,
        new Metadata(),
        { deadline: Date.now() + callSecondsMax * 1000 },
        (error, reply) => {
          if (error !== null) resolve({ kind: 'error', status: statusText(error) });
          else resolve({ kind: 'ok', message: reply ?? new Uint8Array() });
        },
      );
    });
  }

  async keepAlive(ids: readonly bigint[], at: number): Promise<readonly Outcome<LeaseKeepAliveResponse>[]> {
    await this.settle(at);
    const method = Lease.method.leaseKeepAlive;
    const call = this.#client(at).makeBidiStreamRequest<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(
      `/${method.parent.typeName}/${method.name}`,
      (value) => Buffer.from(toBinary(LeaseKeepAliveRequestSchema, value)),
      (value) => fromBinary(LeaseKeepAliveResponseSchema, value),
      new Metadata(),
      { deadline: Date.now() + callSecondsMax * 1000 },
    );
    const outcomes: Outcome<LeaseKeepAliveResponse>[] = [];
    for (const id of ids) {
      const outcome = await new Promise<Outcome<LeaseKeepAliveResponse>>((resolve) => {
        call.once('data', (message: LeaseKeepAliveResponse) => resolve({ kind: 'ok', message }));
        call.once('error', (error: ServiceError) => resolve({ kind: 'error', status: statusText(error) }));
        call.write(this.#renamed(LeaseKeepAliveRequestSchema, create(LeaseKeepAliveRequestSchema, { ID: id })));
      });
      call.removeAllListeners('error').on('error', () => undefined);
      outcomes.push(outcome);
      if (outcome.kind === 'error') break;
    }
    call.end();
    return outcomes;
  }

  openWatch(at: number, options: { readonly isRecorded: boolean } = { isRecorded: false }): WatchStream {
    return new WatchStream(
      this.#client(at).makeBidiStreamRequest(
        '/etcdserverpb.Watch/Watch',
        (value) => Buffer.from(toBinary(WatchRequestSchema, value)),
        (value) => fromBinary(WatchResponseSchema, value),
        new Metadata(),
      ),
      options,
    );
  }

  async settle(at: number): Promise<void> {
    if (this.#settled.has(this.endpoint(at))) return;
    const outcome = await this.#barrier(at);
    if (outcome.kind === 'error') throw new Error(`${this.name}, member ${this.endpoint(at)}: ${outcome.status}`);
    this.#settled.add(this.endpoint(at));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** A copy whose lease ids are this side's. */
  #renamed<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): MessageShape<Desc> {
    const copy = fromBinary(schema, toBinary(schema, message));
    renameLeases(reflect(schema, copy), this.#renameLease);
    return copy;
  }

  #barrier(at: number): Promise<Outcome<Uint8Array>> {
    const read = create(RangeRequestSchema, { key: Buffer.from('barrier'), countOnly: true });
    return this.callRaw(`/${KV.typeName}/Range`, toBinary(RangeRequestSchema, read), at);
  }

  #client(at: number): Client {
    const client = this.#clients[this.endpoint(at)];
    if (client === undefined) throw new RangeError('a side without members');
    return client;
  }
}

function renameLeases(message: ReflectMessage, rename: (lease: bigint) => bigint): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'list') {
      for (const item of message.get(field)) if (isReflectMessage(item)) renameLeases(item, rename);
    } else if (field.fieldKind === 'message') {
      renameLeases(message.get(field), rename);
    } else if (field.fieldKind === 'scalar') {
      const rule = fieldRules.get(`${field.parent.typeName}.${field.name}`);
      const value = message.get(field);
      if (rule?.kind === 'identity' && typeof value === 'bigint') message.set(field, rename(value));
    }
  }
}

/** gRPC's code in the spelling of its specification for Go, which is etcd's and our documents', and the exact text. */
export function statusText(error: Pick<ServiceError, 'code' | 'details'>): string {
  const name = status[error.code] ?? String(error.code);
  const words = name.toLowerCase().split('_');
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}: ${error.details}`;
}

// A client that can send what no well-behaved client sends: any path, any bytes, any fields.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  PutRequestSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
} from '@kontiki/etcd-proto';

const callMsMax = 20_000;
const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

export type Answer =
  | { readonly kind: 'ok'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly text: string };

export class Wire {
  readonly client: Client;

  constructor(port: number) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 300,
    });
  }

  close(): void {
    this.client.close();
  }

  /** Refusals are `CODE text`. */
  call(path: string, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const options = { deadline: Date.now() + callMsMax };
    return new Promise((resolve) => {
      const done = (error: ServiceError | null, response?: Buffer): void => {
        if (error === null && response !== undefined) resolve({ kind: 'ok', bytes: response });
        else resolve({ kind: 'refused', text: `${error?.code} ${error?.details}` });
      };
      this.client.makeUnaryRequest(path, same, same, Buffer.from(bytes), metadata, options, done);
    });
  }

  /** Sends one message on a stream, and leaves it when `isLast` is told so, or at its end, of which it is told as text. */
  exchange(path: string, bytes: Uint8Array, isLast: (answer: Buffer | string) => boolean): Promise<void> {
    const stream = this.client.makeBidiStreamRequest(path, same, same, { deadline: Date.now() + callMsMax });
    return new Promise((resolve) => {
      let hasLeft = false;
      const leave = (): void => {
        hasLeft = true;
        stream.cancel();
        resolve();
      };
      stream.on('data', (answer: Buffer) => {
        if (!hasLeft && isLast(answer)) leave();
      });
      stream.on('error', (error: ServiceError) => {
        if (!hasLeft) isLast(`${error.code} ${error.details}`);
        leave();
      });
      stream.write(Buffer.from(bytes));
    });
  }

  /** `ok`, or `CODE text`. */
  async send<Request extends DescMessage>(
    path: string,
    schema: Request,
    fields: MessageInitShape<Request>,
  ): Promise<string> {
    const answer = await this.call(`/etcdserverpb.${path}`, toBinary(schema, create(schema, fields)));
    return answer.kind === 'ok' ? 'ok' : answer.text;
  }

  /** @throws when it is refused */
  async ask<Request extends DescMessage, Response extends DescMessage>(
    path: string,
    schema: Request,
    fields: MessageInitShape<Request>,
    response: Response,
  ): Promise<MessageShape<Response>> {
    const answer = await this.call(`/etcdserverpb.${path}`, toBinary(schema, create(schema, fields)));
    if (answer.kind === 'refused') throw new Error(`${path}: ${answer.text}`);
    return fromBinary(response, answer.bytes);
  }

  /** `ok`, or `CODE text`. */
  put(key: string, value: string | Uint8Array): Promise<string> {
    return this.send('KV/Put', PutRequestSchema, { key: Buffer.from(key), value: Buffer.from(value) });
  }

  async get(key: string): Promise<string | undefined> {
    const response = await this.ask('KV/Range', RangeRequestSchema, { key: Buffer.from(key) }, RangeResponseSchema);
    const [found] = response.kvs;
    return found === undefined ? undefined : Buffer.from(found.value).toString();
  }

  async memberId(): Promise<bigint> {
    const status = await this.ask('Maintenance/Status', StatusRequestSchema, {}, StatusResponseSchema);
    return status.header?.memberId ?? 0n;
  }
}

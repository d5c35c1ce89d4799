// The services over a member in memory, on a free port, and typed clients of it.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type ClientDuplexStream, type ClientReadableStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import { silentLogger } from '../../src/log.ts';
import { etcdServices } from '../../src/services/all.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { ServingState } from '../../src/services/health.ts';
import { guardOf, OpenStreams } from '../../src/services/leader-guard.ts';
import { Headers } from '../../src/services/response-header.ts';
import { openPort, type Port, same } from '../rpc/port.ts';
import { MemoryMember } from './memory-member.ts';

export interface EtcdPort {
  readonly member: MemoryMember;
  readonly port: Port;
  readonly context: ServiceContext;
  readonly serving: ServingState;
  /** Resolves with the response, or with the refusal as `CODE text`. */
  call<Request extends DescMessage, Response extends DescMessage>(
    path: string,
    request: Request,
    response: Response,
    fields?: MessageInitShape<Request>,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<MessageShape<Response> | string>;
  close(): Promise<void>;
}

export interface EtcdPortOptions {
  readonly requestBytesMax?: number;
  readonly electionMs?: number;
}

export async function openEtcdPort(options: EtcdPortOptions = {}): Promise<EtcdPort> {
  const member = new MemoryMember();
  const serving = new ServingState();
  const requestBytesMax = options.requestBytesMax ?? 1_572_864;
  const context = {
    member,
    headers: new Headers(member),
    limits: { requestBytesMax, txnOperationsMax: 128, leaseTtlMin: 2 },
    logger: silentLogger,
  };
  const streams = new OpenStreams(member, options.electionMs ?? 1000);
  const services = etcdServices(context, serving).map((service) => streams.over(service));
  const port = await openPort(services, {
    guard: guardOf(member),
    grpc: { calls: { receiveBytesMax: requestBytesMax + 512 * 1024 } },
  });
  return {
    member,
    port,
    context,
    serving,
    call: (path, request, response, fields, metadata = {}) =>
      new Promise((resolve) => {
        const headers = new Metadata();
        for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
        const done = (error: ServiceError | null, bytes?: Uint8Array): void => {
          if (error !== null || bytes === undefined) resolve(`${error?.code} ${error?.details}`);
          else resolve(fromBinary(response, bytes));
        };
        const bytes = toBinary(request, create(request, fields));
        port.client.makeUnaryRequest(`/${path}`, same, same, bytes, headers, done);
      }),
    close: async () => {
      streams.endAll();
      await port.close();
      await member.stop();
    },
  };
}

/** A stream of typed messages whose answers are awaited one by one. */
export class TypedStream<Request extends DescMessage, Response extends DescMessage> {
  readonly #request: Request;
  readonly #response: Response;
  readonly #stream: ClientDuplexStream<Uint8Array, Buffer> | ClientReadableStream<Buffer>;
  readonly #arrived: MessageShape<Response>[] = [];
  #waiting: ((message: MessageShape<Response>) => void) | undefined;
  /** `ended`, or `CODE text`. */
  readonly end: Promise<string>;

  constructor(
    stream: ClientDuplexStream<Uint8Array, Buffer> | ClientReadableStream<Buffer>,
    request: Request,
    response: Response,
  ) {
    this.#stream = stream;
    this.#request = request;
    this.#response = response;
    stream.on('data', (bytes: Buffer) => this.#receive(fromBinary(this.#response, bytes)));
    this.end = new Promise((resolve) => {
      stream.on('error', (error: Error) => resolve(`${Reflect.get(error, 'code')} ${Reflect.get(error, 'details')}`));
      stream.on('end', () => resolve('ended'));
    });
  }

  static open<Request extends DescMessage, Response extends DescMessage>(
    { port }: EtcdPort,
    path: string,
    request: Request,
    response: Response,
    metadata: Readonly<Record<string, string>> = {},
  ): TypedStream<Request, Response> {
    const headers = new Metadata();
    for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
    return new TypedStream(port.client.makeBidiStreamRequest(`/${path}`, same, same, headers), request, response);
  }

  send(fields: MessageInitShape<Request>): void {
    this.sendBytes(toBinary(this.#request, create(this.#request, fields)));
  }

  sendBytes(bytes: Uint8Array): void {
    if ('write' in this.#stream) this.#stream.write(bytes);
  }

  halfClose(): void {
    if ('end' in this.#stream) this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  next(): Promise<MessageShape<Response>> {
    const message = this.#arrived.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #receive(message: MessageShape<Response>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#arrived.push(message);
    else waiting(message);
  }
}

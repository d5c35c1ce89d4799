// The small client's way to a cluster: several endpoints, of which the first that answers is asked; protobuf in and out.
// What the messages mean is the commands' business.

import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { grpcCode, RpcError } from '@kontiki/grpc';
import { Channel } from './channel.ts';
import { ClientError } from './client-error.ts';

/** What one endpoint answered, or why it did not. */
export interface EndpointAnswer<Response extends DescMessage> {
  readonly endpoint: string;
  readonly answer: MessageShape<Response> | ClientError;
}

/** Requests out, responses in. Ends with a ClientError when the call fails; leaving the iteration cancels the call. */
export interface Exchange<Request extends DescMessage, Response extends DescMessage>
  extends AsyncIterable<MessageShape<Response>> {
  send(request: MessageInitShape<Request>): void;
}

const callMsMax = 10_000;
const connectMsMax = 2_000;

export class Connection {
  readonly #channels: readonly Channel[];

  /** `endpoints` as `parseEndpoints` gives them. Connects when it is asked something. */
  constructor(endpoints: readonly string[]) {
    this.#channels = endpoints.map((endpoint) => new Channel(endpoint));
  }

  /** Asks the endpoint that can be reached soonest. A call whose link breaks under way is not repeated. */
  async call<Request extends DescMessage, Response extends DescMessage>(
    method: DescMethodUnary<Request, Response>,
    request: MessageInitShape<Request>,
  ): Promise<MessageShape<Response>> {
    return await unary(await this.#reachable(), method, request);
  }

  /** Asks every endpoint at once. */
  async callEach<Request extends DescMessage, Response extends DescMessage>(
    method: DescMethodUnary<Request, Response>,
    request: MessageInitShape<Request>,
  ): Promise<readonly EndpointAnswer<Response>[]> {
    return await Promise.all(
      this.#channels.map(async (channel) => ({
        endpoint: channel.endpoint,
        answer: await answerOf(channel, method, request),
      })),
    );
  }

  async exchange<Request extends DescMessage, Response extends DescMessage>(
    method: DescMethodBiDiStreaming<Request, Response>,
  ): Promise<Exchange<Request, Response>> {
    const channel = await this.#reachable();
    const stream = channel.stream(pathOf(method));
    return {
      send: (request) => stream.send(toBinary(method.input, create(method.input, request))),
      async *[Symbol.asyncIterator]() {
        try {
          for await (const bytes of stream) yield fromBinary(method.output, bytes);
        } catch (error: unknown) {
          throw explained(error, channel.endpoint);
        }
      },
    };
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }

  async #reachable(): Promise<Channel> {
    const attempts = this.#channels.map(async (channel) => {
      await connected(channel);
      return channel;
    });
    try {
      return await Promise.any(attempts);
    } catch (error: unknown) {
      if (!(error instanceof AggregateError)) throw error;
      const list = this.#channels.map(({ endpoint }) => endpoint).join(', ');
      throw new ClientError(
        `nobody answers at ${list}: start a cluster there (npm start), or name another one with --endpoints`,
      );
    }
  }
}

async function answerOf<Request extends DescMessage, Response extends DescMessage>(
  channel: Channel,
  method: DescMethodUnary<Request, Response>,
  request: MessageInitShape<Request>,
): Promise<MessageShape<Response> | ClientError> {
  try {
    await connected(channel);
    return await unary(channel, method, request);
  } catch (error: unknown) {
    if (error instanceof ClientError) return error;
    throw error;
  }
}

async function connected(channel: Channel): Promise<void> {
  try {
    await channel.connected(connectMsMax);
  } catch (error: unknown) {
    throw new ClientError(`nobody answers at ${channel.endpoint}`, { cause: error });
  }
}

async function unary<Request extends DescMessage, Response extends DescMessage>(
  channel: Channel,
  method: DescMethodUnary<Request, Response>,
  request: MessageInitShape<Request>,
): Promise<MessageShape<Response>> {
  const bytes = toBinary(method.input, create(method.input, request));
  try {
    return fromBinary(method.output, await channel.unary(pathOf(method), bytes, callMsMax));
  } catch (error: unknown) {
    throw explained(error, channel.endpoint);
  }
}

function pathOf({ parent, name }: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `/${parent.typeName}/${name}`;
}

const maybeWritten = 'if this was a write, it may or may not have happened: read before you repeat it';

const advice: ReadonlyMap<number, string> = new Map([
  [grpcCode.unavailable, `kontiki status shows who is up and who leads; ${maybeWritten}`],
  [grpcCode.deadlineExceeded, `kontiki status shows who is up and who leads; ${maybeWritten}`],
  [grpcCode.unimplemented, 'docs/etcd-api.md lists what the server can do'],
  [grpcCode.resourceExhausted, 'too much at once, or too large: wait, or send less'],
]);

/** The server's own text comes first, as it is: people search for it. What is no status is handed on. */
function explained(error: unknown, endpoint: string): unknown {
  if (!(error instanceof RpcError)) return error;
  const text = error.message === '' ? `${endpoint} refused (code ${error.code})` : error.message;
  const hint = advice.get(error.code);
  return new ClientError(hint === undefined ? text : `${text} (${hint})`, { cause: error });
}

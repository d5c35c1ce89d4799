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
import { Client, connectivityState, credentials, type ServiceError, status } from '@grpc/grpc-js';
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

interface Remote {
  readonly endpoint: string;
  readonly client: Client;
}

const callMsMax = 10_000;
const connectMsMax = 2_000;

export class Connection {
  readonly #remotes: readonly Remote[];

  /** `endpoints` as `parseEndpoints` gives them. Connects when it is asked something. */
  constructor(endpoints: readonly string[]) {
    this.#remotes = endpoints.map((endpoint) => ({
      endpoint,
      client: new Client(endpoint, credentials.createInsecure(), {
        'grpc.max_receive_message_length': -1,
        // A member that restarts is back within a second, not after the minutes that gRPC would let pass.
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1_000,
        // Two connections to one endpoint are two, or closing one would close the other's.
        'grpc.use_local_subchannel_pool': 1,
      }),
    }));
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
      this.#remotes.map(async (remote) => ({
        endpoint: remote.endpoint,
        answer: await answerOf(remote, method, request),
      })),
    );
  }

  async exchange<Request extends DescMessage, Response extends DescMessage>(
    method: DescMethodBiDiStreaming<Request, Response>,
  ): Promise<Exchange<Request, Response>> {
    const { client, endpoint } = await this.#reachable();
    const stream = client.makeBidiStreamRequest(pathOf(method), encoder(method.input), decoder(method.output));
    return {
      send: (request) => stream.write(request),
      async *[Symbol.asyncIterator]() {
        try {
          yield* stream as AsyncIterable<MessageShape<Response>>;
        } catch (error: unknown) {
          throw isServiceError(error) ? explained(error, endpoint) : error;
        } finally {
          // What a cancelled call still reports is nobody's business any more.
          stream.on('error', () => undefined);
          stream.cancel();
        }
      },
    };
  }

  close(): void {
    for (const { client } of this.#remotes) client.close();
  }

  async #reachable(): Promise<Remote> {
    const attempts = this.#remotes.map(async (remote) => {
      await connected(remote);
      return remote;
    });
    try {
      return await Promise.any(attempts);
    } catch (error: unknown) {
      if (!(error instanceof AggregateError)) throw error;
      const list = this.#remotes.map(({ endpoint }) => endpoint).join(', ');
      throw new ClientError(
        `nobody answers at ${list}: start a cluster there (npm start), or name another one with --endpoints`,
      );
    }
  }
}

async function answerOf<Request extends DescMessage, Response extends DescMessage>(
  remote: Remote,
  method: DescMethodUnary<Request, Response>,
  request: MessageInitShape<Request>,
): Promise<MessageShape<Response> | ClientError> {
  try {
    await connected(remote);
    return await unary(remote, method, request);
  } catch (error: unknown) {
    if (error instanceof ClientError) return error;
    throw error;
  }
}

/** Fails as soon as the endpoint refuses, and not only when the time is up. */
function connected({ client, endpoint }: Remote): Promise<void> {
  const channel = client.getChannel();
  const deadline = Date.now() + connectMsMax;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const state = channel.getConnectivityState(false);
      if (state === connectivityState.READY) resolve();
      // Shut down: another endpoint was sooner, and the connection has been closed.
      else if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) fail();
      else channel.watchConnectivityState(state, deadline, (error) => (error === undefined ? look() : fail()));
    };
    const fail = (): void => reject(new ClientError(`nobody answers at ${endpoint}`));
    channel.getConnectivityState(true);
    look();
  });
}

function unary<Request extends DescMessage, Response extends DescMessage>(
  { client, endpoint }: Remote,
  method: DescMethodUnary<Request, Response>,
  request: MessageInitShape<Request>,
): Promise<MessageShape<Response>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      pathOf(method),
      encoder(method.input),
      decoder(method.output),
      request,
      { deadline: Date.now() + callMsMax },
      (error, response) => {
        if (error !== null) reject(explained(error, endpoint));
        else if (response === undefined) reject(new ClientError(`${endpoint} answered nothing`));
        else resolve(response);
      },
    );
  });
}

function pathOf({ parent, name }: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `/${parent.typeName}/${name}`;
}

function encoder<Message extends DescMessage>(schema: Message): (message: MessageInitShape<Message>) => Buffer {
  return (message) => Buffer.from(toBinary(schema, create(schema, message)));
}
function decoder<Message extends DescMessage>(schema: Message): (bytes: Buffer) => MessageShape<Message> {
  return (bytes) => fromBinary(schema, bytes);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

const maybeWritten = 'if this was a write, it may or may not have happened: read before you repeat it';

const advice: ReadonlyMap<status, string> = new Map([
  [status.UNAVAILABLE, `kontiki status shows who is up and who leads; ${maybeWritten}`],
  [status.DEADLINE_EXCEEDED, `kontiki status shows who is up and who leads; ${maybeWritten}`],
  [status.UNIMPLEMENTED, 'docs/etcd-api.md lists what the server can do'],
  [status.RESOURCE_EXHAUSTED, 'too much at once, or too large: wait, or send less'],
]);

/** The server's own text comes first, as it is: people search for it. */
export function explained(error: ServiceError, endpoint: string): ClientError {
  const text = error.details === '' ? `${endpoint} refused (${status[error.code]})` : error.details;
  const hint = advice.get(error.code);
  return new ClientError(hint === undefined ? text : `${text} (${hint})`, { cause: error });
}

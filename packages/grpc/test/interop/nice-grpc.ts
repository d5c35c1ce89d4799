// nice-grpc through the suite's interface. It knows no deadlines of its own, so that the server alone keeps them here.

import { compressionAlgorithms } from '@grpc/grpc-js';
import { type CallOptions, ChannelCredentials, ClientError, createChannel, createClient, Metadata } from 'nice-grpc';
import type { CreateClient, Fields, Heard, Kind, Saying } from './other-client.ts';

const identity = (bytes: Uint8Array): Uint8Array => bytes;

/** nice-grpc throws an AbortError where a call was taken back. */
const cancelledCode = 1;

export const createNiceGrpc: CreateClient = ({ port, gzip = false, root }) => {
  const secure = root === undefined ? ChannelCredentials.createInsecure() : ChannelCredentials.createSsl(root);
  const channel = createChannel(`localhost:${port}`, secure, {
    ...(gzip && { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }),
  });
  const methods = {
    unary: { requestStream: false, responseStream: false },
    serverStream: { requestStream: false, responseStream: true },
    clientStream: { requestStream: true, responseStream: false },
    bidi: { requestStream: true, responseStream: true },
  } as const;
  const method = <K extends Kind>(kind: K, path: string) => ({
    ...methods[kind],
    path,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
    options: {},
  });

  const call = async ({ kind, path, messages, fields, timeoutMs, cancelled }: Saying): Promise<Heard> => {
    const client = createClient(
      {
        unary: method('unary', path),
        serverStream: method('serverStream', path),
        clientStream: method('clientStream', path),
        bidi: method('bidi', path),
      },
      channel,
    );
    const abort = new AbortController();
    void cancelled?.then(() => abort.abort());
    let head: Fields = {};
    let trailers: Fields = {};
    const metadata = metadataOf(fields);
    if (timeoutMs !== undefined) metadata.set('grpc-timeout', `${timeoutMs}m`);
    const options: CallOptions = {
      metadata,
      signal: abort.signal,
      onHeader: (received) => {
        head = fieldsOf(received);
      },
      onTrailer: (received) => {
        trailers = fieldsOf(received);
      },
    };
    const [first = Buffer.alloc(0)] = messages;
    const heard: Buffer[] = [];
    // A conversation goes on when it was answered; what is to be taken back does not end by itself.
    let answered = (): void => undefined;
    async function* requests(): AsyncGenerator<Uint8Array> {
      for (const message of messages) {
        const answer = new Promise<void>((resolve) => {
          answered = resolve;
        });
        yield message;
        if (kind === 'bidi') await answer;
      }
      if (cancelled !== undefined)
        await new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
    }
    const hear = (message: Uint8Array): void => {
      heard.push(Buffer.from(message));
      answered();
    };
    try {
      if (kind === 'unary') hear(await client.unary(first, options));
      else if (kind === 'clientStream') hear(await client.clientStream(requests(), options));
      else {
        const responses = kind === 'bidi' ? client.bidi(requests(), options) : client.serverStream(first, options);
        for await (const message of responses) hear(message);
      }
      return { messages: heard, code: 0, text: '', head, trailers };
    } catch (error: unknown) {
      answered();
      if (error instanceof ClientError) {
        return { messages: heard, code: error.code, text: error.details, head, trailers };
      }
      if (abort.signal.aborted) return { messages: heard, code: cancelledCode, text: '', head, trailers };
      throw error;
    }
  };
  return { call, close: () => channel.close() };
};

function metadataOf(fields: Fields = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) {
    if (name.endsWith('-bin')) metadata.set(name, Buffer.from(value, 'base64'));
    else metadata.set(name, value);
  }
  return metadata;
}

function fieldsOf(metadata: Metadata): Fields {
  const rows: [string, string][] = [];
  for (const [name, [value = '']] of metadata) {
    rows.push([name, typeof value === 'string' ? value : Buffer.from(value).toString('base64')]);
  }
  return Object.fromEntries(rows);
}

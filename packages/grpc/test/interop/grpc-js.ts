// grpc-js through the suite's interface, with bytes for messages.

import type { EventEmitter } from 'node:events';
import {
  type CallOptions,
  ChannelCredentials,
  Client,
  compressionAlgorithms,
  Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import type { CreateClient, Fields, Heard, OtherClient, Saying } from './other-client.ts';

/** What the four kinds of call of grpc-js have in common. */
type Running = Pick<EventEmitter, 'on'> & { cancel(): void };
const identity = (bytes: Buffer): Buffer => bytes;

export const createGrpcJs: CreateClient = ({ port, gzip = false, root }) => {
  const secure = root === undefined ? ChannelCredentials.createInsecure() : ChannelCredentials.createSsl(root);
  const client = new Client(`localhost:${port}`, secure, {
    ...(gzip && { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }),
  });
  return { call: (saying) => call(client, saying), close: () => client.close() } satisfies OtherClient;
};

function call(client: Client, { kind, path, messages, fields, timeoutMs, cancelled }: Saying): Promise<Heard> {
  const metadata = metadataOf(fields);
  const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const [first = Buffer.alloc(0)] = messages;
  const heard: Buffer[] = [];
  const answer = (_error: Error | null, message?: Buffer): void => {
    if (message !== undefined) heard.push(message);
  };
  let running: Running;
  if (kind === 'unary') {
    running = client.makeUnaryRequest(path, identity, identity, first, metadata, options, answer);
  } else if (kind === 'serverStream') {
    running = client.makeServerStreamRequest(path, identity, identity, first, metadata, options);
    running.on('data', (message: Buffer) => heard.push(message));
  } else if (kind === 'clientStream') {
    const stream = client.makeClientStreamRequest(path, identity, identity, metadata, options, answer);
    running = stream;
    for (const message of messages) stream.write(message);
    if (cancelled === undefined) stream.end();
  } else {
    const conversation = client.makeBidiStreamRequest(path, identity, identity, metadata, options);
    running = conversation;
    const left = [...messages];
    const next = (): void => {
      const message = left.shift();
      if (message === undefined) conversation.end();
      else conversation.write(message);
    };
    conversation.on('data', (message: Buffer) => {
      heard.push(message);
      next();
    });
    next();
  }
  void cancelled?.then(() => running.cancel());
  running.on('error', () => undefined);
  let head: Fields = {};
  running.on('metadata', (received: Metadata) => {
    head = fieldsOf(received);
  });
  return new Promise((resolve) => {
    running.on('status', ({ code, details, metadata: trailers }: StatusObject) => {
      // The answer's callback comes in the same turn.
      setImmediate(() => resolve({ messages: heard, code, text: details, head, trailers: fieldsOf(trailers) }));
    });
  });
}

function metadataOf(fields: Fields = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) {
    metadata.set(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return metadata;
}

function fieldsOf(metadata: Metadata): Fields {
  const rows = Object.entries(metadata.getMap());
  return Object.fromEntries(
    rows.map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('base64') : value]),
  );
}

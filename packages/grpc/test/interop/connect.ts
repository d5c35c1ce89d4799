// connect-node's gRPC transport through the suite's interface. It speaks Protobuf only, so every message is a FieldMask whose
// paths are the bytes as Latin-1: the one well-known type of which two, written behind each other, are one.

import { create, createFileRegistry, type DescMethodStreaming, type DescMethodUnary } from '@bufbuild/protobuf';
import {
  type FieldMask,
  FieldMaskSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_field_mask,
} from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { compressionGzip, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Service } from '../../src/index.ts';
import type { CreateClient, Fields, Heard, Saying } from './other-client.ts';

type Mask = typeof FieldMaskSchema;
const wrap = (bytes: Buffer): FieldMask => create(FieldMaskSchema, { paths: [bytes.toString('latin1')] });
const unwrap = ({ paths }: FieldMask): Buffer => Buffer.from(paths.join(''), 'latin1');

export const createConnect: CreateClient = ({ port, services, gzip = false, root }) => {
  const methods = methodsOf(services);
  const baseUrl = `${root === undefined ? 'http' : 'https'}://localhost:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl, {}, root && { ca: root });
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager,
    ...(gzip && { sendCompression: compressionGzip, compressMinBytes: 0 }),
  });

  const call = async ({ kind, path, messages, fields, timeoutMs, cancelled }: Saying): Promise<Heard> => {
    const method = methods(path);
    const abort = new AbortController();
    void cancelled?.then(() => abort.abort());
    const header = new Headers({ ...fields });
    const heard: Buffer[] = [];
    let answered = (): void => undefined;
    async function* requests(): AsyncGenerator<FieldMask> {
      for (const message of messages) {
        const answer = new Promise<void>((resolve) => {
          answered = resolve;
        });
        yield wrap(message);
        if (kind === 'bidi') await answer;
      }
      if (cancelled !== undefined)
        await new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
    }
    try {
      if (method.methodKind === 'unary') {
        const [first = Buffer.alloc(0)] = messages;
        const answer = await transport.unary(method, abort.signal, timeoutMs, header, wrap(first));
        heard.push(unwrap(answer.message));
        return { messages: heard, code: 0, text: '', head: of(answer.header), trailers: of(answer.trailer) };
      }
      const answer = await transport.stream(method, abort.signal, timeoutMs, header, requests());
      for await (const message of answer.message) {
        heard.push(unwrap(message));
        answered();
      }
      return { messages: heard, code: 0, text: '', head: of(answer.header), trailers: of(answer.trailer) };
    } catch (error: unknown) {
      answered();
      const { code, rawMessage, metadata } = ConnectError.from(error);
      return { messages: heard, code, text: rawMessage, head: {}, trailers: of(metadata) };
    }
  };
  return { call, close: () => sessionManager.abort() };
};

/** The client needs the kinds of the methods beforehand. */
function methodsOf(
  services: readonly Service[],
): (path: string) => DescMethodUnary<Mask, Mask> | DescMethodStreaming<Mask, Mask> {
  const type = '.google.protobuf.FieldMask';
  const file = create(FileDescriptorProtoSchema, {
    name: 'test.proto',
    package: 'test',
    syntax: 'proto3',
    dependency: ['google/protobuf/field_mask.proto'],
    service: services.map((service) => ({
      name: service.name.replace('test.', ''),
      method: [...Object.entries(service.methods), ['Nothing', { kind: 'unary' }] as const].map(([name, { kind }]) => ({
        name,
        inputType: type,
        outputType: type,
        clientStreaming: kind === 'clientStream' || kind === 'bidi',
        serverStreaming: kind === 'serverStream' || kind === 'bidi',
      })),
    })),
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_field_mask);
  return (path) => {
    const [, service = '', name] = path.split('/');
    const found = registry.getService(service)?.methods.find((method) => method.name === name);
    if (found === undefined) throw new Error(`${path} is not described`);
    return found as DescMethodUnary<Mask, Mask> | DescMethodStreaming<Mask, Mask>;
  };
}

/** Without padding they came; the suite compares them with it. */
function of(headers: Headers): Fields {
  const rows = [...headers].map(([name, value]) => [
    name,
    name.endsWith('-bin') ? Buffer.from(value, 'base64').toString('base64') : value,
  ]);
  return Object.fromEntries(rows);
}

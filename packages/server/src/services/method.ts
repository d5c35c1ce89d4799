// From a typed function to a method of bytes: reads the request, and turns whatever is thrown into a refusal of the table.

import { type DescMessage, type DescService, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { type Answer, type Call, type Method, RpcError, type Service } from '@kontiki/grpc';
import { notBuilt, refusalOf, unreadable, unreadableOnStream } from '../errors.ts';
import { refusing } from '../rpc/router.ts';
import { checkWireTypes, messageDepthMax } from './wire-types.ts';

/** `bytes` are the request as the client encoded it. */
export function unary<Schema extends DescMessage>(
  schema: Schema,
  handle: (request: MessageShape<Schema>, bytes: Uint8Array, call: Call) => Promise<Answer>,
): Method {
  return {
    kind: 'unary',
    handle: async (bytes, call) => {
      let request: MessageShape<Schema>;
      try {
        request = read(schema, bytes);
      } catch (error: unknown) {
        throw error instanceof RpcError ? error : unreadable(error);
      }
      try {
        return await handle(request, bytes, call);
      } catch (error: unknown) {
        throw refusalOf(error);
      }
    },
  };
}

/** One message of a stream. @throws RpcError */
export function readMessage<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  try {
    return read(schema, bytes);
  } catch (error: unknown) {
    throw error instanceof RpcError ? error : unreadableOnStream(error);
  }
}

function read<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  checkWireTypes(schema, bytes);
  return fromBinary(schema, bytes, { recursionLimit: messageDepthMax });
}

/**
 * A service with a row for every method its definition names: what is missing here answers that it is not built. `hidden`
 * are methods that the etcd we are does not know.
 */
export function serviceOf(
  definition: DescService,
  built: Readonly<Record<string, Method>>,
  hidden: readonly string[] = [],
): Service {
  const methods: Record<string, Method> = {};
  for (const { name } of definition.methods) {
    if (hidden.includes(name)) continue;
    methods[name] = built[name] ?? refusing(notBuilt(`${definition.typeName}/${name}`));
  }
  return { name: definition.typeName, methods };
}

// grpc.reflection.v1.ServerReflection, and v1alpha, which has the same messages: tools ask what a server serves.
// Extensions by number are not indexed and are answered NOT_FOUND.

import type { Method, Service } from '../calls/handler.ts';
import { grpcCode, RpcError } from '../calls/status.ts';
import { type DescriptorFile, Descriptors } from './descriptors.ts';
import { bytesField, numberField, readFields, type WireField } from './wire-format.ts';

/** The services to add to the router. `files`: serialized FileDescriptorProto; `names`: what is said to be served. */
export function reflectionServices(files: readonly Uint8Array[], names: readonly string[]): readonly Service[] {
  const descriptors = new Descriptors(files);
  const all = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
  const info = serverReflectionInfo(descriptors, [...names, ...all]);
  return all.map((name) => ({ name, methods: { ServerReflectionInfo: info } }));
}

function serverReflectionInfo(descriptors: Descriptors, names: readonly string[]): Method {
  return {
    kind: 'bidi',
    open: (_call, responses) => {
      let goOn: () => void = () => undefined;
      responses.onDrain(() => goOn());
      return {
        message: (request) => {
          const room = responses.write(answer(descriptors, names, request));
          if (room) return undefined;
          return new Promise((resolve) => {
            goOn = resolve;
          });
        },
        halfClose: () => responses.end(),
        closed: () => goOn(),
      };
    },
  };
}

// ServerReflectionRequest: file_by_filename = 3, file_containing_symbol = 4, file_containing_extension = 5,
// all_extension_numbers_of_type = 6, list_services = 7.
// ServerReflectionResponse: original_request = 2, file_descriptor_response = 4, list_services_response = 6,
// error_response = 7.
function answer(descriptors: Descriptors, names: readonly string[], request: Uint8Array): Buffer {
  const asked = fieldsOf(request).find(({ number }) => number >= 3 && number <= 7);
  const text = asked?.bytes.toString('utf8') ?? '';
  const original = bytesField(2, request);
  switch (asked?.number) {
    case 3:
      return Buffer.concat([original, filesAnswer(descriptors, descriptors.byName(text), `file not found: ${text}`)]);
    case 4:
      return Buffer.concat([
        original,
        filesAnswer(descriptors, descriptors.bySymbol(text), `symbol not found: ${text}`),
      ]);
    case 7:
      return Buffer.concat([
        original,
        bytesField(6, Buffer.concat(names.map((name) => bytesField(1, bytesField(1, name))))),
      ]);
    default:
      return Buffer.concat([original, notFound('not known here')]);
  }
}

function filesAnswer(descriptors: Descriptors, file: DescriptorFile | undefined, otherwise: string): Buffer {
  if (file === undefined) return notFound(otherwise);
  return bytesField(4, Buffer.concat(descriptors.closure(file).map(({ bytes }) => bytesField(1, bytes))));
}

function notFound(message: string): Buffer {
  return bytesField(7, Buffer.concat([numberField(1, grpcCode.notFound), bytesField(2, message)]));
}

function fieldsOf(request: Uint8Array): readonly WireField[] {
  try {
    return [...readFields(request)];
  } catch (error: unknown) {
    if (error instanceof RangeError) throw new RpcError(grpcCode.invalidArgument, error.message);
    throw error;
  }
}

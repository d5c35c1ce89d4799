// grpc.reflection.v1.ServerReflection, and v1alpha, which has the same messages: tools ask what a server serves.

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
// ServerReflectionResponse: original_request = 2, file_descriptor_response = 4, all_extension_numbers_response = 5,
// list_services_response = 6, error_response = 7.
function answer(descriptors: Descriptors, names: readonly string[], request: Uint8Array): Buffer {
  return Buffer.concat([bytesField(2, request), answerTo(descriptors, names, questionOf(request))]);
}

function answerTo(descriptors: Descriptors, names: readonly string[], asked: WireField | undefined): Buffer {
  const text = asked?.bytes.toString('utf8') ?? '';
  switch (asked?.number) {
    case 3:
      return filesAnswer(descriptors, descriptors.byName(text), `file not found: ${text}`);
    case 4:
      return filesAnswer(descriptors, descriptors.bySymbol(text), `symbol not found: ${text}`);
    case 5:
      return extensionAnswer(descriptors, asked.bytes);
    case 6:
      return numbersAnswer(descriptors, text);
    case 7:
      return bytesField(6, Buffer.concat(names.map((name) => bytesField(1, bytesField(1, name)))));
    default:
      return failure(grpcCode.invalidArgument, 'the request asks nothing that is known here');
  }
}

function filesAnswer(descriptors: Descriptors, file: DescriptorFile | undefined, otherwise: string): Buffer {
  if (file === undefined) return failure(grpcCode.notFound, otherwise);
  return bytesField(4, Buffer.concat(descriptors.closure(file).map(({ bytes }) => bytesField(1, bytes))));
}

// ExtensionRequest: containing_type = 1, extension_number = 2.
function extensionAnswer(descriptors: Descriptors, request: Uint8Array): Buffer {
  let message = '';
  let number = 0;
  for (const field of fieldsOf(request)) {
    if (field.number === 1) message = field.bytes.toString('utf8');
    if (field.number === 2) number = Number(BigInt.asIntN(32, field.value));
  }
  const file = descriptors.byExtension(message, number);
  return filesAnswer(descriptors, file, `extension not found: ${number} of ${message}`);
}

// ExtensionNumberResponse: base_type_name = 1, extension_number = 2.
function numbersAnswer(descriptors: Descriptors, message: string): Buffer {
  const numbers = descriptors.extensionNumbers(message);
  if (numbers === undefined) return failure(grpcCode.notFound, `type not found: ${message}`);
  return bytesField(5, Buffer.concat([bytesField(1, message), ...numbers.map((number) => numberField(2, number))]));
}

// ErrorResponse: error_code = 1, error_message = 2.
function failure(code: number, message: string): Buffer {
  return bytesField(7, Buffer.concat([numberField(1, code), bytesField(2, message)]));
}

/** The last one that is set, as protobuf has it of several. */
function questionOf(request: Uint8Array): WireField | undefined {
  let asked: WireField | undefined;
  for (const field of fieldsOf(request)) if (field.number >= 3 && field.number <= 7) asked = field;
  return asked;
}

/** One at a time: a request may have millions of them. */
function* fieldsOf(request: Uint8Array): Generator<WireField> {
  try {
    yield* readFields(request);
  } catch (error: unknown) {
    if (error instanceof RangeError) throw new RpcError(grpcCode.invalidArgument, error.message);
    throw error;
  }
}

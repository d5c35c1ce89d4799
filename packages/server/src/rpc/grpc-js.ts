// The gRPC carrier of today: grpc-js under the handler interface. It is fed accepted sockets by the listener and knows
// neither ports nor services. Everything that is peculiar to grpc-js stays in this file.

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import {
  type ChannelOptions,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Call, Method, ResponseStream, Router, StreamHandler, UnaryHandler } from './handler.ts';
import { grpcCode, RpcError } from './status.ts';

/** What the listener hands HTTP/2 connections to. */
export interface GrpcCarrier {
  inject(socket: Socket): void;
  /** Tells clients to go, lets calls in flight end, and cuts what is left after `graceMs`. */
  drain(graceMs: number): void;
}

export interface GrpcLimits {
  /** A longer message is refused with ResourceExhausted before it is read. */
  readonly receiveBytesMax: number;
  readonly sendBytesMax: number;
  /** Per connection. */
  readonly concurrentStreamsMax: number;
  /** Pings go out to an idle client this often; 0 = never. One that does not answer within the timeout is cut off. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
}

export interface GrpcCarrierOptions {
  readonly router: Router;
  readonly limits: GrpcLimits;
  /** A service threw something that is no `RpcError`: a fault of ours. The client gets its text as Unknown. */
  readonly onFault: (path: string, error: unknown) => void;
}

export function createGrpcCarrier({ router, limits, onFault }: GrpcCarrierOptions): GrpcCarrier {
  const server = new Server({ ...channelOptions(limits), interceptors: [speakAsGrpcGo] });
  for (const [path, method] of router.methods) {
    server.register(path, handlerOf(path, method, onFault), toBuffer, identity, typeOf(method));
  }
  serveUnknown(server, router);
  surviveResets(server, onFault);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    inject: (socket) => injector.injectConnection(socket),
    drain: (graceMs) => injector.drain(graceMs),
  };
}

function channelOptions(limits: GrpcLimits): ChannelOptions {
  return {
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': limits.receiveBytesMax,
    'grpc.max_send_message_length': limits.sendBytesMax,
    'grpc.max_concurrent_streams': limits.concurrentStreamsMax,
    ...(limits.keepaliveIntervalMs > 0
      ? {
          'grpc.keepalive_time_ms': limits.keepaliveIntervalMs,
          'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
        }
      : {}),
  };
}

/**
 * grpc-js has no hook for paths nobody registered and answers them with words of its own, where clients expect grpc-go's.
 * Its look-up is one method, replaced here on the instance; a test holds that this version still asks it.
 */
function serveUnknown(server: Server, router: Router): void {
  const lookUp: unknown = Reflect.get(server, '_retrieveHandler');
  if (typeof lookUp !== 'function') return;
  Object.defineProperty(server, '_retrieveHandler', {
    value: (path: string): unknown =>
      Reflect.apply(lookUp, server, [path]) ?? {
        func: (call: ServerDuplexStream<Buffer, Uint8Array>) => failStream(call, router.unknown(path)),
        serialize: toBuffer,
        deserialize: identity,
        type: 'bidi',
        path,
      },
  });
}

/**
 * A call may begin when its connection has just ended: by a client that opens calls and takes them back by the thousand, at
 * will. grpc-js then answers on a stream that is gone, and what Node throws at that would end the process.
 */
function surviveResets(server: Server, onFault: GrpcCarrierOptions['onFault']): void {
  const begin: unknown = Reflect.get(server, '_streamHandler');
  if (typeof begin !== 'function') return;
  Object.defineProperty(server, '_streamHandler', {
    value: (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
      try {
        Reflect.apply(begin, server, [interceptors, stream, headers]);
      } catch (error: unknown) {
        if (stream.destroyed || stream.closed) return;
        onFault(headers[':path'] ?? '', error);
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      }
    },
  });
}

/** What grpc-js refuses by itself, in grpc-go's words. The refusal passes no other hook than the call it is sent by. */
function speakAsGrpcGo(_method: unknown, call: ServerInterceptingCallInterface): ServerInterceptingCall {
  const send = call.sendStatus;
  call.sendStatus = (status) => send.call(call, { ...status, details: inGrpcGo(status.details ?? '') });
  // It goes on as it is: a wrapper would cost every call something.
  return call as ServerInterceptingCall;
}

function inGrpcGo(details: string): string {
  const tooLong = /^Received message larger than max \((\d+) vs (\d+)\)$/.exec(details);
  if (tooLong !== null) return `grpc: received message larger than max (${tooLong[1]} vs. ${tooLong[2]})`;
  const encoding = /^Received message compressed with unsupported encoding (".*")$/.exec(details);
  return encoding === null ? details : `grpc: Decompressor is not installed for grpc-encoding ${encoding[1]}`;
}

function typeOf(method: Method): 'unary' | 'bidi' {
  return method.kind === 'unary' ? 'unary' : 'bidi';
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type GrpcHandler = handleUnaryCall<Buffer, Uint8Array> | handleBidiStreamingCall<Buffer, Uint8Array>;

function handlerOf(path: string, method: Method, onFault: GrpcCarrierOptions['onFault']): GrpcHandler {
  const fault = (error: unknown): RpcError => {
    if (error instanceof RpcError) return error;
    onFault(path, error);
    return new RpcError(grpcCode.unknown, error instanceof Error ? error.message : String(error));
  };
  return method.kind === 'unary' ? unary(path, method.handle, fault) : stream(path, method.open, fault);
}

function unary(path: string, handle: UnaryHandler, fault: (error: unknown) => RpcError): GrpcHandler {
  return (call: ServerUnaryCall<Buffer, Uint8Array>, answer: sendUnaryData<Uint8Array>): void => {
    handle(call.request, new GrpcCall(path, call)).then(
      (response) => answer(null, response),
      (error: unknown) => {
        const { code, message } = fault(error);
        answer({ code, details: message });
      },
    );
  };
}

function stream(path: string, open: StreamHandler, fault: (error: unknown) => RpcError): GrpcHandler {
  return (call: ServerDuplexStream<Buffer, Uint8Array>): void => {
    const responses = new GrpcResponses(call);
    const listener = open(new GrpcCall(path, call), responses);
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      responses.close();
      listener.closed();
    };
    call.on('data', (request: Buffer) => {
      if (closed) return;
      try {
        const taken = listener.message(request);
        if (taken === undefined) return;
        call.pause();
        taken.then(
          () => call.resume(),
          (error: unknown) => responses.fail(fault(error)),
        );
      } catch (error: unknown) {
        responses.fail(fault(error));
      }
    });
    call.on('end', () => {
      if (!closed) listener.halfClose();
    });
    call.on('cancelled', close);
    call.on('close', close);
  };
}

function failStream(call: ServerDuplexStream<Buffer, Uint8Array>, { code, message }: RpcError): void {
  // What the client still sends is read and dropped; otherwise its window would stay shut.
  call.resume();
  call.emit('error', Object.assign(new Error(message), { code, details: message }));
}

class GrpcCall implements Call {
  readonly path: string;
  readonly #call: ServerUnaryCall<Buffer, Uint8Array> | ServerDuplexStream<Buffer, Uint8Array>;

  constructor(path: string, call: ServerUnaryCall<Buffer, Uint8Array> | ServerDuplexStream<Buffer, Uint8Array>) {
    this.path = path;
    this.#call = call;
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get deadline(): number {
    const deadline = this.#call.getDeadline();
    return typeof deadline === 'number' ? deadline : deadline.getTime();
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  header(name: string): string | undefined {
    const value = this.#call.metadata.get(name)[0];
    return typeof value === 'string' ? value : undefined;
  }

  onCancel(listener: () => void): void {
    if (this.#call.cancelled) listener();
    else this.#call.once('cancelled', () => listener());
  }
}

class GrpcResponses implements ResponseStream {
  readonly #call: ServerDuplexStream<Buffer, Uint8Array>;
  #open = true;

  constructor(call: ServerDuplexStream<Buffer, Uint8Array>) {
    this.#call = call;
  }

  write(message: Uint8Array): boolean {
    return this.#open ? this.#call.write(message) : true;
  }

  onDrain(listener: () => void): void {
    this.#call.on('drain', listener);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#call.end();
  }

  fail(error: RpcError): void {
    if (!this.#open) return;
    this.#open = false;
    failStream(this.#call, error);
  }

  close(): void {
    this.#open = false;
  }
}

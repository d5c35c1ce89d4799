// A service that says what it was told, in every kind of call.

import { createRouter, grpcCode, type Router, RpcError, type Service, type StreamHandler } from '../src/index.ts';

/** Writes as fast as the client reads. */
const count: StreamHandler = (call, responses) => {
  let left = 0;
  let message = Buffer.alloc(0);
  const go = (): void => {
    while (left > 0 && !call.cancelled) {
      left -= 1;
      if (!responses.write(message)) return;
    }
    if (left === 0) responses.end();
  };
  responses.onDrain(go);
  return {
    message: (request) => {
      const [times = '', length = ''] = Buffer.from(request).toString().split(' ');
      left = Number(times);
      message = Buffer.alloc(Number(length), 7);
      go();
    },
    halfClose: () => undefined,
    closed: () => undefined,
  };
};

export const echo: Service = {
  name: 'test.Echo',
  methods: {
    Say: {
      kind: 'unary',
      handle: async (request, call) => {
        const told = call.header('x-told');
        if (told !== undefined) {
          call.sendHeader('x-heard', told);
          call.sendTrailer('x-length', String(request.length));
        }
        for (const bytes of call.metadata.bytes('x-some-bin')) call.sendTrailer('x-some-bin', bytes);
        return request;
      },
    },
    Refuse: {
      kind: 'unary',
      handle: async (request) => {
        throw new RpcError(grpcCode.failedPrecondition, Buffer.from(request).toString(), Buffer.from([1, 2, 3]));
      },
    },
    Break: {
      kind: 'unary',
      handle: async () => {
        throw new Error('broken');
      },
    },
    Wait: {
      kind: 'unary',
      handle: (request, call) => new Promise((resolve) => call.onCancel(() => resolve(request))),
    },
    Count: { kind: 'serverStream', open: count },
    Collect: {
      kind: 'clientStream',
      open: (_call, responses) => {
        const all: Uint8Array[] = [];
        return {
          message: (request) => {
            all.push(request);
          },
          halfClose: () => {
            responses.write(Buffer.concat(all));
            responses.end();
          },
          closed: () => undefined,
        };
      },
    },
    Talk: {
      kind: 'bidi',
      open: (_call, responses) => ({
        message: async (request) => {
          if (Buffer.from(request).toString() === 'refuse') responses.fail(new RpcError(grpcCode.aborted, 'as asked'));
          else responses.write(request);
        },
        halfClose: () => responses.end(),
        closed: () => undefined,
      }),
    },
  },
};

export const echoRouter: Router = createRouter([echo]);

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { type Call, createRouter, grpcCode, RpcError, type Service } from '@kontiki/grpc';
import { Carrier } from '../../src/rpc/carrier.ts';
import { bindPort } from '../../src/rpc/listener.ts';
import { openPort, type Port, same } from './port.ts';

const echo: Service = {
  name: 'test.Echo',
  methods: {
    Say: { kind: 'unary', handle: async (request) => request },
    Refuse: { kind: 'unary', handle: () => Promise.reject(new RpcError(grpcCode.outOfRange, 'too far: 100 %')) },
    Break: { kind: 'unary', handle: () => Promise.reject(new Error('the floor is gone')) },
    Repeat: {
      kind: 'bidi',
      open: (_call, responses) => ({
        message: (request) => {
          responses.write(request);
        },
        halfClose: () => responses.end(),
        closed: () => undefined,
      }),
    },
  },
};

async function withPort(use: (port: Port) => Promise<void>, ...options: Parameters<typeof openPort>): Promise<void> {
  const port = await openPort(...options);
  try {
    await use(port);
  } finally {
    await port.close();
  }
}

function bidi(port: Port, path: string): ClientDuplexStream<Uint8Array, Buffer> {
  return port.client.makeBidiStreamRequest(path, same, same, new Metadata());
}

function ended(stream: ClientDuplexStream<Uint8Array, Buffer>): Promise<string> {
  return new Promise((resolve) => {
    stream.on('error', (error: Error & { code?: number; details?: string }) =>
      resolve(`${error.code} ${error.details}`),
    );
    stream.on('end', () => resolve('ended'));
    stream.resume();
  });
}

describe('the client port', () => {
  it('serves gRPC and plain HTTP on one port', async () => {
    await withPort(
      async (port) => {
        assert.equal(await port.unary('/test.Echo/Say', Buffer.from('hello')), 'ok hello');
        const response = await fetch(`http://127.0.0.1:${port.listener.port}/health`);
        assert.equal(await response.text(), 'plain /health');
      },
      [echo],
    );
  });

  it('answers plain HTTP that comes byte by byte', async () => {
    await withPort(
      async (port) => {
        const answer = await new Promise<string>((resolve) => {
          const socket = connect(port.listener.port, '127.0.0.1');
          const request = 'PRICE /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'.replace('PRICE', 'PATCH');
          let at = 0;
          const next = (): void => {
            if (at === request.length) return;
            socket.write(request.charAt(at++), () => setImmediate(next));
          };
          socket.on('connect', next);
          socket.on('data', (chunk) => resolve(chunk.toString()));
        });

        assert.match(answer, /^HTTP\/1\.1 200 OK/);
      },
      [echo],
    );
  });

  it('refuses an unknown method, service and path in the words of grpc-go', async () => {
    await withPort(
      async (port) => {
        const request = Buffer.alloc(0);

        assert.equal(
          await port.unary('/test.Echo/Nope', request),
          `${grpcCode.unimplemented} unknown method Nope for service test.Echo`,
        );
        assert.equal(await port.unary('/a.B/C', request), `${grpcCode.unimplemented} unknown service a.B`);
        assert.equal(await port.unary('/a', request), `${grpcCode.unimplemented} malformed method name: "/a"`);
      },
      [echo],
    );
  });

  it('refuses an unknown method on a stream that stays open', async () => {
    await withPort(
      async (port) => {
        const stream = bidi(port, '/test.Echo/Nope');
        stream.write(Buffer.from('x'));

        assert.equal(await ended(stream), `${grpcCode.unimplemented} unknown method Nope for service test.Echo`);
      },
      [echo],
    );
  });

  it('carries the code and the text of a refusal, whatever is in it', async () => {
    await withPort(
      async (port) => {
        assert.equal(await port.unary('/test.Echo/Refuse', Buffer.alloc(0)), `${grpcCode.outOfRange} too far: 100 %`);
      },
      [echo],
    );
  });

  it('reports a fault of a service and answers its text as Unknown', async () => {
    const faults: unknown[] = [];
    await withPort(
      async (port) => {
        assert.equal(await port.unary('/test.Echo/Break', Buffer.alloc(0)), `${grpcCode.unknown} the floor is gone`);
        assert.equal(faults.length, 1);
      },
      [echo],
      {
        grpc: {
          onEvent: (event) => {
            if (event.kind === 'handlerFault') faults.push(event.error);
          },
        },
      },
    );
  });

  it('refuses a message that is longer than it reads', async () => {
    await withPort(
      async (port) => {
        assert.equal((await port.unary('/test.Echo/Say', Buffer.alloc(1000))).slice(0, 3), 'ok ');
        assert.match(
          await port.unary('/test.Echo/Say', Buffer.alloc(1001)),
          new RegExp(`^${grpcCode.resourceExhausted} .*larger than max`, 'i'),
        );
      },
      [echo],
    );
  });

  it('answers a content type that is not gRPC with 415', async () => {
    await withPort(
      async (port) => {
        const session = connectHttp2(`http://127.0.0.1:${port.listener.port}`);
        const stream = session.request({ ':method': 'POST', ':path': '/test.Echo/Say', 'content-type': 'text/plain' });
        stream.end();
        const status = await new Promise((resolve) => {
          stream.on('response', (headers) => resolve(headers[constants.HTTP2_HEADER_STATUS]));
        });
        session.destroy();

        assert.equal(status, 415);
      },
      [echo],
    );
  });

  it('asks the guard before the method and counts what it refuses', async () => {
    const finished: string[] = [];
    await withPort(
      async (port) => {
        assert.equal(await port.unary('/test.Echo/Say', Buffer.from('a')), 'ok a');
        assert.equal(
          await port.unary('/test.Echo/Say', Buffer.from('a'), { forbidden: 'yes' }),
          `${grpcCode.permissionDenied} no`,
        );
        assert.deepEqual(finished, ['/test.Echo/Say 0', `/test.Echo/Say ${grpcCode.permissionDenied}`]);
      },
      [echo],
      {
        guard: (_path, _kind, call) =>
          call.header('forbidden') === 'yes' ? new RpcError(grpcCode.permissionDenied, 'no') : undefined,
        observer: {
          started: () => undefined,
          received: () => undefined,
          sent: () => undefined,
          finished: (path, _kind, code) => finished.push(`${path} ${code}`),
        },
      },
    );
  });

  it('counts a stream that its service has thrown out under the code that the client gets', async () => {
    const finished: string[] = [];
    const thrower = (message: () => void | Promise<void>): Service['methods'][string] => ({
      kind: 'bidi',
      open: () => ({ message, halfClose: () => undefined, closed: () => undefined }),
    });
    const refused = new RpcError(grpcCode.dataLoss, 'no');
    const service: Service = {
      name: 'test.Thrower',
      methods: {
        Now: thrower(() => {
          throw refused;
        }),
        Later: thrower(() => Promise.reject(refused)),
        Fault: thrower(() => Promise.reject(new Error('the floor is gone'))),
      },
    };
    await withPort(
      async (port) => {
        for (const method of ['Now', 'Later', 'Fault']) {
          const stream = bidi(port, `/test.Thrower/${method}`);
          stream.write(Buffer.from('x'));
          await ended(stream);
        }

        assert.deepEqual(finished, ['/test.Thrower/Now 15', '/test.Thrower/Later 15', '/test.Thrower/Fault 2']);
      },
      [service],
      {
        observer: {
          started: () => undefined,
          received: () => undefined,
          sent: () => undefined,
          finished: (path, _kind, code) => finished.push(`${path} ${code}`),
        },
      },
    );
  });

  it('lets a stream end by half-close, with every answer before its end', async () => {
    await withPort(
      async (port) => {
        const stream = bidi(port, '/test.Echo/Repeat');
        const said: string[] = [];
        stream.on('data', (data: Buffer) => said.push(data.toString()));
        for (const word of ['a', 'b', 'c']) stream.write(Buffer.from(word));
        stream.end();

        assert.equal(await ended(stream), 'ended');
        assert.deepEqual(said, ['a', 'b', 'c']);
      },
      [echo],
    );
  });
});

describe('a stream', () => {
  it('is told when its client goes, once', async () => {
    const closed: string[] = [];
    let gone: () => void = () => undefined;
    const service: Service = {
      name: 'test.Life',
      methods: {
        Watch: {
          kind: 'bidi',
          open: (_call, responses) => ({
            message: (request) => {
              responses.write(request);
            },
            halfClose: () => undefined,
            closed: () => {
              closed.push('closed');
              gone();
            },
          }),
        },
      },
    };
    await withPort(
      async (port) => {
        const stream = bidi(port, '/test.Life/Watch');
        stream.on('error', () => undefined);
        stream.write(Buffer.from('x'));
        await new Promise((resolve) => stream.once('data', resolve));
        const told = new Promise<void>((resolve) => {
          gone = resolve;
        });

        stream.cancel();
        await told;

        assert.deepEqual(closed, ['closed']);
      },
      [service],
    );
  });

  it('feels a client that does not read, and is told when there is room again', async () => {
    let written = 0;
    let drains = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const total = 200;
    const service: Service = {
      name: 'test.Flood',
      methods: {
        Pour: {
          kind: 'serverStream',
          open: (_call, responses) => {
            const pour = (): void => {
              while (written < total) {
                written++;
                if (!responses.write(chunk)) return;
              }
              responses.end();
            };
            responses.onDrain(() => {
              drains++;
              pour();
            });
            return { message: pour, halfClose: () => undefined, closed: () => undefined };
          },
        },
      },
    };
    await withPort(
      async (port) => {
        const client = port.client;
        const stream = client.makeServerStreamRequest('/test.Flood/Pour', same, same, Buffer.alloc(0));
        await new Promise((resolve) => stream.once('readable', resolve));
        const writtenUnread = written;
        let read = 0;
        for await (const data of stream) read += (data as Buffer).length;

        assert.ok(
          writtenUnread < total,
          `${writtenUnread} of ${total} messages were written to a client that did not read`,
        );
        assert.ok(drains > 0);
        assert.equal(read, total * chunk.length);
      },
      [service],
    );
  });

  it('is sent its next message only when it has finished with the last', async () => {
    const log: string[] = [];
    const service: Service = {
      name: 'test.Slow',
      methods: {
        Do: {
          kind: 'bidi',
          open: (_call, responses) => ({
            message: async (request) => {
              log.push(`begin ${Buffer.from(request)}`);
              await new Promise((resolve) => setImmediate(resolve));
              log.push(`end ${Buffer.from(request)}`);
            },
            halfClose: () => responses.end(),
            closed: () => undefined,
          }),
        },
      },
    };
    await withPort(
      async (port) => {
        const stream = bidi(port, '/test.Slow/Do');
        stream.write(Buffer.from('1'));
        stream.write(Buffer.from('2'));
        stream.end();
        await ended(stream);

        assert.deepEqual(log, ['begin 1', 'end 1', 'begin 2', 'end 2']);
      },
      [service],
    );
  });
});

describe('a call', () => {
  it('knows its headers, its deadline and its end', async () => {
    let seen: Call | undefined;
    let peer = '';
    let cancelled: () => void = () => undefined;
    const cancellation = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const service: Service = {
      name: 'test.Wait',
      methods: {
        Forever: {
          kind: 'unary',
          handle: (_request, call) => {
            seen = call;
            // Known as long as the connection lives.
            peer = call.peer;
            call.onCancel(cancelled);
            return new Promise(() => undefined);
          },
        },
      },
    };
    await withPort(
      async (port) => {
        const metadata = new Metadata();
        metadata.set('hasleader', 'true');
        const path = '/test.Wait/Forever';
        let deadline = 0;
        let code: unknown;
        // On a busy machine a call may be over before it has left its client.
        for (let ms = 100; seen === undefined; ms *= 2) {
          deadline = Date.now() + ms;
          code = await new Promise((resolve) => {
            port.client.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, { deadline }, (error) =>
              resolve(error?.code),
            );
          });
        }
        await cancellation;

        assert.equal(code, grpcCode.deadlineExceeded);
        assert.equal(seen?.path, path);
        assert.equal(seen?.header('hasleader'), 'true');
        assert.equal(seen?.header('token'), undefined);
        // It is told as a span: at the server it begins when the call is there.
        const told = (seen?.deadline ?? 0) - deadline;
        assert.ok(told > -100 && told <= Date.now() - deadline + 100, `${told}`);
        assert.match(peer, /^127\.0\.0\.1:\d+$/);
      },
      [service],
    );
  });
});

describe('bounds of the client port', () => {
  const hasty = { listen: { firstWordsMs: 50 } };

  it('closes a connection that says nothing, and one that stops inside the preface', async () => {
    await withPort(
      async (port) => {
        assert.equal(await port.raw(''), '');
        assert.equal(await port.raw('PRI * HTTP/2.0\r\n'), '');
        assert.equal(await port.unary('/test.Echo/Say', Buffer.from('a')), 'ok a');
      },
      [echo],
      hasty,
    );
  });

  it('closes a connection that stops inside an HTTP/1.1 head', async () => {
    await withPort(
      async (port) => {
        assert.equal(await port.raw('GET /health HTTP/1.1\r\nhost'), '');
      },
      [echo],
      hasty,
    );
  });

  it('answers what is neither with 400 and lives on', async () => {
    await withPort(
      async (port) => {
        assert.match(await port.raw('\x16\x03\x01 hello'), /^HTTP\/1\.1 400/);
        assert.match(await port.raw(Buffer.from('PRI * HTTP/2.0\r\n\r\nXX')), /^HTTP\/1\.1 400/);
        assert.equal(await port.unary('/test.Echo/Say', Buffer.from('a')), 'ok a');
      },
      [echo],
    );
  });

  it('cuts off a client that sends half a frame and then nothing, once it leaves a ping unanswered', async () => {
    await withPort(
      async (port) => {
        const halfFrame = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x40\x01', 'latin1');
        await port.raw(halfFrame);
        assert.equal(await port.unary('/test.Echo/Say', Buffer.from('a')), 'ok a');
      },
      [echo],
      { grpc: { keepalive: { intervalMs: 50, timeoutMs: 50 } } },
    );
  });

  it('takes no more connections than it may', async () => {
    await withPort(
      async (port) => {
        const first = connect(port.listener.port, '127.0.0.1');
        await new Promise((resolve) => first.once('connect', resolve));
        assert.equal(await port.raw('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), '');
        first.destroy();
      },
      [echo],
      { listen: { connectionsMax: 1 } },
    );
  });

  it('lets calls in flight end when it closes, and cuts what lasts longer', async () => {
    let release: (bytes: Uint8Array) => void = () => undefined;
    let begun: () => void = () => undefined;
    const service: Service = {
      name: 'test.Gate',
      methods: {
        Pass: {
          kind: 'unary',
          handle: () => {
            begun();
            return new Promise((resolve) => {
              release = resolve;
            });
          },
        },
      },
    };
    const port = await openPort([service]);
    const start = (): Promise<void> =>
      new Promise((resolve) => {
        begun = resolve;
      });

    const started = start();
    const call = port.unary('/test.Gate/Pass', Buffer.alloc(0));
    await started;
    const closed = port.listener.close(5_000);
    release(Buffer.from('through'));
    assert.equal(await call, 'ok through');
    await closed;
    port.client.close();

    const other = await openPort([service]);
    const startedAgain = start();
    const cut = other.unary('/test.Gate/Pass', Buffer.alloc(0));
    await startedAgain;
    await other.listener.close(20);
    assert.notEqual((await cut).slice(0, 2), 'ok');
    other.client.close();
  });

  it('says which port it could not have', async () => {
    await withPort(
      async ({ listener }) => {
        await assert.rejects(
          () => bindPort({ host: '127.0.0.1', port: listener.port, connectionsMax: 1 }),
          (error: NodeJS.ErrnoException) => error.code === 'EADDRINUSE',
        );
      },
      [echo],
    );
  });

  it('lets connections wait that come before there is a service', async () => {
    const bound = await bindPort({ host: '127.0.0.1', port: 0, connectionsMax: 10 });
    const early = await ask(bound.port);
    bound.serve(
      new Carrier({
        grpc: { router: createRouter([]) },
        http: (_request, answer) => answer.end('at last'),
        firstWordsMs: 5_000,
      }),
    );

    assert.match(await early.answer, /at last$/);
    await bound.close(0);
  });

  it('cuts connections that still wait for a service when it closes', async () => {
    const bound = await bindPort({ host: '127.0.0.1', port: 0, connectionsMax: 10 });
    const early = await ask(bound.port);
    await bound.close(5_000);

    assert.equal(await early.answer, '');
  });
});

/** An HTTP request on a connection that the listener has accepted. What comes until the connection ends is the answer. */
async function ask(port: number): Promise<{ readonly answer: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  // Cut off is an end like any other here.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(answer)));
  socket.write('GET /early HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n');
  // Our side knows of the connection one turn of the loop before the listener does.
  await new Promise((resolve) => setImmediate(resolve));
  return { answer: closed };
}

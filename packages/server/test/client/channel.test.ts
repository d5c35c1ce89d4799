// The commands' own gRPC client: against our server for what a server should do, and against bare node:http2 for the rest.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { grpcCode, RpcError, type Service } from '@kontiki/grpc';
import { Channel } from '../../src/client/channel.ts';
import { framed, MessageCutter } from '../../src/client/messages.ts';
import { openPort, type Port } from '../rpc/port.ts';

const callMsMax = 20_000;
let closed: () => void = () => undefined;

const service: Service = {
  name: 'test.Client',
  methods: {
    Say: { kind: 'unary', handle: async (request) => request },
    Large: { kind: 'unary', handle: async (request) => Buffer.alloc(Number(Buffer.from(request).toString()), 7) },
    Refuse: { kind: 'unary', handle: () => Promise.reject(new RpcError(grpcCode.outOfRange, 'zu groß: 100 %')) },
    Never: { kind: 'unary', handle: () => new Promise(() => undefined) },
    Repeat: {
      kind: 'bidi',
      open: (_call, responses) => ({
        message: (request) => {
          if (Buffer.from(request).toString() === 'fail') throw new RpcError(grpcCode.aborted, 'as you wish');
          responses.write(request);
          responses.write(request);
        },
        halfClose: () => responses.end(),
        closed: () => closed(),
      }),
    },
  },
};

async function outcome(answer: Promise<Uint8Array>): Promise<string> {
  try {
    return `ok ${Buffer.from(await answer)}`;
  } catch (error: unknown) {
    assert.ok(error instanceof RpcError, String(error));
    return `${error.code} ${error.message}`;
  }
}

describe('a channel', () => {
  let port: Port;
  let channel: Channel;
  const unary = (method: string, request: string, timeoutMs = callMsMax): Promise<string> =>
    outcome(channel.unary(`/test.Client/${method}`, Buffer.from(request), timeoutMs));

  before(async () => {
    port = await openPort([service]);
    channel = new Channel(`127.0.0.1:${port.listener.port}`);
    await channel.connected(callMsMax);
  });
  after(async () => {
    channel.close();
    await port.close();
  });

  it('brings back answers and refusals as they are', async () => {
    assert.equal(await unary('Say', 'hello'), 'ok hello');
    assert.equal(await unary('Say', ''), 'ok ');
    assert.equal(await unary('Refuse', ''), `${grpcCode.outOfRange} zu groß: 100 %`);
    assert.equal(await unary('Nope', ''), `${grpcCode.unimplemented} unknown method Nope for service test.Client`);
  });

  it('takes an answer that is longer than every window', async () => {
    const answer = await channel.unary('/test.Client/Large', Buffer.from('3000000'), callMsMax);

    assert.deepEqual(Buffer.from(answer), Buffer.alloc(3_000_000, 7));
  });

  it('gives up a call at its deadline', async () => {
    assert.match(await unary('Never', '', 50), new RegExp(`^${grpcCode.deadlineExceeded} `));
  });

  it('exchanges messages until either side ends', async () => {
    const stream = channel.stream('/test.Client/Repeat');
    const heard: string[] = [];
    stream.send(Buffer.from('a'));
    for await (const message of stream) {
      heard.push(Buffer.from(message).toString());
      if (heard.length === 2) stream.send(Buffer.from('b'));
      if (heard.length === 4) stream.halfClose();
    }
    assert.deepEqual(heard, ['a', 'a', 'b', 'b']);

    const failing = channel.stream('/test.Client/Repeat');
    failing.send(Buffer.from('fail'));
    const next = failing[Symbol.asyncIterator]().next();
    await assert.rejects(next, { name: 'RpcError', code: grpcCode.aborted, message: 'as you wish' });
  });

  it('cancels a stream that is left', async () => {
    const told = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const stream = channel.stream('/test.Client/Repeat');
    stream.send(Buffer.from('x'));
    for await (const _ of stream) break;

    await told;
  });

  it('says so when it was closed, and connects again when it is asked', async () => {
    channel.close();
    assert.equal(
      await outcome(channel.unary('/test.Client/Say', Buffer.from('x'), callMsMax)),
      `${grpcCode.unavailable} the connection to ${channel.endpoint} was lost`,
    );

    await Promise.all([channel.connected(callMsMax), channel.connected(callMsMax)]);
    assert.equal(await unary('Say', 'again'), 'ok again');
  });
});

describe('a channel to a server of its own kind', () => {
  let server: Http2Server;
  let channel: Channel;
  let answer: (stream: ServerHttp2Stream) => void;
  const sessions = new Set<ServerHttp2Session>();

  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      answer(stream);
    });
    await once(server, 'listening');
    channel = new Channel(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  after(() => {
    channel.close();
    for (const session of sessions) session.destroy();
    server.close();
  });

  const head = { ':status': 200, 'content-type': 'application/grpc' };
  const rows: readonly (readonly [what: string, answer: (stream: ServerHttp2Stream) => void, outcome: string])[] = [
    ['another HTTP status', (stream) => stream.respond({ ':status': 503 }, { endStream: true }), '2 HTTP status 503'],
    ['no status at all', (stream) => stream.respond(head, { endStream: true }), '13 the answer ends without a status'],
    [
      'a code nobody knows',
      (stream) => stream.respond({ ...head, 'grpc-status': 99, 'grpc-message': '100%' }, { endStream: true }),
      '2 100%',
    ],
    ['a reset', (stream) => stream.close(2), '13 the server reset the call with code 2'],
    ['a call not begun', (stream) => stream.close(7), '14 the connection was lost'],
    ['a connection that breaks', (stream) => stream.session?.destroy(), '14 the connection was lost'],
    [
      'half a message',
      (stream) => {
        stream.respond(head, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }));
        stream.end(framed(Buffer.from('half')).subarray(0, 7));
      },
      '13 the answer ends within a message',
    ],
  ];
  for (const [what, doing, expected] of rows) {
    it(`takes ${what} for what it is`, async () => {
      answer = doing;
      await channel.connected(callMsMax);

      assert.equal(await outcome(channel.unary('/a.B/C', Buffer.alloc(0), callMsMax)), expected);
    });
  }
});

it('messages are the same wherever the stream was cut', () => {
  const messages = ['', 'a', 'bc', '', 'def'.repeat(100)];
  const bytes = Buffer.concat(messages.map((message) => framed(Buffer.from(message))));
  for (let size = 1; size <= bytes.length; size++) {
    const cutter = new MessageCutter();
    const cut: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const message of cutter.cut(bytes.subarray(at, at + size))) cut.push(Buffer.from(message).toString());
    }
    assert.deepEqual(cut, messages);
    assert.ok(cutter.isBetween);
  }
});

it('a message that is longer than may be is refused by its head', () => {
  const cutter = new MessageCutter(1000);
  const refused = { name: 'RpcError', code: grpcCode.resourceExhausted };

  assert.throws(() => [...cutter.cut(framed(Buffer.alloc(1001)).subarray(0, 5))], refused);

  assert.equal([...new MessageCutter(1000).cut(framed(Buffer.alloc(1000)))].length, 1);
});

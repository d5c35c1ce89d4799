// gRPC on the wire, at the level of bytes: what is answered to what, over a pair in memory and in virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeGrpcMessage } from '../../src/calls/grpc-message.ts';
import { readTimeout } from '../../src/calls/grpc-timeout.ts';
import type { Method } from '../../src/calls/handler.ts';
import { metadataField } from '../../src/calls/metadata.ts';
import { MemoryBudget } from '../../src/connection/memory.ts';
import { frameType } from '../../src/frames/frame.ts';
import { grpcCode, RpcError } from '../../src/index.ts';
import { data, frame, requestRows, rstStream, settings, windowUpdate } from '../client.ts';
import { aliveBytes } from '../memory.ts';
import { createRandom, seedOf } from '../random.ts';
import { message, type Rows, replacing, serve, unzippedBytesMax, withRows } from './grpc-client.ts';

const echo: Method = { kind: 'unary', handle: async (request) => request };
const head = [':status: 200', 'content-type: application/grpc'];
test('a unary call: head, one message, trailers', async () => {
  const client = serve({ Method: echo });

  client.call(message('hello'));

  assert.deepEqual(await client.answer(), [...head, 'data 000000000568656c6c6f', 'grpc-status: 0']);
});

test('messages are the same wherever DATA was cut', async () => {
  const all = Buffer.concat([message('a'), message(''), message('0123456789'.repeat(30)), message('z')]);
  for (const step of [1, 2, 3, 4, 5, 6, 7, 100]) {
    const seen: string[] = [];
    const client = serve({
      Method: {
        kind: 'clientStream',
        open: (_call, responses) => ({
          message: (request) => {
            seen.push(Buffer.from(request).toString());
          },
          halfClose: () => responses.end(),
          closed: () => undefined,
        }),
      },
    });
    const streamId = client.begin();

    for (let at = 0; at < all.length; at += step) client.send(data(streamId, all.subarray(at, at + step)));
    client.send(data(streamId, '', true));

    assert.deepEqual(seen, ['a', '', '0123456789'.repeat(30), 'z'], `in steps of ${step}`);
    assert.deepEqual((await client.answer()).slice(-1), ['grpc-status: 0']);
  }
});

/** What ends a call before its handler has seen it. */
const refusals: readonly (readonly [claim: string, status: string, text: string, rows: Rows, body: Buffer])[] = [
  [
    'a method nobody has',
    '12',
    'unknown method No for service test.Service',
    replacing(':path', '/test.Service/No'),
    message(''),
  ],
  ['a service nobody has', '12', 'unknown service test.No', replacing(':path', '/test.No/Method'), message('')],
  ['a path without a slash', '12', 'malformed method name: "Method"', replacing(':path', 'Method'), message('')],
  [
    'a path without its first slash (CVE-2026-33186)',
    '12',
    'malformed method name: "test.Service/Method"',
    replacing(':path', 'test.Service/Method'),
    message(''),
  ],
  [
    'a timeout of nine digits',
    '13',
    'malformed grpc-timeout: 123456789S',
    withRows(['grpc-timeout', '123456789S']),
    message(''),
  ],
  [
    'a message beyond the limit',
    '8',
    'grpc: received message larger than max (1001 vs. 1000)',
    requestRows,
    message(Buffer.alloc(1001)),
  ],
  [
    'a length that is never sent',
    '8',
    'grpc: received message larger than max (4294967295 vs. 1000)',
    requestRows,
    Buffer.from('00ffffffff', 'hex'),
  ],
  [
    'a first byte that is neither 0 nor 1',
    '13',
    'grpc: received unexpected payload format',
    requestRows,
    message('x', 2),
  ],
  [
    'a compressed message without an encoding',
    '13',
    'grpc: compressed flag set with identity or empty encoding',
    requestRows,
    message('x', 1),
  ],
  [
    'an encoding nobody knows',
    '12',
    'grpc: Decompressor is not installed for grpc-encoding "snappy"',
    withRows(['grpc-encoding', 'snappy']),
    message('x', 1),
  ],
  [
    'gzip that is none',
    '13',
    'grpc: failed to decompress the received message: incorrect header check',
    withRows(['grpc-encoding', 'gzip']),
    message('abcdefgh', 1),
  ],
  [
    'gzip of more than a message may have',
    '8',
    'grpc: received message after decompression larger than max 1000',
    withRows(['grpc-encoding', 'gzip']),
    message(gzipSync(Buffer.alloc(100_000)), 1),
  ],
  ['no message', '12', 'a unary call has one message, not none', requestRows, Buffer.alloc(0)],
  [
    'two messages',
    '12',
    'a unary call has one message, not several',
    requestRows,
    Buffer.concat([message('a'), message('b')]),
  ],
  ['half a message', '13', 'the request ends within a message', requestRows, message('abc').subarray(0, 6)],
];
for (const [claim, status, text, rows, body] of refusals) {
  test(`${claim} is refused with ${status}`, async () => {
    let asked = 0;
    const client = serve({
      Method: {
        kind: 'unary',
        handle: async (request) => {
          asked += 1;
          return request;
        },
      },
    });

    client.call(body, rows);
    const lines = await client.answer();

    assert.deepEqual(
      lines.filter((line) => line.startsWith('grpc-status') || line.startsWith('grpc-message')),
      [`grpc-status: ${status}`, `grpc-message: ${text}`],
    );
    assert.equal(lines.filter((line) => line.startsWith('data')).length, 0);
    assert.equal(asked, 0);
    assert.equal(client.connection.calls, 0);
    client.call(message('next'));
    assert.equal((await client.answer()).at(-1), 'grpc-status: 0');
  });
}

for (const [claim, rows, status] of [
  ['another method than POST', replacing(':method', 'GET'), '405'],
  ['another content type', replacing('content-type', 'application/json'), '415'],
  ['a content type that only begins alike', replacing('content-type', 'application/grpcx'), '415'],
  ['no content type', requestRows.slice(0, -1), '415'],
] as const) {
  test(`${claim} is no gRPC: ${status}`, async () => {
    const client = serve({ Method: echo });

    client.call(message(''), rows);

    assert.equal((await client.answer())[0], `:status: ${status}`);
    assert.equal(client.connection.calls, 0);
  });
}

test('content types with a suffix or parameters are gRPC', async () => {
  const client = serve({ Method: echo });
  for (const type of ['application/grpc+proto', 'application/grpc;charset=utf-8']) {
    client.call(message(''), replacing('content-type', type));

    assert.equal((await client.answer()).at(-1), 'grpc-status: 0');
  }
});

test('too many header fields are RESOURCE_EXHAUSTED', async () => {
  const client = serve({ Method: echo });

  client.begin(withRows(...Array.from({ length: 400 }, (_, index) => [`n${index}`, 'some value'] as const)));

  assert.ok((await client.answer()).includes('grpc-status: 8'));
});

test('a status without an answer is one HEADERS frame, its message percent-encoded', async () => {
  const client = serve({
    Method: {
      kind: 'unary',
      handle: async (_request, call) => {
        call.sendTrailer('x-why', 'because');
        throw new RpcError(grpcCode.notFound, '100% ✓', Buffer.from([255]));
      },
    },
  });

  client.call(message(''));

  assert.deepEqual(await client.answer(), [
    ...head,
    'grpc-status: 5',
    'grpc-message: 100%25 %E2%9C%93',
    'grpc-status-details-bin: /w',
    'x-why: because',
  ]);
});

test('an answer beyond the limit is RESOURCE_EXHAUSTED', async () => {
  const client = serve({ Method: { kind: 'unary', handle: async () => Buffer.alloc(2001) } });

  client.call(message(''));

  assert.ok((await client.answer()).includes('grpc-message: trying to send message larger than max (2001 vs. 2000)'));
});

test('gzip is answered with gzip where it is worth it', async () => {
  const client = serve({ Method: echo });
  const rows = withRows(['grpc-encoding', 'gzip'], ['grpc-accept-encoding', 'identity, gzip']);

  client.call(message(gzipSync(Buffer.alloc(300, 65)), 1), rows);
  const long = await client.answer();
  client.call(message('short'), rows);
  const short = await client.answer();

  assert.ok(long.includes('grpc-encoding: gzip'));
  assert.match(long.find((line) => line.startsWith('data')) ?? '', /^data 01000000..1f8b/);
  assert.ok(short.includes('data 000000000573686f7274'));
});

test('a deadline that passes ends the call, tells the handler, and leaves no timer', async () => {
  let told = 0;
  const client = serve({
    Method: {
      kind: 'unary',
      handle: (_request, call) =>
        new Promise((resolve) => {
          assert.equal(call.deadline, 1_000_100);
          call.onCancel(() => {
            told += 1;
            assert.equal(call.signal.aborted, true);
            resolve(Buffer.alloc(0));
          });
        }),
    },
  });
  client.call(message(''), withRows(['grpc-timeout', '100m']));
  const timers = client.time.pending;

  client.time.pass(99);
  assert.equal(told, 0);
  client.time.pass(1);

  assert.equal(told, 1);
  assert.deepEqual(await client.answer(), [...head, 'grpc-status: 4', 'grpc-message: Deadline exceeded']);
  assert.equal(client.time.pending, timers - 1);
  assert.equal(client.connection.calls, 0);
});

test('a deadline in weeks is a deadline still', async () => {
  const client = serve({ Method: { kind: 'unary', handle: () => new Promise(() => undefined) } });
  client.call(message(''), withRows(['grpc-timeout', '700H']));

  client.time.pass(700 * 3_600_000 - 1);
  assert.equal(client.connection.calls, 1);
  assert.deepEqual(client.words(), []);
  client.time.pass(1);

  assert.ok((await client.answer(false)).includes('grpc-status: 4'));
});

test('a call that ends in time leaves no timer', async () => {
  const client = serve({ Method: echo });
  const timers = client.time.pending;

  client.call(message(''), withRows(['grpc-timeout', '100m']));
  await client.answer();

  assert.equal(client.time.pending, timers);
});

test('a call that is taken back is cancelled, and its answer is dropped', async () => {
  let answer: (bytes: Uint8Array) => void = () => undefined;
  let cancelled = 0;
  const client = serve({
    Method: {
      kind: 'unary',
      handle: (_request, call) =>
        new Promise((resolve) => {
          call.onCancel(() => {
            cancelled += 1;
          });
          answer = resolve;
        }),
    },
  });
  const streamId = client.call(message(''));

  client.send(rstStream(streamId, 8));
  assert.equal(cancelled, 1);
  assert.equal(client.connection.calls, 1);
  answer(Buffer.from('late'));

  assert.deepEqual(await client.answer(), []);
  assert.equal(client.connection.calls, 0);
});

test('a stream reads its next message when the one before was taken, and opens its window only then', async () => {
  const seen: number[] = [];
  let take: () => void = () => undefined;
  const client = serve(
    {
      Method: {
        kind: 'bidi',
        open: (_call, responses) => ({
          message: (request) => {
            seen.push(request.length);
            return new Promise((resolve) => {
              take = resolve;
            });
          },
          halfClose: () => responses.end(),
          closed: () => undefined,
        }),
      },
    },
    { receiveBytesMax: 100_000 },
  );
  const streamId = client.begin();
  const bytes = Buffer.concat([message(Buffer.alloc(32_000)), message(Buffer.alloc(32_001)), message('')]);
  for (let at = 0; at < bytes.length; at += 16_000) client.send(data(streamId, bytes.subarray(at, at + 16_000)));
  client.send(data(streamId, '', true));

  assert.deepEqual(await client.answer(false), []);
  assert.deepEqual(seen, [32_000]);
  take();
  await client.answer(false);
  assert.deepEqual(seen, [32_000, 32_001]);
  take();
  await client.answer(false);
  take();

  assert.deepEqual((await client.answer()).slice(-1), ['grpc-status: 0']);
  assert.deepEqual(seen, [32_000, 32_001, 0]);
});

test('behind a message that is not taken, bytes are held: not objects, and not the chunks they came in', async () => {
  const client = serve({
    Method: {
      kind: 'bidi',
      open: () => ({
        message: () => new Promise(() => undefined),
        halfClose: () => undefined,
        closed: () => undefined,
      }),
    },
  });
  const emptyMessages = Buffer.alloc(16_380);
  const idle = frame(0x77, 0, 0, Buffer.alloc(16_000));
  const before = aliveBytes();

  for (let calls = 0; calls < 10; calls++) {
    const streamId = client.begin();
    for (let times = 0; times < 4; times++) client.send(data(streamId, emptyMessages));
    const other = client.begin();
    for (let times = 0; times < 50; times++) client.send(data(other, message('')), idle);
  }

  const held = aliveBytes() - before;
  assert.equal(client.connection.calls, 20);
  assert.ok(held < 3_000_000, `${held} bytes are held for 700,000`);
});

test('messages of a unary call keep its window closed until it is over', async () => {
  const client = serve({ Method: echo }, { receiveBytesMax: 10_000_000, sendBytesMax: 10_000_000 });
  const large = message(Buffer.alloc(5_000_000));
  const widened = async (): Promise<readonly number[]> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return client
      .frames()
      .filter(({ type, streamId }) => type === frameType.windowUpdate && streamId > 0)
      .map(({ streamId }) => streamId);
  };
  const [one, two] = [client.begin(), client.begin()];

  for (const streamId of [one, two]) client.send(data(streamId, large.subarray(0, 16_000)));
  assert.deepEqual(await widened(), [one]);
  for (let at = 16_000; at < large.length; at += 16_000) client.send(data(one, large.subarray(at, at + 16_000)));
  client.send(data(one, '', true));
  assert.deepEqual(await widened(), [], 'the answer waits for a window, and the request with it');
  client.send(rstStream(one, 8));

  assert.deepEqual(await widened(), [two]);
});

test('of messages that unzip to much, no more are unzipped than may be held', async () => {
  let begun = 0;
  const goOn: (() => void)[] = [];
  const client = serve(
    {
      Method: {
        kind: 'unary',
        handle: (request) => {
          begun += 1;
          return new Promise((resolve) => goOn.push(() => resolve(request.subarray(0, 1))));
        },
      },
    },
    { receiveBytesMax: unzippedBytesMax },
  );
  const bomb = message(gzipSync(Buffer.alloc(unzippedBytesMax)), 1);
  const calls = Array.from({ length: 10 }, () => client.call(bomb, withRows(['grpc-encoding', 'gzip'])));
  const settle = async (): Promise<void> => {
    // Unzipping takes a thread; there is nothing to be told that it does not go on.
    for (let turn = 0; turn < 300; turn++) await client.answer(false);
  };

  await settle();
  const first = begun;
  for (const streamId of calls.slice(2, 5)) client.send(rstStream(streamId, 8));
  while (goOn.length > 0 || client.connection.calls > 0) {
    for (const call of goOn.splice(0)) call();
    await client.answer(false);
  }

  assert.ok(first <= 2, `${first} at once`);
  assert.equal(begun, 7);
});

test('what was unzipped counts against the memory of the server, until its handler has finished', async () => {
  const memory = new MemoryBudget(100_000);
  let goOn: () => void = () => undefined;
  const handle: Method = {
    kind: 'unary',
    handle: (request) =>
      new Promise((resolve) => {
        goOn = () => resolve(request.subarray(0, 1));
      }),
  };
  const client = serve({ Method: handle }, { receiveBytesMax: 200_000 }, memory);
  const zipped = withRows(['grpc-encoding', 'gzip']);
  const zeros = (length: number): Buffer => message(gzipSync(Buffer.alloc(length)), 1);
  const idle = memory.bytes;

  const small = client.call(zeros(50_000), zipped);
  for (let turn = 0; memory.bytes < 50_000 && turn < 100_000; turn++) await client.answer(false);
  assert.ok(memory.bytes - idle > 50_000);
  client.send(rstStream(small, 8));
  assert.ok(memory.bytes - idle > 50_000, 'its handler still has it');
  goOn();
  await client.answer();
  assert.equal(memory.bytes, idle);
  client.call(zeros(150_000), zipped);

  assert.ok((await client.answer()).includes('grpc-status: 8'));
  assert.equal(memory.bytes, idle);
});

test('a service that writes on regardless hears no more until its client has read', async () => {
  let heard = 0;
  const client = serve(
    {
      Method: {
        kind: 'bidi',
        open: (_call, responses) => ({
          message: (request) => {
            heard += 1;
            responses.write(request);
          },
          halfClose: () => responses.end(),
          closed: () => undefined,
        }),
      },
    },
    { receiveBytesMax: 10_000 },
  );
  client.send(settings([4, 0]));
  const streamId = client.begin();

  for (let sent = 0; sent < 60; sent++) {
    client.send(data(streamId, message(Buffer.alloc(1595))));
    await client.answer(false);
  }
  const [heardFirst, queuedFirst] = [heard, client.connection.queuedBytes];
  client.send(data(streamId, '', true), windowUpdate(streamId, 1_000_000));
  await client.answer();

  assert.equal(heardFirst, 41);
  assert.equal(queuedFirst, 41 * 1600);
  assert.equal(heard, 60);
});

test('messages that wait for their service are whole and in order, however they came', async () => {
  const random = createRandom(seedOf(7));
  for (let run = 0; run < 40; run++) {
    const sent = Array.from({ length: 30 }, () => random.bytes(random.below(random.chance(0.1) ? 1000 : 20)));
    const seen: string[] = [];
    const client = serve({
      Method: {
        kind: 'clientStream',
        open: (_call, responses) => ({
          message: async (request) => {
            for (let turns = random.below(4); turns > 0; turns--) await undefined;
            seen.push(Buffer.from(request).toString('hex'));
          },
          halfClose: () => responses.end(),
          closed: () => undefined,
        }),
      },
    });
    const streamId = client.begin(withRows(['grpc-encoding', 'gzip']));
    const bytes = Buffer.concat(sent.map((one) => (random.chance(0.2) ? message(gzipSync(one), 1) : message(one))));
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(random.chance(0.5) ? 10 : 500);
      client.send(data(streamId, bytes.subarray(at, end)));
      at = end;
      if (random.chance(0.2)) await Promise.resolve();
    }
    client.send(data(streamId, '', true));

    assert.deepEqual((await client.answer()).slice(-1), ['grpc-status: 0'], `run ${run}`);
    assert.deepEqual(
      seen,
      sent.map((one) => one.toString('hex')),
      `run ${run}`,
    );
  }
});

test('a message larger than the window is let in at once when its head has come', async () => {
  const client = serve({ Method: echo }, { receiveBytesMax: 1_000_000, sendBytesMax: 1_000_000 });
  const streamId = client.begin();

  client.send(data(streamId, message(Buffer.alloc(500_000)).subarray(0, 16_000)));
  const [update] = client.frames();

  assert.equal(update?.type, frameType.windowUpdate);
  assert.ok((update?.payload.readUInt32BE(0) ?? 0) >= 500_005 - 65_535);
});

for (const [claim, bytes, windowBytes] of [
  ['larger than the window', 500_000, 65_535],
  ['exactly as large as the window', 65_530, 65_535],
  ['exactly as large as the window, and within one frame', 995, 1000],
] as const) {
  // nghttp2, and with it every client on node:http2, holds END_STREAM back while a window is 0. 1. A unary call's message
  // uses up its window. 2. The window stays closed, as the request is held. 3. The end never comes, and neither does the
  // answer. So there is always room for one octet more.
  test(`a unary request ${claim} leaves a window open for its end`, async () => {
    const limits = { receiveBytesMax: 1_000_000, sendBytesMax: 1_000_000 };
    const length: Method = { kind: 'unary', handle: async (request) => Buffer.from(`${request.length}`) };
    const client = serve({ Method: length }, limits, undefined, { streamWindowBytes: windowBytes });
    const streamId = client.begin();
    const request = message(Buffer.alloc(bytes));
    let window: number = windowBytes;
    for (let at = 0; at < request.length; ) {
      const sent = Math.min(16_384, window, request.length - at);
      assert.ok(sent > 0, `the window is closed after ${at} bytes`);
      client.send(data(streamId, request.subarray(at, at + sent)));
      at += sent;
      window -= sent;
      for (const seen of client.frames()) {
        if (seen.type === frameType.windowUpdate && seen.streamId === streamId) window += seen.payload.readUInt32BE(0);
      }
    }

    assert.ok(window > 0);
    client.send(data(streamId, '', true));
    assert.equal((await client.answer()).at(-1), 'grpc-status: 0');
  });
}

test('messages that are held back keep their own lengths', async () => {
  const lengths = Array.from({ length: 60 }, (_, at) => 1000 + at);
  const client = serve({
    Method: {
      kind: 'serverStream',
      open: (_call, responses) => ({
        message: () => {
          for (const length of lengths) responses.write(Buffer.alloc(length));
        },
        halfClose: () => responses.end(),
        closed: () => undefined,
      }),
    },
  });
  client.send(settings([4, 100]));

  const streamId = client.call(message(''));
  client.send(windowUpdate(streamId, 1_000_000), windowUpdate(0, 1_000_000));
  const lines = await client.answer();

  const answers = lines.flatMap((line) => (line.startsWith('data ') ? [Buffer.from(line.slice(5), 'hex')] : []));
  assert.deepEqual(Buffer.concat(answers), Buffer.concat(lengths.map((length) => message(Buffer.alloc(length)))));
});

test('a writer is told when to wait and when to go on; the end waits for what is held back', async () => {
  const rooms: boolean[] = [];
  let drains = 0;
  let closed = 0;
  const client = serve({
    Method: {
      kind: 'serverStream',
      open: (_call, responses) => {
        responses.onDrain(() => {
          drains += 1;
          responses.end();
        });
        return {
          message: () => {
            for (let index = 0; index < 100; index++) rooms.push(responses.write(Buffer.alloc(1500)));
          },
          halfClose: () => undefined,
          closed: () => {
            closed += 1;
          },
        };
      },
    },
  });
  client.send(windowUpdate(0, 1_000_000));

  const streamId = client.call(message(''));
  assert.deepEqual([rooms[0], rooms.at(-1), drains], [true, false, 0]);
  client.send(windowUpdate(streamId, 200_000));
  const lines = await client.answer();

  assert.equal(drains, 1);
  assert.equal(closed, 1);
  assert.equal(lines.at(-1), 'grpc-status: 0');
});

test('a handler that throws, at any place, ends its own call only', async () => {
  const places = ['open', 'message', 'rejects', 'halfClose'];
  for (const place of places) {
    const client = serve({
      Other: echo,
      Method: {
        kind: 'bidi',
        open: () => {
          const at = (here: string): void => {
            if (here === place) throw new Error(here);
          };
          at('open');
          return {
            message: () => {
              at('message');
              return place === 'rejects' ? Promise.reject(new Error('rejects')) : undefined;
            },
            halfClose: () => at('halfClose'),
            closed: () => undefined,
          };
        },
      },
    });

    client.call(message('x'));

    const lines = await client.answer();
    assert.ok(lines.includes(`grpc-message: Error: ${place}`), `${place}: ${lines}`);
    client.call(message('x'), replacing(':path', '/test.Service/Other'));
    assert.equal((await client.answer()).at(-1), 'grpc-status: 0');
    assert.equal(client.connection.calls, 0);
  }
});

test('timeouts are read in all units, and nothing else is', () => {
  assert.deepEqual(
    ['1H', '2M', '3S', '4m', '5000u', '1n', '0S', '99999999H'].map(readTimeout),
    [3_600_000, 120_000, 3000, 4, 5, 1, 0, 359_999_996_400_000],
  );
  assert.deepEqual(['', 'S', '1', '1s', '-1S', '1.5S', '123456789S', ' 1S'].map(readTimeout), Array(8).fill(undefined));
});

test('every message survives percent-encoding', () => {
  const random = createRandom(seedOf(37));
  for (let run = 0; run < 200; run++) {
    const text = Array.from({ length: random.below(20) }, () => String.fromCodePoint(random.below(0x3000))).join('');

    const encoded = encodeGrpcMessage(text);

    assert.match(encoded, /^[\x20-\x7e]*$/);
    assert.equal(decodeURIComponent(encoded), text);
  }
});

test('metadata that cannot be sent is a TypeError', () => {
  for (const [name, value] of [
    ['Upper', 'x'],
    ['grpc-status', '0'],
    ['te', 'x'],
    ['', 'x'],
    ['a b', 'x'],
    ['x', 'line\nfeed'],
    ['x', 'ü'],
    ['x', Buffer.from('x')],
    ['x-bin', 'x'],
  ] as const) {
    assert.throws(() => metadataField(name, value), TypeError, name);
  }
});

test('random DATA is a message or a status, and never a fault', async () => {
  const random = createRandom(seedOf(95));
  const client = serve({ Method: echo });
  const rows = [requestRows, withRows(['grpc-encoding', 'gzip'])];
  for (let run = 0; run < 200; run++) {
    const streamId = client.begin(rows[random.below(2)] ?? requestRows);
    for (let part = random.below(4); part > 0; part--) {
      const bytes = random.chance(0.5)
        ? message(random.bytes(random.below(50)), random.below(2))
        : random.bytes(random.below(30));
      client.send(data(streamId, bytes));
    }
    client.send(data(streamId, '', true));
  }

  const lines = await client.answer();

  assert.equal(lines.filter((line) => line.startsWith('grpc-status')).length, 200);
  assert.deepEqual(
    client.events.filter(({ kind }) => kind !== 'streamOffence'),
    [],
  );
});

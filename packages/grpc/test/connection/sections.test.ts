// RFC 9113, section by section, at the level of bytes: what a server must accept, and with which code it must refuse.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientPreface } from '../../src/connection/preface.ts';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import {
  Client,
  data,
  fieldsOf,
  frame,
  requestRows,
  rstStream,
  settings,
  settingsAck,
  windowUpdate,
  without,
} from '../client.ts';

const { headers, continuation, priority, ping, goaway, pushPromise } = frameType;
type Rows = readonly (readonly [string, string])[];
const block = (client: Client): Buffer => Buffer.from(client.encoder.encode(fieldsOf(requestRows)));

test('§3.4: the server says SETTINGS first, and acknowledges the client’s', () => {
  const client = new Client();
  assert.deepEqual(client.words(), ['SETTINGS', 'WINDOW_UPDATE 0 983041']);

  client.send(clientPreface, settings());

  assert.deepEqual(client.words(), ['SETTINGS ack']);
});

test('§3.4: the preface may come in any pieces', () => {
  const client = new Client();
  const all = Buffer.concat([clientPreface, settings(), client.headers(1, { endStream: true })]);

  for (const octet of all) client.send(Buffer.from([octet]));

  assert.equal(client.requests.length, 1);
});

/** What ends the connection, and how. */
const offences: readonly (readonly [claim: string, code: string, send: (client: Client) => readonly Buffer[]])[] = [
  ['§4.2: a frame that is too long', 'FRAME_SIZE_ERROR', () => [frame(0, 0, 1, Buffer.alloc(16_385))]],
  ['§4.3: a block that cannot be decoded', 'COMPRESSION_ERROR', () => [frame(headers, 5, 1, 'ff')]],
  ['§5.1: DATA on an idle stream', 'PROTOCOL_ERROR', () => [data(1, '00')]],
  ['§5.1: RST_STREAM on an idle stream', 'PROTOCOL_ERROR', () => [rstStream(1, 8)]],
  ['§5.1: WINDOW_UPDATE on an idle stream', 'PROTOCOL_ERROR', () => [windowUpdate(1, 1)]],
  ['§5.1: WINDOW_UPDATE on an even stream', 'PROTOCOL_ERROR', (c) => [c.headers(3), windowUpdate(2, 1)]],
  ['§5.1: DATA behind the end of both sides', 'STREAM_CLOSED', (c) => [...answered(c), data(1, '00')]],
  ['§5.1: HEADERS behind the end of both sides', 'STREAM_CLOSED', (c) => [...answered(c), c.headers(1)]],
  ['§5.1: DATA behind RST_STREAM', 'STREAM_CLOSED', (c) => [c.headers(1), rstStream(1, 8), data(1, '00')]],
  ['§5.1.1: an even stream', 'PROTOCOL_ERROR', (c) => [c.headers(2)]],
  ['§5.1.1: a stream with a lower number', 'PROTOCOL_ERROR', (c) => [c.headers(5), c.headers(3)]],
  ['§6.1: DATA on stream 0', 'PROTOCOL_ERROR', () => [data(0, '00')]],
  ['§6.1: padding as long as its frame', 'PROTOCOL_ERROR', (c) => [c.headers(1), frame(0, flag.padded, 1, '02 00')]],
  ['§6.1: a padded frame without a length', 'FRAME_SIZE_ERROR', (c) => [c.headers(1), frame(0, flag.padded, 1)]],
  ['§6.2: HEADERS on stream 0', 'PROTOCOL_ERROR', (c) => [frame(headers, 5, 0, block(c))]],
  ['§6.2: padding longer than HEADERS', 'PROTOCOL_ERROR', () => [frame(headers, 0xd, 1, '0582')]],
  ['§6.2: HEADERS too short for its priority', 'FRAME_SIZE_ERROR', () => [frame(headers, 0x25, 1, '00000000')]],
  ['§6.2: another frame within a block', 'PROTOCOL_ERROR', (c) => [frame(headers, 0, 1, block(c)), settings()]],
  [
    '§6.2: a block of another stream within a block',
    'PROTOCOL_ERROR',
    (c) => [frame(headers, 0, 1, block(c)), frame(continuation, 4, 3, '')],
  ],
  [
    '§5.5: a frame of an unknown type within a block',
    'PROTOCOL_ERROR',
    (c) => [frame(headers, 0, 1, block(c)), frame(0xbe, 0, 0)],
  ],
  [
    '§6.2: PRIORITY of the same stream within a block',
    'PROTOCOL_ERROR',
    (c) => [frame(headers, 0, 1, block(c)), frame(priority, 0, 1, '0000000000')],
  ],
  ['§6.3: PRIORITY on stream 0', 'PROTOCOL_ERROR', () => [frame(priority, 0, 0, '0000000000')]],
  ['§6.3: PRIORITY of 4 bytes on an idle stream', 'FRAME_SIZE_ERROR', () => [frame(priority, 0, 1, '00000000')]],
  ['§6.4: RST_STREAM on stream 0', 'PROTOCOL_ERROR', () => [rstStream(0, 8)]],
  ['§6.4: RST_STREAM of 5 bytes', 'FRAME_SIZE_ERROR', (c) => [c.headers(1), frame(3, 0, 1, '0000000800')]],
  ['§6.5: SETTINGS on a stream', 'PROTOCOL_ERROR', () => [frame(4, 0, 1)]],
  ['§6.5: an acknowledgement with a payload', 'FRAME_SIZE_ERROR', () => [frame(4, 1, 0, '000300000064')]],
  ['§6.5: SETTINGS of 5 bytes', 'FRAME_SIZE_ERROR', () => [frame(4, 0, 0, '0003000000')]],
  ['§6.5.2: ENABLE_PUSH of 2', 'PROTOCOL_ERROR', () => [settings([setting.enablePush, 2])]],
  ['§6.5.2: INITIAL_WINDOW_SIZE of 2^31', 'FLOW_CONTROL_ERROR', () => [settings([setting.initialWindowSize, 2 ** 31])]],
  ['§6.5.2: MAX_FRAME_SIZE of 16,383', 'PROTOCOL_ERROR', () => [settings([setting.maxFrameSize, 16_383])]],
  ['§6.5.2: MAX_FRAME_SIZE of 2^24', 'PROTOCOL_ERROR', () => [settings([setting.maxFrameSize, 2 ** 24])]],
  ['§6.7: PING on a stream', 'PROTOCOL_ERROR', () => [frame(ping, 0, 1, '0000000000000000')]],
  ['§6.7: PING of 7 bytes', 'FRAME_SIZE_ERROR', () => [frame(ping, 0, 0, '00000000000000')]],
  ['§6.8: GOAWAY on a stream', 'PROTOCOL_ERROR', () => [frame(goaway, 0, 1, '0000000000000000')]],
  ['§6.8: GOAWAY of 7 bytes', 'FRAME_SIZE_ERROR', () => [frame(goaway, 0, 0, '00000000000000')]],
  ['§6.9: WINDOW_UPDATE by 0 of the connection', 'PROTOCOL_ERROR', () => [windowUpdate(0, 0)]],
  ['§6.9: WINDOW_UPDATE of 3 bytes', 'FRAME_SIZE_ERROR', (c) => [c.headers(1), frame(8, 0, 1, '000001')]],
  [
    '§6.9: more DATA than the connection’s window',
    'FLOW_CONTROL_ERROR',
    (c) => [c.headers(1), ...Array.from({ length: 9 }, () => data(1, Buffer.alloc(16_384)))],
  ],
  ['§6.9.1: the connection’s window beyond 2^31-1', 'FLOW_CONTROL_ERROR', () => [windowUpdate(0, 2 ** 31 - 1)]],
  [
    '§6.9.2: a stream’s window beyond 2^31-1 by SETTINGS',
    'FLOW_CONTROL_ERROR',
    (c) => [c.headers(1), windowUpdate(1, 2 ** 31 - 1 - 65_535), settings([setting.initialWindowSize, 65_536])],
  ],
  ['§6.10: CONTINUATION of nothing', 'PROTOCOL_ERROR', () => [frame(continuation, 4, 1, '82')]],
  [
    '§6.10: CONTINUATION behind the end of its block',
    'PROTOCOL_ERROR',
    (c) => [c.headers(1), frame(continuation, 4, 1, '82')],
  ],
  [
    '§6.10: CONTINUATION on stream 0',
    'PROTOCOL_ERROR',
    (c) => [frame(headers, 0, 1, block(c)), frame(continuation, 4, 0, '82')],
  ],
  ['§8.4: PUSH_PROMISE from a client', 'PROTOCOL_ERROR', (c) => [c.headers(1), frame(pushPromise, 4, 1, '00000002')]],
];

/** A call on stream 1 that both sides have ended. */
function answered(client: Client): readonly Buffer[] {
  client.send(client.headers(1, { endStream: true }));
  client.requests[0]?.stream.respondAndEnd(fieldsOf([[':status', '200']]), false);
  client.requests[0]?.stream.release();
  client.frames();
  return [];
}

for (const [claim, code, send] of offences) {
  test(`${claim} ends the connection: ${code}`, () => {
    const window = claim.includes('more DATA than the connection')
      ? { connectionWindowBytes: 65_535, streamWindowBytes: 2 ** 20 }
      : {};
    const client = Client.greeted({ limits: window });
    client.takes = !claim.includes('more DATA');

    client.send(...send(client));

    const last = client.words().at(-1) ?? '';
    assert.match(last, /^GOAWAY/);
    assert.equal(last.split(' ')[2], code);
    assert.equal(client.ended, true);
    assert.equal(client.closed, true);
    assert.equal(client.events.filter(({ kind }) => kind === 'fault').length, 0);
  });
}

for (const [claim, first] of [
  ['something else', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a preface with one wrong octet', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rx')],
  ['a frame that is not SETTINGS', Buffer.concat([clientPreface, frame(ping, 0, 0, '00'.repeat(8))])],
  ['an acknowledgement', Buffer.concat([clientPreface, settingsAck])],
] as const) {
  test(`§3.4: ${claim} in the first place ends the connection`, () => {
    const client = new Client();
    client.frames();

    client.send(first);

    assert.deepEqual(client.words(), ['GOAWAY 0 PROTOCOL_ERROR']);
  });
}

/** What ends one stream, and how; the connection goes on. */
const streamOffences: readonly (readonly [claim: string, code: string, send: (client: Client) => readonly Buffer[]])[] =
  [
    ['§5.1: DATA behind END_STREAM', 'STREAM_CLOSED', (c) => [c.headers(1, { endStream: true }), data(1, '00')]],
    [
      '§5.1: HEADERS behind END_STREAM',
      'STREAM_CLOSED',
      (c) => [c.headers(1, { endStream: true }), c.headers(1, { endStream: true })],
    ],
    ['§6.3: PRIORITY of 4 bytes', 'FRAME_SIZE_ERROR', (c) => [c.headers(1), frame(priority, 0, 1, '00000000')]],
    ['§6.9: WINDOW_UPDATE by 0', 'PROTOCOL_ERROR', (c) => [c.headers(1), windowUpdate(1, 0)]],
    [
      '§6.9: more DATA than the window',
      'FLOW_CONTROL_ERROR',
      (c) => [c.headers(1), ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384)))],
    ],
    ['§6.9.1: a window beyond 2^31-1', 'FLOW_CONTROL_ERROR', (c) => [c.headers(1), windowUpdate(1, 2 ** 31 - 1)]],
    ['§8.1: trailers without the end', 'PROTOCOL_ERROR', (c) => [c.headers(1), c.headers(1, { rows: [['a', 'b']] })]],
    [
      '§8.1: pseudo-header fields in trailers',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1), c.headers(1, { rows: [[':path', '/']], endStream: true })],
    ],
    [
      '§8.2.1: a name in upper case in trailers',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1), c.headers(1, { rows: [['A', 'b']], endStream: true })],
    ],
    [
      '§8.2.2: connection in trailers',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1), c.headers(1, { rows: [['connection', 'close']], endStream: true })],
    ],
    [
      '§8.1.1: less DATA than content-length',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1, { rows: [...requestRows, ['content-length', '2']] }), data(1, '00', true)],
    ],
    [
      '§8.1.1: more DATA than content-length',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1, { rows: [...requestRows, ['content-length', '2']] }), data(1, '000000')],
    ],
    [
      '§8.1.1: no DATA where content-length has some',
      'PROTOCOL_ERROR',
      (c) => [c.headers(1, { rows: [...requestRows, ['content-length', '2']], endStream: true })],
    ],
  ];
for (const [claim, rows] of [
  ['§8.2.1: a name in upper case', [...requestRows, ['X-Name', 'a']]],
  ['§8.2.1: a name with a space', [...requestRows, ['a b', 'a']]],
  ['§8.2.1: an empty name', [...requestRows, ['', 'a']]],
  ['§8.2.1: a name with DEL', [...requestRows, ['a\x7f', 'a']]],
  ['§8.2.1: a name with an octet above 0x7f', [...requestRows, ['a\x80', 'a']]],
  ['§8.2.1: a name with a colon', [...requestRows, ['a:b', 'a']]],
  ['§8.2.1: a value with a carriage return', [...requestRows, ['a', 'b\rc']]],
  ['§8.2.1: a value with a line feed', [...requestRows, ['a', 'b\nc']]],
  ['§8.2.1: a value with NUL', [...requestRows, ['a', 'b\0c']]],
  ['§8.2.1: a value that begins with a space', [...requestRows, ['a', ' b']]],
  ['§8.2.1: a value that ends with a tab', [...requestRows, ['a', 'b\t']]],
  ['§8.2.2: connection', [...requestRows, ['connection', 'close']]],
  ['§8.2.2: transfer-encoding', [...requestRows, ['transfer-encoding', 'chunked']]],
  ['§8.2.2: keep-alive', [...requestRows, ['keep-alive', '5']]],
  ['§8.2.2: proxy-connection', [...requestRows, ['proxy-connection', 'close']]],
  ['§8.2.2: upgrade', [...requestRows, ['upgrade', 'h2c']]],
  ['§8.2.2: te other than trailers', [...without('te'), ['te', 'gzip']]],
  ['§8.3: a pseudo-header field nobody knows', [[':protocol', 'x'], ...requestRows]],
  ['§8.3: a pseudo-header field of responses', [[':status', '200'], ...requestRows]],
  ['§8.3: a pseudo-header field behind others', [...without(':path'), [':path', '/']]],
  ['§8.3: a pseudo-header field twice', [[':method', 'POST'], ...requestRows]],
  ['§8.3.1: no :method', without(':method')],
  ['§8.3.1: no :scheme', without(':scheme')],
  ['§8.3.1: no :path', without(':path')],
  ['§8.3.1: an empty :path', [[':path', ''], ...without(':path')]],
  [
    '§8.5: CONNECT, which nobody here serves,',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
    ],
  ],
  ['§8.1.1: a content-length that is no number', [...requestRows, ['content-length', '-1']]],
  ['§8.1.1: two content-lengths', [...requestRows, ['content-length', '1'], ['content-length', '2']]],
] as const) {
  test(`${claim} ends the stream: PROTOCOL_ERROR`, () => {
    const client = Client.greeted();

    client.send(client.headers(1, { rows: rows as Rows }));

    assert.deepEqual(client.words(), ['RST_STREAM 1 PROTOCOL_ERROR']);
    assert.equal(client.requests.length, 0);
    client.send(client.headers(3));
    assert.equal(client.requests.length, 1);
  });
}

for (const [claim, code, send] of streamOffences) {
  test(`${claim} ends the stream: ${code}`, () => {
    const client = Client.greeted();
    client.takes = false;

    client.send(...send(client));

    assert.deepEqual(client.words(), [`RST_STREAM 1 ${code}`]);
    if (client.requests[0] !== undefined) assert.deepEqual(client.requests[0].cancelled, [undefined]);
    client.send(client.headers(3));
    assert.equal(client.requests.at(-1)?.stream.id, 3);
  });
}

test('§5.1: what comes on a stream that we reset is ignored, and counts for the connection’s window', () => {
  const client = Client.greeted({ limits: { connectionWindowBytes: 65_535 } });
  client.send(client.headers(1));
  client.requests[0]?.stream.reset(8);
  client.frames();

  client.send(
    data(1, Buffer.alloc(16_384)),
    data(1, Buffer.alloc(16_384)),
    client.headers(1, { rows: [['a', 'b']], endStream: true }),
    windowUpdate(1, 5),
    rstStream(1, 8),
  );

  assert.deepEqual(client.words(), ['WINDOW_UPDATE 0 32768']);
});

test('§5.1.2: streams beyond the limit are refused, and may be tried again', () => {
  const client = Client.greeted({ limits: { concurrentStreamsMax: 1 } });

  client.send(client.headers(1), client.headers(3));
  assert.deepEqual(client.words(), ['RST_STREAM 3 REFUSED_STREAM']);
  client.requests[0]?.stream.respondAndEnd(fieldsOf([[':status', '200']]), false);
  client.requests[0]?.stream.release();
  client.frames();
  client.send(client.headers(5));

  assert.equal(client.requests.length, 2);
});

test('§5.5: frames of unknown types are ignored', () => {
  const client = Client.greeted();

  client.send(frame(0xbe, 0xff, 77, 'aa'), client.headers(1));

  assert.equal(client.requests.length, 1);
});

test('§6.1, §6.2: padding and priority are taken off', () => {
  const client = Client.greeted();
  const padded = Buffer.concat([Buffer.from('02800000000f', 'hex'), block(client), Buffer.alloc(2)]);

  client.send(
    frame(headers, 4 | flag.padded | flag.priority, 1, padded),
    frame(0, flag.padded | 1, 1, '03 61 62 000000'),
  );

  assert.equal(client.requests[0]?.head.path, '/test.Service/Method');
  assert.equal(Buffer.concat(client.requests[0]?.received ?? []).toString(), 'ab');
  assert.equal(client.requests[0]?.ended, true);
});

test('§6.5.3: the last of several values of one setting counts', () => {
  const client = Client.greeted();
  client.send(settings([setting.initialWindowSize, 5], [0xff, 1], [setting.initialWindowSize, 7]), client.headers(1));

  client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.alloc(20));

  assert.equal(client.dataOf(1).length, 7);
});

test('§6.7: PING is answered with the same octets', () => {
  const client = Client.greeted();

  client.send(frame(ping, 0, 0, '0102030405060708'));

  const [answer] = client.frames();
  assert.equal(answer?.flags, flag.ack);
  assert.equal(answer?.payload.toString('hex'), '0102030405060708');
});

test('§6.9: DATA waits for both windows and goes on with them', () => {
  const client = Client.greeted();
  client.send(settings([setting.initialWindowSize, 10]), client.headers(1));
  client.frames();

  client.requests[0]?.stream.write(Buffer.from('lead!'), Buffer.alloc(20, 1));
  client.requests[0]?.stream.end(fieldsOf([['grpc-status', '0']]), false);
  assert.deepEqual(client.words(), ['DATA 1 10']);
  client.send(windowUpdate(1, 14));
  assert.deepEqual(client.words(), ['DATA 1 14']);
  client.send(windowUpdate(1, 1));

  assert.deepEqual(client.words(), ['DATA 1 1', 'HEADERS 1 end', 'RST_STREAM 1 NO_ERROR']);
});

test('§6.9: the connection’s window is shared; streams take turns', () => {
  const client = Client.greeted();
  client.send(client.headers(1), client.headers(3));
  for (const { stream } of client.requests) stream.write(Buffer.alloc(0), Buffer.alloc(60_000));

  const first = client.words();
  client.send(windowUpdate(0, 60_000));

  assert.equal(first.filter((word) => word.startsWith('DATA 3')).length > 0, true);
  assert.equal(first.filter((word) => word.startsWith('DATA 1')).length > 0, true);
  const rest = client.frames().reduce((sum, { payload }) => sum + payload.length, 0);
  assert.equal(rest, 120_000 - 65_535);
});

test('§6.9.2: a window may become negative by SETTINGS, and nothing goes out until it is not', () => {
  const client = Client.greeted();
  client.send(client.headers(1));
  client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.alloc(1000));
  client.frames();
  client.send(settings([setting.initialWindowSize, 0]));
  client.frames();

  client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.alloc(10));
  client.send(windowUpdate(1, 1000));
  assert.deepEqual(client.words(), []);
  client.send(windowUpdate(1, 3));

  assert.deepEqual(client.words(), ['DATA 1 3']);
});

test('§6.10: a block may come in pieces', () => {
  const client = Client.greeted();
  const bytes = block(client);

  client.send(
    frame(headers, flag.endStream, 1, bytes.subarray(0, 3)),
    frame(continuation, 0, 1, bytes.subarray(3, 9)),
    frame(continuation, flag.endHeaders, 1, bytes.subarray(9)),
  );

  assert.equal(client.requests[0]?.head.authority, 'localhost');
});

test('§8.1: trailers end a request', () => {
  const client = Client.greeted();

  client.send(client.headers(1), data(1, '61'), client.headers(1, { rows: [['x', 'y']], endStream: true }));

  assert.equal(client.requests[0]?.ended, true);
});

test('§8.1: an answer before the end of its request gives the rest up without blame', () => {
  const client = Client.greeted();
  client.send(client.headers(1));

  client.requests[0]?.stream.respondAndEnd(fieldsOf([[':status', '200']]), false);

  assert.deepEqual(client.words(), ['HEADERS 1 end', 'RST_STREAM 1 NO_ERROR']);
  assert.equal(client.requests[0]?.finished, true);
  assert.deepEqual(client.requests[0]?.cancelled, []);
});

test('§10.5.1: more header fields than allowed are answered, and the connection goes on', () => {
  const client = Client.greeted({ limits: { headerListBytesMax: 1000 } });
  const rows: Rows = [...requestRows, ...Array.from({ length: 20 }, (_, index) => [`n${index}`, 'v'] as const)];

  client.send(client.headers(1, { rows, endStream: true }), client.headers(3, { endStream: true }));

  assert.deepEqual(client.words(), ['HEADERS 1 end']);
  assert.equal(client.requests.length, 1);
});

test('the same request again is the same head, until the tables change', () => {
  const client = Client.greeted();

  for (let streamId = 1; streamId < 12; streamId += 2) client.send(client.headers(streamId));
  client.send(client.headers(13, { rows: [...requestRows, ['x', '1']] }), client.headers(15));

  const heads = client.requests.map(({ head }) => head);
  assert.equal(heads[5], heads[4]);
  assert.deepEqual(
    heads.map(({ fields }) => fields.length),
    [2, 2, 2, 2, 2, 2, 3, 2],
  );
});

test('the frames of one turn go out in one write', () => {
  const client = Client.greeted();
  client.send(client.headers(1, { endStream: true }), client.headers(3, { endStream: true }));
  const before = client.writes;

  for (const { stream } of client.requests) {
    stream.respond(fieldsOf([[':status', '200']]), false);
    stream.write(Buffer.alloc(5), Buffer.alloc(10));
    stream.end(fieldsOf([['grpc-status', '0']]), false);
  }

  assert.deepEqual(client.words(), [
    'HEADERS 1',
    'DATA 1 15',
    'HEADERS 1 end',
    'HEADERS 3',
    'DATA 3 15',
    'HEADERS 3 end',
  ]);
  assert.equal(client.writes, before + 1);
});

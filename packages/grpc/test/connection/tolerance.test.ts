// RFC 9113, section by section, the other half: what looks odd and must be taken without complaint, and what the server's
// own frames owe to the client's settings. What must be refused is in sections.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flag, frameType, setting } from '../../src/frames/frame.ts';
import { HeaderField } from '../../src/hpack/header-field.ts';
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

const { headers, continuation, priority, ping, goaway } = frameType;
const ok = fieldsOf([[':status', '200']]);
const noLead = Buffer.alloc(0);

/** A call on stream 1 whose request is all there, and whose answer is not. */
function halfClosed(): Client {
  const client = Client.greeted();
  client.send(client.headers(1, { endStream: true }));
  return client;
}

test('§4.1: flags that a type does not have are ignored', () => {
  const client = Client.greeted();

  client.send(frame(ping, 0xfe, 0, '00'.repeat(8)), frame(frameType.settings, 0xfe, 0));
  client.send(client.headers(1), frame(frameType.data, 0xf6, 1, '6162'));

  assert.deepEqual(client.words(), ['PING ack', 'SETTINGS ack']);
  assert.equal(Buffer.concat(client.requests[0]?.received ?? []).toString(), 'ab');
  assert.equal(client.requests[0]?.ended, false);
});

test('§5.1: PRIORITY on an idle stream does not open it', () => {
  const client = Client.greeted();

  client.send(frame(priority, 0, 9, '000000000f'), client.headers(1), client.headers(9));

  assert.deepEqual(
    client.requests.map(({ stream }) => stream.id),
    [1, 9],
  );
});

test('§5.1, half-closed (remote): WINDOW_UPDATE and PRIORITY are taken, and the window counts', () => {
  const client = halfClosed();
  client.send(settings([setting.initialWindowSize, 0]));
  client.requests[0]?.stream.write(noLead, Buffer.alloc(4));
  client.frames();

  client.send(frame(priority, 0, 1, '000000000f'), windowUpdate(1, 4));

  assert.deepEqual(client.words(), ['DATA 1 4']);
});

test('§5.1, half-closed (remote): RST_STREAM takes the call back', () => {
  const client = halfClosed();

  client.send(rstStream(1, 8));

  assert.deepEqual(client.requests[0]?.cancelled, [8]);
  assert.deepEqual(client.words(), []);
});

test('§5.1, closed: what may have crossed the end of the stream is ignored', () => {
  const client = halfClosed();
  client.requests[0]?.stream.respondAndEnd(ok, false);
  client.frames();

  client.send(windowUpdate(1, 5), frame(priority, 0, 1, '000000000f'), rstStream(1, 8), client.headers(3));

  assert.deepEqual(client.words(), []);
  assert.deepEqual(client.requests[0]?.cancelled, []);
  assert.equal(client.requests.length, 2);
});

test('§5.1.1: the first stream may have any odd number, up to the last one there is', () => {
  const client = Client.greeted();

  client.send(client.headers(7), client.headers(2 ** 31 - 1));

  assert.equal(client.requests.length, 2);
});

test('§5.3.2: a stream that depends on itself, an error in RFC 7540, is of no consequence', () => {
  const client = Client.greeted();
  const dependent = Buffer.concat([Buffer.from('000000010f', 'hex'), client.encoder.encode(fieldsOf(requestRows))]);

  client.send(frame(headers, flag.endHeaders | flag.priority, 1, dependent), frame(priority, 0, 1, '000000010f'));

  assert.deepEqual(client.words(), []);
  assert.equal(client.requests.length, 1);
});

test('§5.4.1: GOAWAY names the last stream that was looked at', () => {
  const client = Client.greeted();

  client.send(client.headers(5), data(0, '00'), client.headers(7));

  assert.deepEqual(client.words(), ['GOAWAY 5 PROTOCOL_ERROR']);
  assert.equal(client.requests.length, 1);
});

test('§5.4.2: a RST_STREAM is not answered with another', () => {
  const client = Client.greeted();
  client.send(client.headers(1), windowUpdate(1, 0));
  assert.deepEqual(client.words(), ['RST_STREAM 1 PROTOCOL_ERROR']);

  client.send(rstStream(1, 1), windowUpdate(1, 7));

  assert.deepEqual(client.words(), []);
});

test('§6.1: padding counts for the windows', () => {
  const client = Client.greeted({ limits: { connectionWindowBytes: 65_535 } });
  const padded = Buffer.concat([Buffer.from([255]), Buffer.alloc(16_128), Buffer.alloc(255)]);

  client.send(client.headers(1), ...Array.from({ length: 3 }, () => frame(frameType.data, flag.padded, 1, padded)));

  assert.equal(client.words().at(-1), 'WINDOW_UPDATE 0 49152');
});

test('§6.2: END_STREAM of HEADERS counts when CONTINUATION has ended the block', () => {
  const client = Client.greeted();
  const block = Buffer.from(client.encoder.encode(fieldsOf(requestRows)));

  client.send(frame(headers, flag.endStream, 1, block), frame(continuation, 0, 1));
  assert.equal(client.requests.length, 0);
  client.send(frame(continuation, flag.endHeaders, 1));

  assert.equal(client.requests[0]?.ended, true);
});

test('§6.5.2: the ends of the ranges are allowed', () => {
  const client = Client.greeted();

  client.send(
    settings([setting.enablePush, 0], [setting.maxFrameSize, 16_384], [setting.initialWindowSize, 0]),
    settings([setting.enablePush, 1], [setting.maxFrameSize, 2 ** 24 - 1], [setting.initialWindowSize, 2 ** 31 - 1]),
    settings([setting.headerTableSize, 2 ** 32 - 1], [setting.maxConcurrentStreams, 0], [setting.maxHeaderListSize, 0]),
  );

  // §6.5.3: each is acknowledged.
  assert.deepEqual(client.words(), ['SETTINGS ack', 'SETTINGS ack', 'SETTINGS ack']);
});

test('§6.5.2: with no table for fields of ours, the next block says so and uses none', () => {
  const client = Client.greeted();
  client.send(settings([setting.headerTableSize, 0]), client.headers(1), client.headers(3));
  client.frames();

  for (const { stream } of client.requests) stream.respondAndEnd([...ok, new HeaderField('x-a', 'b')], false);

  const [first, , second] = client.frames();
  assert.equal(first?.payload[0], 0x20);
  // :status 200 is an entry of the static table; x-a is literal again.
  assert.deepEqual(second?.payload.subarray(0, 2), Buffer.from([0x88, second?.payload[1] ?? 0]));
  assert.ok((second?.payload.length ?? 0) > 3);
});

test('§6.5.2, §4.2: our frames are as long as MAX_FRAME_SIZE allows, and no longer', () => {
  const client = Client.greeted({ frameBytesMax: 40_000 });
  client.send(settings([setting.initialWindowSize, 2 ** 20]), windowUpdate(0, 2 ** 20), client.headers(1));
  client.frames();
  const [request] = client.requests;

  request?.stream.respond([...ok, new HeaderField('x-long', '~'.repeat(20_000))], false);
  request?.stream.write(noLead, Buffer.alloc(40_000));
  const usual = client.frames();
  client.send(settings([setting.maxFrameSize, 40_000]));
  client.frames();
  request?.stream.write(noLead, Buffer.alloc(40_000));

  assert.ok(usual.every(({ payload }) => payload.length <= 16_384));
  assert.deepEqual(usual.map(({ type }) => type).slice(0, 2), [headers, continuation]);
  assert.deepEqual(client.words(), ['DATA 1 40000']);
});

test('§6.7: the answer to a PING is not answered', () => {
  const client = Client.greeted();

  client.send(frame(ping, flag.ack, 0, '00'.repeat(8)), settingsAck);

  assert.deepEqual(client.words(), []);
});

test('§6.8, §7: GOAWAY with a code nobody knows and text behind it lets the calls end', () => {
  const client = Client.greeted();

  client.send(client.headers(1), frame(goaway, 0, 0, `00000000 0000abcd ${'21'.repeat(9)}`));
  assert.equal(client.ended, false);
  client.requests[0]?.stream.respondAndEnd(ok, false);
  client.frames();

  assert.equal(client.ended, true);
});

test('§6.9: the reserved bit of an increment is ignored', () => {
  const client = Client.greeted();
  client.send(settings([setting.initialWindowSize, 0]), client.headers(1));
  client.requests[0]?.stream.write(noLead, Buffer.alloc(9));
  client.frames();

  client.send(windowUpdate(1, 2 ** 31 + 5));

  assert.deepEqual(client.words(), ['DATA 1 5']);
});

test('§6.9.1: a window may be 2^31-1', () => {
  const client = Client.greeted();

  client.send(client.headers(1), windowUpdate(1, 2 ** 31 - 1 - 65_535), windowUpdate(0, 2 ** 31 - 1 - 65_535));

  assert.deepEqual(client.words(), []);
});

test('§6.9.2: SETTINGS widen the windows of open streams, and never that of the connection', () => {
  const client = Client.greeted();
  client.send(settings([setting.initialWindowSize, 10]), client.headers(1));
  client.requests[0]?.stream.write(noLead, Buffer.alloc(100_000));
  client.frames();

  client.send(settings([setting.initialWindowSize, 2 ** 20]));

  assert.equal(client.dataOf(1).length, 65_535 - 10);
});

test('§7: a code nobody knows is passed on as it is', () => {
  const client = Client.greeted();

  client.send(client.headers(1), rstStream(1, 0xabcd));

  assert.deepEqual(client.requests[0]?.cancelled, [0xabcd]);
});

for (const [claim, rows] of [
  ['§8.1.1: a content-length that is true', [...requestRows, ['content-length', '2']]],
  ['§8.2.1: octets above 0x7f in a value', [...requestRows, ['a', '\x80\xff']]],
  ['§8.2.1: a tab within a value, and a value that is empty', [...requestRows, ['a', 'b\tc'], ['d', '']]],
  ['§8.2.3: a cookie in crumbs', [...requestRows, ['cookie', 'a=b'], ['cookie', 'c=d']]],
  ['§8.3.1: no :authority', without(':authority')],
  ['§8.3.1: host instead of :authority', [...without(':authority'), ['host', 'localhost']]],
  ['§8.3.1: a path that is an asterisk', [[':path', '*'], ...without(':path')]],
] as const) {
  test(`${claim} is taken`, () => {
    const client = Client.greeted();

    client.send(client.headers(1, { rows: rows as typeof requestRows }), data(1, '6162', true));

    assert.equal(client.requests[0]?.ended, true);
    assert.deepEqual(client.words(), []);
  });
}

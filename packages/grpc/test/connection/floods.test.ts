// Traffic that costs its sender nothing: each kind has a limit, a code, and a test that ordinary clients stay below it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientPreface } from '../../src/connection/preface.ts';
import { errorCode, flag, frameType, setting } from '../../src/frames/frame.ts';
import { Client, data, fieldsOf, frame, rstStream, settings, settingsAck, windowUpdate } from '../client.ts';

const { headers, continuation, ping, priority } = frameType;
const pingFrame = frame(ping, 0, 0, '0102030405060708');
const few = { burst: 20, perSecond: 10 };

/** The turn in which the client was told to calm down; `undefined` if it never was. */
function toldAfter(client: Client, times: number, send: (time: number) => readonly Buffer[]): number | undefined {
  for (let time = 0; time < times; time++) {
    client.send(...send(time));
    if (client.words().some((word) => /^GOAWAY \d+ ENHANCE_YOUR_CALM$/.test(word))) return time;
  }
  return undefined;
}

test('rapid reset (CVE-2023-44487): calls opened and taken back', () => {
  const client = Client.greeted({ limits: { resets: few } });

  const told = toldAfter(client, 100, (time) => [
    client.headers(1 + 2 * time),
    rstStream(1 + 2 * time, errorCode.cancel),
  ]);

  assert.equal(told, 20);
  assert.equal(client.ended, true);
});

test('calls that were taken back count until their handlers have finished', () => {
  const client = Client.greeted({ limits: { concurrentStreamsMax: 4 } });

  for (let streamId = 1; streamId < 40; streamId += 2) {
    client.send(client.headers(streamId), rstStream(streamId, errorCode.cancel));
  }

  assert.equal(client.requests.length, 4);
  assert.equal(client.connection.calls, 4);
  for (const { stream } of client.requests) stream.release();
  assert.equal(client.connection.calls, 0);
});

test('made you reset (CVE-2025-8671): streams that we must reset', () => {
  const client = Client.greeted({ limits: { resets: few } });

  const told = toldAfter(client, 100, (time) => [client.headers(1 + 2 * time), windowUpdate(1 + 2 * time, 0)]);

  assert.equal(told, 20);
});

test('a hundred thousand streams at once', () => {
  const client = Client.greeted({ limits: { concurrentStreamsMax: 10, resets: few } });

  const told = toldAfter(client, 100_000, (time) => [client.headers(1 + 2 * time)]);

  assert.equal(told, 30);
  assert.equal(client.requests.length, 10);
});

test('CONTINUATION without end (CVE-2024-27316): bounded in frames', () => {
  const client = Client.greeted();
  client.send(frame(headers, 0, 1, '82'));

  const told = toldAfter(client, 100, () => [frame(continuation, 0, 1, '')]);

  assert.equal(told, 7);
});

test('CONTINUATION without end: bounded in bytes', () => {
  const client = Client.greeted();
  client.send(frame(headers, 0, 1, '82'));

  const told = toldAfter(client, 100, () => [frame(continuation, 0, 1, Buffer.alloc(8000))]);

  assert.equal(told, 2);
});

test('a header bomb: few octets that say far more than allowed', () => {
  const client = Client.greeted();
  const entry = Buffer.concat([Buffer.from('4001617fa11e', 'hex'), Buffer.alloc(4000, 0x62)]);

  client.send(frame(headers, flag.endHeaders, 1, Buffer.concat([entry, Buffer.alloc(4, 0xbe)])));
  assert.deepEqual(client.words(), ['HEADERS 1 end', 'RST_STREAM 1 NO_ERROR']);
  client.send(frame(headers, flag.endHeaders, 3, Buffer.alloc(10_000, 0xbe)));

  assert.deepEqual(client.words(), ['GOAWAY 3 ENHANCE_YOUR_CALM']);
  assert.equal(client.requests.length, 0);
});

test('a field block that is begun and not ended is waited for a while only', () => {
  const client = Client.greeted();
  client.send(frame(headers, 0, 1, '82'));

  client.time.pass(10_000);

  assert.deepEqual(client.words(), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
});

for (const [name, flood] of [
  ['SETTINGS', settings([setting.maxFrameSize, 20_000])],
  ['acknowledgements of SETTINGS', settingsAck],
  ['PING acknowledgements', frame(ping, flag.ack, 0, '0102030405060708')],
  ['PRIORITY', frame(priority, 0, 1, '0000000000')],
  ['frames of unknown types', frame(0x77, 0, 0, '')],
] as const) {
  test(`a flood of ${name}`, () => {
    const client = Client.greeted({ limits: { idleFrames: { burst: 22, perSecond: 10 } } });

    const told = toldAfter(client, 100, () => [flood]);

    // Two of the burst went into the greeting.
    assert.equal(told, 20);
  });
}

test('a flood of empty DATA', () => {
  const client = Client.greeted({ limits: { idleFrames: { burst: 22, perSecond: 10 } } });
  client.send(client.headers(1));

  assert.equal(
    toldAfter(client, 100, () => [data(1, '')]),
    20,
  );
});

test('a flood of DATA of a byte or so', () => {
  const client = Client.greeted({ limits: { fragments: few } });
  client.send(client.headers(1));

  assert.equal(
    toldAfter(client, 100, () => [data(1, '0102')]),
    20,
  );
});

test('messages that end in a fragment are no flood, nor are messages of no bytes', () => {
  const client = Client.greeted({ limits: { fragments: few } });
  client.send(client.headers(1));

  const told = toldAfter(client, 100, () => [
    data(1, Buffer.alloc(16_384)),
    data(1, '01'),
    data(1, '0000000000'),
    windowUpdate(0, 1),
  ]);

  assert.equal(told, undefined);
});

test('a flood of WINDOW_UPDATE', () => {
  const client = Client.greeted({ limits: { windowUpdates: few } });

  assert.equal(
    toldAfter(client, 100, () => [windowUpdate(0, 1)]),
    20,
  );
});

test('what a flood has used up comes back with time', () => {
  const client = Client.greeted({ limits: { windowUpdates: few } });

  const told = toldAfter(client, 300, () => {
    client.time.pass(100);
    return [windowUpdate(0, 1)];
  });

  assert.equal(told, undefined);
});

test('windows that let one byte through at a time', () => {
  const client = Client.greeted({ limits: { tinyFrames: few } });
  client.send(settings([setting.initialWindowSize, 0]), client.headers(1));
  client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.alloc(1000));

  assert.equal(
    toldAfter(client, 100, () => [windowUpdate(1, 1)]),
    20,
  );
});

test('PING more often than agreed: too_many_pings', () => {
  const client = Client.greeted({ keepalive: { clientPingMinMs: 5000 } });
  client.send(client.headers(1));
  const seen: string[] = [];

  for (let time = 0; time < 5; time++) {
    client.send(pingFrame);
    seen.push(
      ...client.frames().map(({ type, payload }) => (type === frameType.goaway ? payload.toString('latin1', 8) : '')),
    );
    client.time.pass(1000);
  }

  assert.deepEqual(seen, ['', '', '', 'too_many_pings']);
});

test('PING at the pace agreed, or with answers in between, is answered for ever', () => {
  const client = Client.greeted({ keepalive: { clientPingMinMs: 5000, intervalMs: 0 } });
  client.send(client.headers(1));

  for (let time = 0; time < 50; time++) {
    client.send(pingFrame);
    client.time.pass(5000);
  }
  for (let time = 0; time < 50; time++) {
    client.requests[0]?.stream.write(Buffer.alloc(0), Buffer.alloc(1));
    client.send(pingFrame);
  }

  assert.equal(client.words().filter((word) => word === 'PING ack').length, 100);
});

test('without a call, PING is allowed every two hours only', () => {
  const client = Client.greeted({ keepalive: { clientPingMinMs: 5000, intervalMs: 0 } });

  assert.equal(
    toldAfter(client, 10, () => {
      client.time.pass(10_000);
      return [pingFrame];
    }),
    3,
  );
});

test('a preface that never comes is waited for a while only', () => {
  for (const begin of [Buffer.alloc(0), clientPreface.subarray(0, 10)]) {
    const client = new Client();
    client.send(begin);

    client.time.pass(10_000);

    assert.equal(client.destroyed, true);
    assert.equal(client.time.pending, 0);
  }
});

test('SETTINGS that never come end the connection: SETTINGS_TIMEOUT', () => {
  const client = new Client();
  client.send(clientPreface);
  client.frames();

  client.time.pass(10_000);

  assert.deepEqual(client.words(), ['GOAWAY 0 SETTINGS_TIMEOUT']);
  assert.equal(client.time.pending, 1, 'only until the socket is closed');
});

test('SETTINGS that are never acknowledged end the connection: SETTINGS_TIMEOUT', () => {
  const client = new Client();
  client.send(clientPreface, settings());
  client.frames();

  client.time.pass(10_000);

  assert.deepEqual(client.words(), ['GOAWAY 0 SETTINGS_TIMEOUT']);
});

test('half-open: a client that was silent for an interval is pinged, and cut when it does not answer', () => {
  const client = Client.greeted({ keepalive: { intervalMs: 60_000, timeoutMs: 20_000 } });

  client.time.pass(59_999);
  assert.deepEqual(client.words(), []);
  client.time.pass(1);
  assert.deepEqual(client.words(), ['PING']);
  client.time.pass(19_999);
  client.send(frame(ping, flag.ack, 0, Buffer.from('keepaliv')));
  client.time.pass(59_999);
  assert.deepEqual(client.words(), []);
  client.time.pass(1);
  assert.deepEqual(client.words(), ['PING']);
  client.time.pass(20_000);

  assert.equal(client.destroyed, true);
  assert.deepEqual(client.events.at(-1)?.kind, 'timeout');
});

test('the interval of silence begins with the last byte that came', () => {
  const client = Client.greeted({ keepalive: { intervalMs: 60_000 } });
  client.time.pass(59_999);
  client.send(windowUpdate(0, 1));
  client.time.pass(59_999);
  assert.deepEqual(client.words(), []);

  client.time.pass(1);

  assert.deepEqual(client.words(), ['PING']);
});

test('a slow reader holds back its own writer, which is told when to go on', () => {
  const client = Client.greeted({ limits: { streamQueueBytes: 1000 } });
  client.send(settings([setting.initialWindowSize, 0]), client.headers(1));
  const [request] = client.requests;

  const room = [1, 2, 3].map(() => request?.stream.write(Buffer.alloc(5), Buffer.alloc(400)));
  assert.deepEqual(room, [true, true, false]);
  client.send(windowUpdate(1, 700));
  assert.equal(request?.rooms, 0);
  client.send(windowUpdate(1, 100));

  assert.equal(request?.rooms, 1);
  assert.equal(request?.stream.write(Buffer.alloc(5), Buffer.alloc(10)), true);
});

test('windows as wide as can be do not let a writer run ahead of the socket', () => {
  const client = Client.greeted({ limits: { backlogBytesMax: 10_000, streamQueueBytes: 1000 } });
  client.send(settings([setting.initialWindowSize, 2 ** 31 - 1]), windowUpdate(0, 2 ** 30), client.headers(1));
  const [request] = client.requests;

  let writes = 1;
  while (writes < 1000 && request?.stream.write(Buffer.alloc(5), Buffer.alloc(95))) writes += 1;

  assert.ok(writes < 110, `${writes} times`);
  assert.equal(client.dataOf(1).length, writes * 100);
  assert.equal(request?.rooms, 1);
});

test('streams that were taken back are forgotten, also when nothing may leave', () => {
  const client = Client.greeted();
  for (let streamId = 1; streamId < 200; streamId += 2) {
    client.send(client.headers(streamId));
    client.requests.at(-1)?.stream.write(Buffer.alloc(5), Buffer.alloc(10_000));
    client.send(rstStream(streamId, errorCode.cancel));
  }

  assert.deepEqual([client.connection.line, client.connection.queuedBytes], [0, 0]);
});

test('with more held back than the budget, new calls are refused; when nothing leaves, the connection ends', () => {
  const client = Client.greeted({ limits: { queueBytesMax: 1000 }, keepalive: { intervalMs: 0 } });
  client.send(settings([setting.initialWindowSize, 0]), client.headers(1));
  client.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(2000));
  client.frames();

  client.send(client.headers(3));
  assert.deepEqual(client.words(), ['RST_STREAM 3 REFUSED_STREAM']);
  client.time.pass(30_000);

  assert.deepEqual(client.words(), ['GOAWAY 3 ENHANCE_YOUR_CALM']);
  assert.equal(client.ended, true);
  assert.deepEqual(client.requests[0]?.cancelled, [undefined]);
});

test('a writer that does not wait when it is told to loses its stream, no other', () => {
  const client = Client.greeted({ limits: { streamQueueBytes: 1000, queueBytesMax: 10_000 } });
  client.send(settings([setting.initialWindowSize, 0]), client.headers(1), client.headers(3));
  const [patient, other] = client.requests;
  patient?.stream.write(Buffer.alloc(5), Buffer.alloc(5000));
  client.frames();

  for (let time = 0; time < 20; time++) other?.stream.write(Buffer.alloc(5), Buffer.alloc(995));

  assert.deepEqual(client.words(), ['RST_STREAM 3 ENHANCE_YOUR_CALM']);
  assert.deepEqual([patient?.cancelled, other?.cancelled], [[], [undefined]]);
  assert.equal(client.connection.queuedBytes, 5005);
});

test('who does not read the socket is not read either', () => {
  const client = Client.greeted({ limits: { backlogBytesMax: 1000 }, keepalive: { intervalMs: 0 } });
  client.waiting = 5000;

  client.send(client.headers(1));
  client.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(200));
  client.time.turn();
  assert.equal(client.paused, true);
  client.frames();
  client.requests[0]?.stream.write(Buffer.alloc(5), Buffer.alloc(300));
  assert.deepEqual(client.words(), []);
  client.waiting = 0;
  client.connection.drained();

  assert.deepEqual(client.words(), ['DATA 1 305']);
  assert.equal(client.paused, false);
});

test('a socket that is never read is cut', () => {
  const client = Client.greeted({ limits: { backlogBytesMax: 1000 }, keepalive: { intervalMs: 0 } });
  client.waiting = 5000;
  client.send(pingFrame);

  client.time.pass(30_000);

  assert.equal(client.destroyed, true);
});

test('large messages get their windows one behind the other, within the budget', () => {
  const client = Client.greeted({ limits: { streamWindowBytes: 65_535, largeMessageBytesMax: 200_000 } });
  client.takes = false;
  client.send(client.headers(1), client.headers(3), client.headers(5));
  const [one, three, five] = client.requests;

  one?.stream.expect(1_000_000);
  three?.stream.expect(150_000);
  five?.stream.expect(150_000);
  assert.deepEqual(client.words(), ['WINDOW_UPDATE 1 934465']);
  client.send(rstStream(1, errorCode.cancel));

  assert.deepEqual(client.words(), ['WINDOW_UPDATE 3 84465', 'WINDOW_UPDATE 5 84465']);
});

test('a large message is within the budget until it is taken itself, not one in front of it', () => {
  const client = Client.greeted({ limits: { streamWindowBytes: 65_535, largeMessageBytesMax: 200_000 } });
  client.takes = false;
  client.send(client.headers(1), client.headers(3), data(1, Buffer.alloc(100)));
  const [one, three] = client.requests;

  one?.stream.expect(250_000);
  one?.stream.taken(100);
  three?.stream.expect(150_000);
  assert.deepEqual(client.words(), ['WINDOW_UPDATE 1 184565']);
  for (let sent = 0; sent < 250_000; sent += 10_000) client.send(data(1, Buffer.alloc(10_000)));
  one?.stream.taken(250_000);

  assert.ok(client.words().includes('WINDOW_UPDATE 3 84465'));
});

test('a window opens again when its messages are taken, by half of it at least', () => {
  const client = Client.greeted();
  client.takes = false;
  client.send(
    client.headers(1),
    data(1, Buffer.alloc(16_000)),
    data(1, Buffer.alloc(16_384)),
    data(1, Buffer.alloc(1000)),
  );

  client.requests[0]?.stream.taken(16_000);
  assert.deepEqual(client.words(), []);
  client.requests[0]?.stream.taken(17_384);

  assert.deepEqual(client.words(), ['WINDOW_UPDATE 1 33384']);
});

test('draining: no stream is lost that the client had sent, later ones are refused, and the end comes by itself', () => {
  const client = Client.greeted();
  client.send(client.headers(1));

  client.connection.drain(60_000);
  assert.deepEqual(client.words(), ['GOAWAY 2147483647 NO_ERROR', 'PING']);
  client.send(client.headers(3, { endStream: true }), frame(ping, flag.ack, 0, Buffer.from('draining')));
  assert.deepEqual(client.words(), ['GOAWAY 3 NO_ERROR']);
  client.send(client.headers(5));
  assert.deepEqual(client.words(), ['RST_STREAM 5 REFUSED_STREAM']);
  for (const { stream } of client.requests) {
    stream.respondAndEnd(fieldsOf([[':status', '200']]), false);
    stream.release();
  }

  assert.deepEqual(client.words(), ['HEADERS 1 end', 'RST_STREAM 1 NO_ERROR', 'HEADERS 3 end']);
  assert.equal(client.ended, true);
  assert.equal(client.closed, true);
});

test('draining: what has not ended by then is cut', () => {
  const client = Client.greeted();
  client.send(client.headers(1));

  client.connection.drain(5000);
  client.time.pass(5000);

  assert.equal(client.ended, true);
  assert.deepEqual(client.requests[0]?.cancelled, [undefined]);
});

test('a client that goes away is let go when its calls have ended', () => {
  const client = Client.greeted();
  client.send(client.headers(1, { endStream: true }), frame(frameType.goaway, 0, 0, '0000000000000000'));
  assert.equal(client.ended, false);

  client.requests[0]?.stream.respondAndEnd(fieldsOf([[':status', '200']]), false);
  client.frames();

  assert.equal(client.ended, true);
});

test('when the wire is gone, every call hears of it once, and no timer is left', () => {
  const client = Client.greeted();
  client.send(client.headers(1), client.headers(3));

  client.connection.lost();
  client.connection.lost();

  assert.deepEqual(
    client.requests.map(({ cancelled }) => cancelled),
    [[undefined], [undefined]],
  );
  assert.equal(client.time.pending, 0);
});

test('an ordinary client, a thousand calls long, is told nothing', () => {
  const client = Client.greeted();
  for (let time = 0; time < 1000; time++) {
    client.send(client.headers(1 + 2 * time), data(1 + 2 * time, '0000000000', true), pingFrame);
    const request = client.requests.at(-1);
    request?.stream.respond(fieldsOf([[':status', '200']]), false);
    request?.stream.write(Buffer.alloc(5), Buffer.alloc(100));
    request?.stream.end(fieldsOf([['grpc-status', '0']]), false);
    request?.stream.release();
    client.send(windowUpdate(0, 105));
  }

  assert.deepEqual(client.events, []);
  assert.equal(client.words().filter((word) => word.startsWith('HEADERS')).length, 2000);
});

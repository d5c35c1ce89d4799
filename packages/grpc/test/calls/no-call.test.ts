// Requests that are no gRPC: what is answered to them, and when.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, rstStream } from '../client.ts';
import { type GrpcClient, replacing, serve } from './grpc-client.ts';

const frameBytes = 16_000;

/** A POST of JSON, begun. */
function posted(): {
  readonly client: GrpcClient;
  readonly streamId: number;
  send(bytes: number, end?: boolean): void;
} {
  const client = serve({});
  const streamId = client.begin(replacing('content-type', 'application/json'));
  const send = (bytes: number, end = false): void => {
    for (let left = bytes; left > 0; left -= frameBytes) {
      client.send(data(streamId, Buffer.alloc(Math.min(left, frameBytes)), end && left <= frameBytes));
    }
  };
  return { client, streamId, send };
}
const answers = (client: GrpcClient): readonly string[] =>
  client.words().filter((word) => !word.startsWith('WINDOW_UPDATE'));

test('a request that is no call is answered when it has ended', () => {
  const { client, streamId, send } = posted();

  send(65_000);
  assert.deepEqual(answers(client), []);
  send(536, true);

  assert.deepEqual(answers(client), [`HEADERS ${streamId} end`]);
  assert.equal(client.connection.calls, 0);
});

test('a long one is answered on the way, and is heard out without a reset', () => {
  const { client, streamId, send } = posted();

  send(65_537);
  assert.deepEqual(answers(client), [`HEADERS ${streamId} end`]);
  send(1_000_000, true);

  assert.deepEqual(answers(client), []);
  assert.equal(client.connection.calls, 0);
  assert.deepEqual(client.events, []);
});

test('one that never ends is reset, without blame', () => {
  const { client, streamId, send } = posted();

  send(66_000);
  send(1_100_000);

  assert.deepEqual(answers(client), [`HEADERS ${streamId} end`, `RST_STREAM ${streamId} NO_ERROR`]);
  assert.equal(client.connection.calls, 0);
});

test('one that is taken back is forgotten, whether it was answered or not', () => {
  for (const bytes of [100, 70_000]) {
    const { client, streamId, send } = posted();
    send(bytes);

    client.send(rstStream(streamId, 8));
    client.frames();

    assert.equal(client.connection.calls, 0, `${bytes} bytes`);
    client.connection.drain(1000);
    client.time.pass(1000);
    assert.equal(client.ended, true);
  }
});

test('the window of an answered one stays open, and its connection serves others', () => {
  const { client, send } = posted();
  send(500_000);
  client.frames();

  const other = client.call(Buffer.alloc(0), replacing('content-type', 'text/plain'));

  assert.ok(answers(client).includes(`HEADERS ${other} end`));
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fromBinary, type MessageInitShape, create as messageOf, toBinary } from '@bufbuild/protobuf';
import {
  Event_EventType as EventType,
  WatchCreateRequest_FilterType as Filter,
  type WatchCreateRequestSchema,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import { type Call, grpcCode, type ResponseStream } from '@kontiki/grpc';
import { watchService } from '../../src/services/watch.ts';
import { type EtcdPort, openEtcdPort, TypedStream } from './etcd-port.ts';
import { selfId } from './memory-member.ts';
import { compactRequest, deleteRequest, putRequest } from './requests.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString();

let etcd: EtcdPort;

type Stream = TypedStream<typeof WatchRequestSchema, typeof WatchResponseSchema>;
const open = (metadata: Readonly<Record<string, string>> = {}): Stream =>
  TypedStream.open(etcd, 'etcdserverpb.Watch/Watch', WatchRequestSchema, WatchResponseSchema, metadata);

function create(stream: Stream, fields: MessageInitShape<typeof WatchCreateRequestSchema>): void {
  stream.send({ requestUnion: { case: 'createRequest', value: fields } });
}

async function created(
  stream: Stream,
  fields: MessageInitShape<typeof WatchCreateRequestSchema>,
): Promise<WatchResponse> {
  create(stream, fields);
  return stream.next();
}

const put = (key: string, value = ''): Promise<unknown> =>
  etcd.member.propose({ kind: 'put', request: putRequest(key, value) });
const del = (key: string): Promise<unknown> =>
  etcd.member.propose({ kind: 'deleteRange', request: deleteRequest(key) });
const compact = (revision: number): Promise<unknown> =>
  etcd.member.propose({ kind: 'compact', request: compactRequest(revision) });

/** Events as `+key=value@mod` and `-key@mod`. */
function events({ events }: WatchResponse): readonly string[] {
  return events.map(({ type, kv }) =>
    type === EventType.DELETE
      ? `-${text(kv?.key)}@${kv?.modRevision}`
      : `+${text(kv?.key)}=${text(kv?.value)}@${kv?.modRevision}`,
  );
}

describe('Watch', () => {
  beforeEach(async () => {
    etcd = await openEtcdPort();
  });
  afterEach(() => etcd.close());

  it('says that a watcher is there, and tells it what happens, in one response a revision', async () => {
    const stream = open();
    const first = await created(stream, { key: bytes('a') });
    await put('a', '1');
    await put('b', '1');
    await del('a');
    const [second, third] = [await stream.next(), await stream.next()];
    stream.cancel();

    assert.deepEqual([first.created, first.canceled, first.watchId, first.header?.revision], [true, false, 0n, 1n]);
    assert.deepEqual([first.header?.memberId, first.header?.raftTerm], [selfId, 2n]);
    assert.deepEqual([events(second), second.header?.revision, second.created], [['+a=1@2'], 2n, false]);
    assert.deepEqual([events(third), third.header?.revision], [['-a@4'], 4n]);
    assert.equal(third.events[0]?.kv?.createRevision, 0n);
  });

  it('replays history from a revision, gives the pair before, and keeps its filters', async () => {
    await put('a', '1');
    await put('a', '2');
    await del('a');
    const stream = open();
    await created(stream, { key: bytes('a'), startRevision: 2n, prevKv: true, watchId: 7n });
    const seen: string[] = [];
    while (seen.length < 3) {
      const response = await stream.next();
      assert.equal(response.watchId, 7n);
      for (const [i, event] of events(response).entries()) {
        seen.push(`${event} before ${text(response.events[i]?.prevKv?.value)}`);
      }
    }
    await created(stream, { key: bytes('a'), startRevision: 2n, filters: [Filter.NOPUT] });
    const deletesOnly = await stream.next();
    stream.cancel();

    assert.deepEqual(seen, ['+a=1@2 before ', '+a=2@3 before 1', '-a@4 before 2']);
    assert.deepEqual(events(deletesOnly), ['-a@4']);
  });

  it('carries many watchers, answers in the order of requests and tells each what is its own', async () => {
    const stream = open();
    create(stream, { key: bytes('a') });
    create(stream, { key: bytes('b') });
    create(stream, { key: bytes('c'), watchId: 9n });
    create(stream, {});
    const ids = [await stream.next(), await stream.next(), await stream.next(), await stream.next()].map(
      (one) => one.watchId,
    );
    await put('b', 'x');
    const one = await stream.next();
    stream.cancel();

    assert.deepEqual(ids, [0n, 1n, 9n, 2n]);
    assert.deepEqual([one.watchId, events(one)], [1n, ['+b=x@2']]);
  });

  it('refuses a watcher by a response that is created and canceled at once', async () => {
    await put('a');
    const stream = open();
    await created(stream, { key: bytes('a'), watchId: 5n });
    const rows: readonly (readonly [MessageInitShape<typeof WatchCreateRequestSchema>, string])[] = [
      [{ key: bytes('a'), watchId: 5n }, 'mvcc: duplicate watch ID provided on the WatchStream'],
      [{ key: bytes('b'), rangeEnd: bytes('a') }, 'mvcc: watcher range is empty'],
      [{ key: bytes('a'), startRevision: -1n }, 'etcdserver: mvcc: required revision has been compacted'],
      [{ key: bytes('a'), startRevision: -(2n ** 63n) }, 'etcdserver: mvcc: required revision has been compacted'],
      [{ key: bytes('a'), watchId: 2n ** 60n }, 'kontiki: a watch_id must lie within 2^53 of zero'],
    ];
    for (const [fields, reason] of rows) {
      const response = await created(stream, fields);
      assert.deepEqual(
        [response.created, response.canceled, response.watchId, response.cancelReason, response.header?.revision],
        [true, true, -1n, reason, 2n],
      );
    }
    stream.cancel();
  });

  it('cancels on request, and keeps silent about a watcher it does not know', async () => {
    const stream = open();
    await created(stream, { key: bytes('a') });
    stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: 3n } } });
    stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: 2n ** 62n } } });
    stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: 0n } } });
    const canceled = await stream.next();
    await put('a');
    const again = await created(stream, { key: bytes('a') });
    stream.cancel();

    assert.deepEqual(
      [canceled.canceled, canceled.watchId, canceled.created, canceled.cancelReason],
      [true, 0n, false, ''],
    );
    assert.deepEqual([again.created, again.watchId], [true, 1n]);
  });

  it('ends a watcher that asks for what is compacted with the compact revision, after it was created', async () => {
    await put('a', '1');
    await put('a', '2');
    await put('a', '3');
    await compact(3);
    const stream = open();
    const first = await created(stream, { key: bytes('a'), startRevision: 2n });
    const second = await stream.next();
    await created(stream, { key: bytes('a'), startRevision: 3n });
    const third = await stream.next();
    stream.cancel();

    assert.deepEqual([first.created, first.canceled], [true, false]);
    assert.deepEqual([second.canceled, second.compactRevision, second.cancelReason], [true, 3n, '']);
    assert.deepEqual(events(third), ['+a=2@3', '+a=3@4']);
  });

  it('answers a request for progress for the whole stream', async () => {
    await put('z');
    const stream = open();
    await created(stream, { key: bytes('a') });
    stream.send({ requestUnion: { case: 'progressRequest', value: {} } });
    const progress = await stream.next();
    stream.cancel();

    assert.deepEqual([progress.watchId, progress.events.length, progress.header?.revision], [-1n, 0, 2n]);
  });

  it('passes over a request it does not know', async () => {
    const stream = open();
    stream.sendBytes(Buffer.alloc(0));
    const response = await created(stream, { key: bytes('a') });
    stream.cancel();

    assert.ok(response.created);
  });

  it('ends a stream whose bytes are no request', async () => {
    const stream = open();
    stream.sendBytes(Buffer.from([0xff, 0xff]));

    assert.match(
      await stream.end,
      new RegExp(`^${grpcCode.internal} grpc: failed to unmarshal the received message: `),
    );
  });

  it('goes on telling a client that sends no more', async () => {
    const stream = open();
    await created(stream, { key: bytes('a') });
    stream.halfClose();
    await put('a', '1');
    const response = await stream.next();
    stream.cancel();

    assert.deepEqual(events(response), ['+a=1@2']);
  });

  it('forgets the watchers of a stream that has ended', async () => {
    const stream = open();
    await created(stream, { key: bytes('a') });
    assert.equal(etcd.member.hub.counts().watchers, 1);

    stream.cancel();
    while (etcd.member.hub.counts().streams > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(etcd.member.hub.counts().watchers, 0);
  });

  it('holds events back from a client that does not read, and loses none', async () => {
    const stream = open();
    await created(stream, { key: bytes('a') });
    stream.pause();
    const value = 'v'.repeat(256 * 1024);
    const total = 60;
    for (let i = 0; i < total; i++) {
      await put('a', value);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(etcd.member.hub.counts().unsynced, 1, 'the watcher waits for its client');

    stream.resume();
    const revisions: bigint[] = [];
    while (revisions.length < total) {
      for (const { kv } of (await stream.next()).events) revisions.push(kv?.modRevision ?? 0n);
    }
    stream.cancel();
    assert.deepEqual(
      revisions,
      Array.from({ length: total }, (_, i) => BigInt(i + 2)),
    );
  });

  it('is refused, or ended after three elections, while a leader is wanted and there is none', async () => {
    const hasty = await openEtcdPort({ electionMs: 20 });
    try {
      const metadata = { hasleader: 'true' };
      const path = 'etcdserverpb.Watch/Watch';
      const noLeader = `${grpcCode.unavailable} etcdserver: no leader`;
      const waiting = TypedStream.open(hasty, path, WatchRequestSchema, WatchResponseSchema, metadata);
      const patient = TypedStream.open(hasty, path, WatchRequestSchema, WatchResponseSchema);
      create(waiting, { key: bytes('a') });
      create(patient, { key: bytes('a') });
      await waiting.next();
      await patient.next();

      hasty.member.setLeader(undefined);
      const refused = TypedStream.open(hasty, path, WatchRequestSchema, WatchResponseSchema, metadata);
      create(refused, { key: bytes('a') });
      assert.equal(await refused.end, noLeader);
      assert.equal(await waiting.end, noLeader);
      create(patient, { key: bytes('b') });
      assert.equal((await patient.next()).watchId, 1n);
      patient.cancel();
    } finally {
      await hasty.close();
    }
  });

  it('makes what a watcher has missed when its client has read what it was sent before', async () => {
    for (const value of ['1', '2', '3']) await put('a', value);
    let room: Promise<void> | undefined;
    let read = (): void => undefined;
    const sent: WatchResponse[] = [];
    const call: Pick<Call, 'room' | 'hold'> = { room: () => room, hold: () => undefined };
    const responses: ResponseStream = {
      write: (message) => {
        sent.push(fromBinary(WatchResponseSchema, message));
        room = new Promise((resolve) => {
          read = () => {
            room = undefined;
            resolve();
          };
        });
        return true;
      },
      onDrain: () => undefined,
      end: () => undefined,
      fail: () => undefined,
    };
    const { Watch } = watchService(etcd.context).methods;
    if (Watch === undefined || Watch.kind === 'unary') throw new TypeError('Watch is no stream');
    const listener = Watch.open(call as Call, responses);
    const value = { key: bytes('a'), startRevision: 2n };
    listener.message(
      toBinary(WatchRequestSchema, messageOf(WatchRequestSchema, { requestUnion: { case: 'createRequest', value } })),
    );
    await turns();
    assert.deepEqual(sent.map(events), [[]]);

    read();
    await turns();
    assert.deepEqual(sent.map(events), [[], ['+a=1@2', '+a=2@3', '+a=3@4']]);

    // What happens now is told at once.
    await put('a', '4');
    assert.deepEqual(sent.slice(2).map(events), [['+a=4@5']]);
    listener.closed();
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

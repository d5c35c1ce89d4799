import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type {
  LogRecord,
  Message,
  NodeId,
  RequestOutcome,
  SnapshotMeta,
  SnapshotSink,
  Term,
  TransportHandler,
} from '@kontiki/raft';
import { sourceOf, VirtualTime } from '@kontiki/raft/memory';
import { preamble } from '../src/frames.ts';
import { encodeUtf8, MemoryIncarnations, MemoryNetwork, PeerTransport, type TransportLimits } from '../src/index.ts';

interface MemberOptions {
  readonly cluster?: string;
  readonly boot?: number;
  readonly incarnation?: string;
  readonly limits?: Partial<TransportLimits>;
  /** Where on the network it listens, when not at its own name. */
  readonly place?: string;
  readonly incarnations?: MemoryIncarnations;
}

interface Member {
  readonly transport: PeerTransport;
  readonly received: Message[];
  readonly unreachable: NodeId[];
  readonly log: LogRecord[];
  readonly incarnations: MemoryIncarnations;
  onRequest: (body: Uint8Array, reply: (body: Uint8Array) => void) => void;
  sink: ((meta: SnapshotMeta) => SnapshotSink) | undefined;
}

let time = new VirtualTime();
let network = new MemoryNetwork(time);
beforeEach(() => {
  time = new VirtualTime();
  network = new MemoryNetwork(time);
});

function member(name: string, options: MemberOptions = {}): Member {
  const log: LogRecord[] = [];
  const incarnations = options.incarnations ?? new MemoryIncarnations((task) => time.defer(task));
  const result: Member = {
    transport: new PeerTransport({
      identity: {
        cluster: options.cluster ?? 'c1',
        id: name as NodeId,
        boot: options.boot ?? 1,
        incarnation: options.incarnation ?? `disk of ${name}`,
      },
      network: network.at(options.place ?? name),
      ticker: time.ticker(),
      incarnations,
      log: (record) => log.push(record),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    }),
    received: [],
    unreachable: [],
    log,
    incarnations,
    onRequest: (body, reply) => reply(body),
    sink: undefined,
  };
  const handler: TransportHandler = {
    receive: (message) => result.received.push(message),
    unreachable: (peer) => result.unreachable.push(peer),
    offerSnapshot: (_from, meta) => result.sink?.(meta),
    request: (_from, body, reply) => result.onRequest(body, reply),
  };
  result.transport.start(handler);
  return result;
}

function knows(self: Member, ...others: readonly string[]): void {
  self.transport.setPeers(others.map((other) => ({ id: other as NodeId, address: encodeUtf8(other) })));
}

function heartbeat(from: string, to: string, term = 1): Message {
  return { kind: 'readIndex', from: from as NodeId, to: to as NodeId, term: 1 as Term, readId: term };
}

function link(self: Member, to: string) {
  const found = self.transport.status().peers.find((peer) => peer.id === to);
  assert.ok(found !== undefined, `no link to ${to}`);
  return found;
}

function refusals(self: Member): readonly unknown[] {
  return self.log.filter((record) => record.level === 'warn').map((record) => record.fields.reason);
}

test('a member that was spoken to can answer a peer whose address it does not know', () => {
  const a = member('a');
  const b = member('b');
  knows(a, 'b');
  b.transport.send(heartbeat('b', 'a'));
  a.transport.send(heartbeat('a', 'b'));
  time.settle();
  assert.equal(b.transport.status().unaddressed, 1, 'nobody has spoken yet');
  b.transport.send(heartbeat('b', 'a', 2));
  time.settle();

  assert.deepEqual(a.received, [heartbeat('b', 'a', 2)]);
  a.transport.setPeers([]);
  time.settle();
  b.transport.send(heartbeat('b', 'a', 3));
  time.settle();
  assert.equal(a.received.length, 1, 'not once the connection is gone');
});

test('messages arrive in order, also those sent before the connection stood', () => {
  const a = member('a');
  const b = member('b');
  knows(a, 'b');
  for (let n = 1; n <= 3; n++) a.transport.send(heartbeat('a', 'b', n));
  time.settle();
  for (let n = 4; n <= 6; n++) a.transport.send(heartbeat('a', 'b', n));
  time.settle();

  assert.deepEqual(
    b.received,
    [1, 2, 3, 4, 5, 6].map((n) => heartbeat('a', 'b', n)),
  );
});

test('a member of another cluster is refused with a reason, on both sides logged once', () => {
  const a = member('a', { cluster: 'c2' });
  const b = member('b');
  knows(a, 'b');
  a.transport.send(heartbeat('a', 'b'));
  time.advance(500);

  assert.deepEqual(b.received, []);
  assert.equal(link(a, 'b').state, 'waiting');
  assert.equal(refusals(a).length, 1);
  assert.match(String(refusals(a)[0]), /this is member b of cluster c1; you belong to cluster c2/);
  assert.equal(refusals(b).length, 1);
  assert.equal(b.incarnations.known('a' as NodeId), undefined, 'nothing of a stranger is remembered');
});

test('whoever answers at the address of another is refused', () => {
  const a = member('a');
  member('c', { place: 'b' });
  knows(a, 'b');
  time.advance(50);

  assert.equal(link(a, 'b').state, 'waiting');
  assert.match(String(refusals(a)[0]), /this is member c, not b/);
});

test('a member that calls itself is refused', () => {
  const a = member('a', { place: 'b' });
  a.transport.setPeers([{ id: 'b' as NodeId, address: encodeUtf8('b') }]);
  time.advance(50);

  assert.match(String(refusals(a)[0]), /this is member a, not b/);
});

test('a wiped disk under an old name is refused by those who knew it, and told what to do', () => {
  const b = member('b');
  const before = member('a');
  knows(before, 'b');
  time.settle();
  assert.equal(link(before, 'b').state, 'open');
  before.transport.stop(() => {});
  time.settle();

  const after = member('a', { incarnation: 'a new disk', boot: 2 });
  knows(after, 'b');
  after.transport.send(heartbeat('a', 'b'));
  time.advance(50);

  assert.deepEqual(b.received, []);
  assert.match(String(refusals(after)[0]), /removed and added again under a new id/);
  assert.equal(b.incarnations.known('a' as NodeId), 'disk of a');
});

test('the caller, too, refuses a peer that comes back with another disk', () => {
  const a = member('a');
  const before = member('b');
  knows(a, 'b');
  time.settle();
  before.transport.stop(() => {});
  time.settle();
  const after = member('b', { incarnation: 'a new disk' });
  time.advance(300);

  assert.equal(link(a, 'b').state, 'waiting');
  assert.match(String(refusals(after)[0]), /member b is known with data directory disk of b/);
});

test('a member whose incarnation cannot be stored is not let in', () => {
  class BrokenStore extends MemoryIncarnations {
    override remember(_id: NodeId, _incarnation: string, done: (error: Error | undefined) => void): void {
      time.defer(() => done(new Error('the disk is full')));
    }
  }
  const b = member('b', { incarnations: new BrokenStore((task) => time.defer(task)) });
  const a = member('a');
  knows(a, 'b');
  a.transport.send(heartbeat('a', 'b'));
  time.advance(20);

  assert.deepEqual(b.received, []);
  assert.match(String(refusals(a)[0]), /the disk is full/);
});

test('an older process of the same member is refused', () => {
  const b = member('b');
  const now = member('a', { boot: 5 });
  knows(now, 'b');
  time.settle();
  const older = member('a', { boot: 4, place: 'elsewhere' });
  knows(older, 'b');
  time.advance(20);

  assert.match(String(refusals(older)[0]), /was seen with boot 5, you are boot 4/);
  assert.equal(link(now, 'b').state, 'open');
  assert.equal(b.received.length, 0);
});

test('unknown members can introduce themselves only so often', () => {
  const b = member('b');
  for (let n = 0; n < 300; n++) {
    const newcomer = member(`n${n}`);
    knows(newcomer, 'b');
    time.settle();
    newcomer.transport.stop(() => {});
    time.settle();
  }
  const last = member('z');
  knows(last, 'b');
  time.settle();

  assert.equal(b.incarnations.known('n255' as NodeId), 'disk of n255');
  assert.equal(b.incarnations.known('n256' as NodeId), undefined);
  assert.match(String(refusals(last)[0]), /has met 256 unknown members/);
});

/** A raw connection to `to`, for strangers that do not behave. */
function stranger(to: string) {
  const heard: Uint8Array[] = [];
  const result = { heard, closed: undefined as string | undefined, write: (_bytes: Uint8Array): void => {} };
  network.at('stranger').dial(encodeUtf8(to), (outcome) => {
    if (outcome.kind === 'failed') throw outcome.error;
    outcome.value.start({
      data: (chunk) => heard.push(chunk),
      drained: () => {},
      closed: (reason) => {
        result.closed = reason;
      },
    });
    result.write = (bytes) => {
      outcome.value.write(bytes);
    };
  });
  time.settle();
  return result;
}

test('a newer protocol is told which version is spoken here', () => {
  const b = member('b');
  const visitor = stranger('b');
  const newer = preamble.slice();
  newer[newer.length - 1] = 2;
  visitor.write(newer);
  time.settle();

  assert.ok(visitor.closed !== undefined);
  assert.match(String(refusals(b)[0]), /protocol version 1 is spoken here, the other side speaks 2/);
  const text = String.fromCharCode(...visitor.heard.flatMap((chunk) => [...chunk]));
  assert.match(text, /protocol version 1 is spoken here/);
});

test('garbage closes the connection with a logged reason and reaches nobody', () => {
  const b = member('b');
  const visitor = stranger('b');
  visitor.write(encodeUtf8('GET / HTTP/1.1\r\n\r\n'));
  time.settle();

  assert.ok(visitor.closed !== undefined);
  assert.deepEqual(refusals(b), ['this is not the protocol that members speak to each other']);
  assert.deepEqual(b.received, []);
});

test('half a frame and then silence is closed after a while', () => {
  const b = member('b');
  const visitor = stranger('b');
  visitor.write(preamble);
  visitor.write(Uint8Array.of(0, 0, 0, 200, 1, 2, 3));
  time.advance(300);

  assert.ok(visitor.closed !== undefined);
  assert.match(String(refusals(b)[0]), /no greeting came in time|half a frame/);
  assert.equal(b.transport.status().strangers, 0);
});

test('no more strangers than the bound are let wait, and members come in again when they are gone', () => {
  const b = member('b', { limits: { strangers: 2 } });
  const first = [stranger('b'), stranger('b')];
  const third = stranger('b');
  time.advance(1);

  assert.ok(third.closed !== undefined, 'the third is turned away');
  assert.ok(first.every((visitor) => visitor.closed === undefined));
  time.advance(300);
  assert.ok(first.every((visitor) => visitor.closed !== undefined));
  const a = member('a');
  knows(a, 'b');
  time.settle();
  assert.equal(link(a, 'b').state, 'open');
  assert.equal(b.transport.status().strangers, 0);
});

test('a peer that falls silent is let go, and found again', () => {
  const a = member('a');
  const b = member('b');
  knows(a, 'b');
  time.settle();
  network.silence('a', 'b');
  time.advance(450);
  assert.notEqual(link(a, 'b').state, 'open');
  assert.deepEqual([...new Set(a.unreachable)], ['b']);

  network.heal('a', 'b');
  time.advance(400);
  a.transport.send(heartbeat('a', 'b', 9));
  time.settle();

  assert.deepEqual(b.received, [heartbeat('a', 'b', 9)]);
});

test('a lost connection is opened again, after longer and longer pauses', () => {
  const a = member('a');
  knows(a, 'b');
  let attempts = 0;
  const unreachable = a.unreachable;
  for (let tick = 0; tick < 1000; tick++) {
    const before = unreachable.length;
    time.advance(1);
    attempts += unreachable.length - before;
  }
  assert.ok(attempts >= 10 && attempts <= 20, `${attempts} attempts in 1000 ticks`);

  const b = member('b');
  knows(b, 'a');
  time.settle();
  assert.equal(link(a, 'b').state, 'open', 'a peer that calls is called back at once');
});

test('a full queue drops Raft messages, counts them and reports the peer unreachable once a turn', () => {
  const a = member('a', { limits: { queueFrames: 10 } });
  const b = member('b');
  knows(a, 'b');
  for (let n = 0; n < 25; n++) a.transport.send(heartbeat('a', 'b', n));
  assert.deepEqual(a.unreachable, [], 'never from within send');
  time.settle();

  assert.equal(b.received.length, 10);
  assert.equal(link(a, 'b').dropped, 15);
  assert.deepEqual(a.unreachable, ['b']);
});

test('the queue is bounded in bytes, too', () => {
  const a = member('a', { limits: { queueBytes: 200 } });
  member('b');
  knows(a, 'b');
  for (let n = 0; n < 25; n++) a.transport.send(heartbeat('a', 'b', n));

  assert.ok(link(a, 'b').queuedBytes <= 200);
  assert.ok(link(a, 'b').dropped > 15);
});

test('a message above the frame limit is dropped, not sent', () => {
  const a = member('a', { limits: { frameBytesMax: 9000 } });
  const b = member('b');
  knows(a, 'b');
  time.settle();
  const answers: RequestOutcome[] = [];
  a.transport.request('b' as NodeId, new Uint8Array(9000), 100, (outcome) => answers.push(outcome));
  time.settle();

  assert.equal(answers[0]?.kind, 'refused');
  assert.equal(link(a, 'b').state, 'open');
  assert.equal(b.received.length, 0);
});

test('what is slow to leave waits in the queue, in order, until there is room', () => {
  const a = member('a');
  const b = member('b');
  knows(a, 'b');
  time.settle();
  network.silence('a', 'b');
  for (let n = 0; n < 3000; n++) a.transport.send(heartbeat('a', 'b', n));
  time.settle();
  assert.ok(link(a, 'b').queuedFrames > 0);
  network.heal('a', 'b');
  time.settle();

  assert.equal(link(a, 'b').dropped, 0);
  assert.deepEqual(
    b.received.map((message) => message.kind === 'readIndex' && message.readId),
    Array.from({ length: 3000 }, (_, n) => n),
  );
});

function ask(self: Member, to: string, body: Uint8Array, timeoutTicks = 100): RequestOutcome[] {
  const answers: RequestOutcome[] = [];
  self.transport.request(to as NodeId, body, timeoutTicks, (outcome) => answers.push(outcome));
  return answers;
}

test('a request is answered with what the other side replied', () => {
  const a = member('a');
  const b = member('b');
  b.onRequest = (body, reply) => reply(Uint8Array.from(body, (byte) => byte + 1));
  knows(a, 'b');
  const answers = [ask(a, 'b', Uint8Array.of(1)), ask(a, 'b', Uint8Array.of(5))];
  assert.deepEqual(answers, [[], []], 'never from within request');
  time.settle();

  assert.deepEqual(answers, [
    [{ kind: 'answered', body: Uint8Array.of(2) }],
    [{ kind: 'answered', body: Uint8Array.of(6) }],
  ]);
});

test('a request that never left is refused', () => {
  const a = member('a');
  const toNobody = ask(a, 'z', new Uint8Array(1));
  knows(a, 'b');
  const toAbsent = ask(a, 'b', new Uint8Array(1));
  time.advance(5);
  const whileWaiting = ask(a, 'b', new Uint8Array(1));
  time.settle();

  assert.deepEqual(
    [toNobody, toAbsent, whileWaiting].map((answers) => answers.map((answer) => answer.kind)),
    [['refused'], ['refused'], ['refused']],
  );
});

test('a request that left and was not answered is lost, by time or by the connection', () => {
  const a = member('a');
  const b = member('b');
  b.onRequest = () => {};
  knows(a, 'b');
  time.settle();
  const byTime = ask(a, 'b', new Uint8Array(1), 10);
  time.advance(20);
  const byConnection = ask(a, 'b', new Uint8Array(1));
  time.settle();
  network.cut('a', 'b');
  time.advance(1);

  assert.deepEqual(byTime, [{ kind: 'lost', reason: 'b did not answer in time' }]);
  assert.equal(byConnection[0]?.kind, 'lost');
  assert.equal(link(a, 'b').requests, 0);
});

test('a request whose time runs out in the queue is refused and never leaves', () => {
  const a = member('a');
  const b = member('b');
  let asked = 0;
  b.onRequest = () => {
    asked += 1;
  };
  knows(a, 'b');
  network.silence('a', 'b');
  const answers = ask(a, 'b', new Uint8Array(1), 10);
  time.advance(20);
  network.heal('a', 'b');
  time.advance(500);

  assert.equal(answers[0]?.kind, 'refused');
  assert.equal(asked, 0);
  assert.equal(link(a, 'b').queuedBytes, 0);
});

test('more requests than the other side takes are refused there unread', () => {
  const a = member('a');
  const b = member('b', { limits: { inboundRequests: 2 } });
  const replies: (() => void)[] = [];
  b.onRequest = (body, reply) => replies.push(() => reply(body));
  knows(a, 'b');
  const answers = [1, 2, 3].map((byte) => ask(a, 'b', Uint8Array.of(byte)));
  time.settle();
  assert.deepEqual(
    answers.map((answer) => answer[0]?.kind),
    [undefined, undefined, 'refused'],
  );
  for (const reply of replies) reply();
  time.settle();

  assert.deepEqual(
    answers.map((answer) => answer[0]?.kind),
    ['answered', 'answered', 'refused'],
  );
});

test('stopping answers everything that waits', () => {
  const a = member('a');
  const b = member('b');
  b.onRequest = () => {};
  knows(a, 'b');
  time.settle();
  const answers = ask(a, 'b', new Uint8Array(1));
  let stopped = false;
  a.transport.stop(() => {
    stopped = true;
  });
  time.settle();

  assert.equal(answers[0]?.kind, 'lost');
  assert.ok(stopped);
});

const meta: SnapshotMeta = {
  last: { term: 2 as Term, index: 9 as SnapshotMeta['last']['index'] },
  configuration: { voters: ['a' as NodeId], outgoing: [], learners: [], addresses: [] },
};

interface CollectingSink extends SnapshotSink {
  readonly chunks: Uint8Array[];
  state: 'open' | 'committed' | 'aborted';
}

function collectingSink(writeTicks = 0): CollectingSink {
  const sink: CollectingSink = {
    chunks: [],
    state: 'open',
    write: (chunk, done) => {
      const write = (): void => {
        sink.chunks.push(chunk);
        done(undefined);
      };
      if (writeTicks === 0) time.defer(write);
      else time.after(writeTicks, write);
    },
    commit: (done) => {
      time.defer(() => {
        sink.state = 'committed';
        done(undefined);
      });
    },
    abort: () => {
      sink.state = 'aborted';
    },
  };
  return sink;
}

function* manyChunks(count: number, bytes: number, made: { count: number }): Generator<Uint8Array> {
  for (let n = 0; n < count; n++) {
    made.count += 1;
    yield new Uint8Array(bytes).fill(n);
  }
}

function transfer(self: Member, to: string, chunks: Iterable<Uint8Array>) {
  const result = { ended: false, error: undefined as Error | undefined, cancel: (): void => {} };
  result.cancel = self.transport.sendSnapshot(to as NodeId, sourceOf(meta, chunks, time.ticker()), (error) => {
    result.ended = true;
    result.error = error;
  });
  return result;
}

test('a snapshot arrives whole and is answered once it is committed', () => {
  const a = member('a');
  const b = member('b');
  const sink = collectingSink();
  let offered: SnapshotMeta | undefined;
  b.sink = (value) => {
    offered = value;
    return sink;
  };
  knows(a, 'b');
  const result = transfer(a, 'b', manyChunks(5, 400_000, { count: 0 }));
  time.settle();

  assert.deepEqual(result.error, undefined);
  assert.ok(result.ended);
  assert.equal(sink.state, 'committed');
  assert.deepEqual(offered, meta);
  const bytes = sink.chunks.flatMap((chunk) => [...chunk]);
  assert.equal(bytes.length, 2_000_000);
  assert.deepEqual(
    [0, 399_999, 400_000, 1_999_999].map((at) => bytes[at]),
    [0, 0, 1, 4],
  );
});

test('a slow sink holds the sender up, and messages pass meanwhile', () => {
  const a = member('a');
  const b = member('b');
  const sink = collectingSink(50);
  b.sink = () => sink;
  knows(a, 'b');
  const made = { count: 0 };
  const result = transfer(a, 'b', manyChunks(100, 200_000, made));
  time.advance(20);
  assert.ok(made.count < 15, `${made.count} chunks were made while none was written`);
  a.transport.send(heartbeat('a', 'b', 4));
  time.settle();
  assert.deepEqual(b.received, [heartbeat('a', 'b', 4)]);

  time.advance(100 * 51);

  assert.ok(result.ended);
  assert.equal(result.error, undefined);
  assert.equal(sink.state, 'committed');
});

test('a snapshot that is not wanted fails at the sender, with the reason', () => {
  const a = member('a');
  member('b');
  knows(a, 'b');
  const result = transfer(a, 'b', [new Uint8Array(3)]);
  time.settle();

  assert.match(result.error?.message ?? '', /no snapshot is wanted here now/);
});

test('a transfer cut off in the middle aborts the sink and fails at the sender', () => {
  const a = member('a');
  const b = member('b');
  const sink = collectingSink(10);
  b.sink = () => sink;
  knows(a, 'b');
  const result = transfer(a, 'b', manyChunks(100, 200_000, { count: 0 }));
  time.advance(35);
  network.cut('a', 'b');
  time.advance(30);

  assert.ok(result.error !== undefined);
  assert.equal(sink.state, 'aborted');
});

test('a cancelled transfer aborts the sink', () => {
  const a = member('a');
  const b = member('b');
  const sink = collectingSink(10);
  b.sink = () => sink;
  knows(a, 'b');
  const result = transfer(a, 'b', manyChunks(100, 200_000, { count: 0 }));
  time.advance(35);
  result.cancel();
  time.advance(30);

  assert.match(result.error?.message ?? '', /cancelled/);
  assert.equal(sink.state, 'aborted');
});

test('a sink that fails is told to the sender', () => {
  const a = member('a');
  const b = member('b');
  const sink = collectingSink();
  b.sink = () => ({ ...sink, commit: (done) => time.defer(() => done(new Error('no space left'))) });
  knows(a, 'b');
  const result = transfer(a, 'b', manyChunks(2, 100, { count: 0 }));
  time.settle();

  assert.match(result.error?.message ?? '', /no space left/);
});

test('a newer transfer of the same peer replaces the older one', () => {
  const a = member('a');
  const b = member('b');
  const sinks: CollectingSink[] = [];
  b.sink = () => {
    const sink = collectingSink(10);
    sinks.push(sink);
    return sink;
  };
  knows(a, 'b');
  const first = transfer(a, 'b', manyChunks(100, 200_000, { count: 0 }));
  time.advance(15);
  const second = transfer(a, 'b', manyChunks(3, 100, { count: 0 }));
  time.advance(60);

  assert.ok(first.error !== undefined);
  assert.ok(second.ended && second.error === undefined);
  assert.deepEqual(
    sinks.map((sink) => sink.state),
    ['aborted', 'committed'],
  );
});

test('a member that is no longer a peer is not called any more', () => {
  const a = member('a');
  const b = member('b');
  knows(a, 'b');
  time.settle();
  a.transport.setPeers([]);
  a.transport.send(heartbeat('a', 'b'));
  time.advance(10);

  assert.deepEqual(b.received, []);
  assert.equal(a.transport.status().unaddressed, 1);
});

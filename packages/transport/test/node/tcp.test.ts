import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { LogRecord, Message, NodeId, RequestOutcome, SnapshotMeta, SnapshotSink, Term } from '@kontiki/raft';
import { sourceOf } from '@kontiki/raft/memory';
import { MemoryIncarnations, PeerTransport, type TransportLimits } from '../../src/index.ts';
import { NodeTicker, nativeCrc32, TcpNetwork, tcpAddress } from '../../src/node/index.ts';

const host = '127.0.0.1';
/** For tests whose subject is not time: a loaded machine may be late, and is not wrong by that. */
const patient = { pingTicks: 5_000, handshakeTicks: 10_000 };

async function member(t: TestContext, name: string, limits: Partial<TransportLimits> = {}) {
  const network = await TcpNetwork.bind({ host, port: 0 });
  const ticker = new NodeTicker(2);
  const log: LogRecord[] = [];
  const received: Message[] = [];
  const waiting: (() => void)[] = [];
  const transport = new PeerTransport({
    identity: { cluster: 'c', id: name as NodeId, boot: 1, incarnation: name },
    network,
    ticker,
    incarnations: new MemoryIncarnations((task) => ticker.defer(task)),
    log: (record) => {
      log.push(record);
      for (const wake of waiting.splice(0)) wake();
    },
    limits: { pingTicks: 20, handshakeTicks: 40, ...limits },
    checksum: nativeCrc32,
  });
  const chunks: Uint8Array[] = [];
  const sink: SnapshotSink = {
    write: (chunk, done) => {
      chunks.push(chunk);
      setImmediate(() => done(undefined));
    },
    commit: (done) => setImmediate(() => done(undefined)),
    abort: () => {},
  };
  transport.start({
    receive: (message) => {
      received.push(message);
      for (const wake of waiting.splice(0)) wake();
    },
    unreachable: () => {},
    offerSnapshot: () => sink,
    request: (_from, body, reply) => reply(body),
  });
  t.after(() => transport.stop(() => {}));
  /** Until `condition` holds, looked at whenever something is received or logged. */
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { network, transport, ticker, log, received, chunks, until };
}

test('messages, requests and snapshots pass over loopback', { timeout: 20_000 }, async (t) => {
  const a = await member(t, 'a', patient);
  const b = await member(t, 'b');
  a.transport.setPeers([{ id: 'b' as NodeId, address: b.network.address }]);
  const message: Message = { kind: 'readIndex', from: 'a' as NodeId, to: 'b' as NodeId, term: 1 as Term, readId: 5 };

  a.transport.send(message);
  await b.until(() => b.received.length === 1);
  const answer = await new Promise<RequestOutcome>((resolve) => {
    a.transport.request('b' as NodeId, Uint8Array.of(1, 2), 1000, resolve);
  });
  const meta: SnapshotMeta = {
    last: { term: 1 as Term, index: 4 as SnapshotMeta['last']['index'] },
    configuration: { voters: [], outgoing: [], learners: [], addresses: [] },
  };
  const bytes = Array.from({ length: 40 }, (_, n) => new Uint8Array(300_000).fill(n));
  const error = await new Promise((resolve) => {
    a.transport.sendSnapshot('b' as NodeId, sourceOf(meta, bytes, a.ticker), resolve);
  });

  assert.deepEqual(b.received, [message]);
  assert.deepEqual(answer, { kind: 'answered', body: Uint8Array.of(1, 2) });
  assert.equal(error, undefined);
  assert.equal(
    b.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    12_000_000,
  );
});

function visit(port: number, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port }, () => socket.write(bytes));
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve());
  });
}

test('garbage on the port is closed with a logged reason', { timeout: 20_000 }, async (t) => {
  const b = await member(t, 'b', patient);

  await visit(b.network.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');

  assert.equal(b.log[0]?.fields.reason, 'this is not the protocol that members speak to each other');
  assert.equal(b.log[0]?.fields.peer, host);
});

test('half a frame and then silence is closed', { timeout: 20_000 }, async (t) => {
  const b = await member(t, 'b');

  await visit(b.network.port, Uint8Array.of(0x6b, 0x6f, 0x6e, 0x74, 0x69, 0x6b, 0x69, 1, 0, 0, 0));

  assert.match(String(b.log[0]?.fields.reason), /no greeting came in time/);
});

test('a connection that says nothing at all is closed', { timeout: 20_000 }, async (t) => {
  const b = await member(t, 'b');

  await visit(b.network.port, '');

  assert.match(String(b.log[0]?.fields.reason), /no greeting came in time/);
});

test('a port in use is refused with its number', async (t) => {
  const first = await TcpNetwork.bind({ host, port: 0 });
  t.after(() => first.close(() => {}));

  await assert.rejects(
    TcpNetwork.bind({ host, port: first.port }),
    new RegExp(`cannot listen for peers on 127.0.0.1:${first.port}: another process listens there`),
  );
});

test('an address that is none is a failed connection, not a crash', async (t) => {
  const network = await TcpNetwork.bind({ host, port: 0 });
  t.after(() => network.close(() => {}));
  const dial = (address: Uint8Array): Promise<string> =>
    new Promise((resolve) => {
      network.dial(address, (outcome) => resolve(outcome.kind === 'failed' ? outcome.error.message : 'opened'));
    });

  assert.match(await dial(tcpAddress('host', 99_999)), /"host:99999" is not host:port/);
  assert.match(await dial(Uint8Array.of(0xff)), /not UTF-8/);
});

test('ticks are whole, monotonic and never early', { timeout: 20_000 }, async () => {
  const ticker = new NodeTicker(2);
  const started = performance.now();
  let ticks = 0;
  const cancel = ticker.start((elapsed) => {
    assert.ok(Number.isInteger(elapsed) && elapsed > 0);
    ticks += elapsed;
  });

  await new Promise<void>((resolve) => {
    ticker.after(10, resolve);
  });
  cancel();

  const elapsedMs = performance.now() - started;
  assert.ok(elapsedMs >= 20, `ten ticks of 2 ms took ${elapsedMs} ms`);
  assert.ok(ticks * 2 <= elapsedMs + 2, `${ticks} ticks in ${elapsedMs} ms`);
});

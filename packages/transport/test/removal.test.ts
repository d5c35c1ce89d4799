import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord, Message, NodeId, Term } from '@kontiki/raft';
import { VirtualTime } from '@kontiki/raft/memory';
import { encodeUtf8, MemoryIncarnations, MemoryNetwork, PeerTransport } from '../src/index.ts';

class Net {
  readonly time = new VirtualTime();
  readonly network = new MemoryNetwork(this.time);

  member(name: string, cluster = 'c1') {
    const log: LogRecord[] = [];
    const received: Message[] = [];
    const removals: string[] = [];
    const transport = new PeerTransport({
      identity: { cluster, id: name as NodeId, boot: 1, incarnation: `disk of ${name}` },
      network: this.network.at(name),
      ticker: this.time.ticker(),
      incarnations: new MemoryIncarnations((task) => this.time.defer(task)),
      log: (record) => log.push(record),
      onRemoved: () => removals.push(name),
    });
    transport.start({
      receive: (message) => received.push(message),
      unreachable: () => {},
      offerSnapshot: () => undefined,
      request: (_from, body, reply) => reply(body),
    });
    const knows = (...others: readonly string[]): void =>
      transport.setPeers(others.map((other) => ({ id: other as NodeId, address: encodeUtf8(other) })));
    return { transport, log, received, removals, knows };
  }
}

const message = (from: string, to: string): Message => ({
  kind: 'readIndex',
  from: from as NodeId,
  to: to as NodeId,
  term: 1 as Term,
  readId: 1,
});
const a = 'a' as NodeId;

test('a connected member that is removed is told so at once, by name, and reaches nobody any more', () => {
  const net = new Net();
  const [one, other] = [net.member('a'), net.member('b')];
  one.knows('b');
  other.knows('a');
  net.time.advance(20);
  assert.equal(one.transport.isConnected('b' as NodeId), true);

  other.knows();
  other.transport.setRemoved([a]);
  net.time.advance(1);
  one.transport.send(message('a', 'b'));
  net.time.advance(500);

  assert.deepEqual(one.removals, ['a']);
  assert.deepEqual(other.removals, []);
  assert.deepEqual(other.received, []);
  assert.equal(one.transport.isConnected('b' as NodeId), false);
  const reasons = one.log.map(({ fields }) => String(fields.reason));
  assert.ok(
    reasons.some((reason) => reason.includes('member a has been permanently removed from the cluster')),
    reasons.join('\n'),
  );
});

test('a removed member that calls later, or is called, is told once', () => {
  const net = new Net();
  const other = net.member('b');
  other.transport.setRemoved([a]);
  const one = net.member('a');
  one.knows('b');
  other.knows('a');
  net.time.advance(500);

  assert.deepEqual(one.removals, ['a']);
  assert.equal(other.transport.isConnected(a), false);
});

test('a member of another cluster with the same id is refused, and not as removed', () => {
  const net = new Net();
  const other = net.member('b');
  other.transport.setRemoved([a]);
  const stranger = net.member('a', 'c2');
  stranger.knows('b');
  net.time.advance(500);

  assert.deepEqual(stranger.removals, []);
  assert.match(String(stranger.log.find(({ level }) => level === 'warn')?.fields.reason), /you belong to cluster c2/);
});

test('a peer whose address changes is called at the new one', () => {
  const net = new Net();
  const one = net.member('a');
  const moved = net.member('b');
  one.transport.setPeers([{ id: 'b' as NodeId, address: encodeUtf8('nowhere') }]);
  net.time.advance(50);
  assert.equal(one.transport.isConnected('b' as NodeId), false);

  one.knows('b');
  net.time.advance(5);
  one.transport.send(message('a', 'b'));
  net.time.advance(1);

  assert.equal(one.transport.isConnected('b' as NodeId), true);
  assert.deepEqual(moved.received, [message('a', 'b')]);
});

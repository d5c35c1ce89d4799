import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord, NodeId, Outcome } from '@kontiki/raft';
import { VirtualTime } from '@kontiki/raft/memory';
import { discover, encodeUtf8, MemoryIncarnations, MemoryNetwork, PeerTransport } from '../src/index.ts';

function setUp(discovered?: (question: Uint8Array, answer: (body: Uint8Array) => void) => void) {
  const time = new VirtualTime();
  const network = new MemoryNetwork(time);
  const log: LogRecord[] = [];
  const transport = new PeerTransport({
    identity: { cluster: 'c1', id: 'a' as NodeId, boot: 1, incarnation: 'disk' },
    network: network.at('a'),
    ticker: time.ticker(),
    incarnations: new MemoryIncarnations((task) => time.defer(task)),
    log: (record) => log.push(record),
    ...(discovered === undefined ? {} : { discovered }),
  });
  transport.start({
    receive: () => assert.fail('nothing of a stranger reaches Raft'),
    unreachable: () => {},
    offerSnapshot: () => undefined,
    request: () => assert.fail('nothing of a stranger is a request'),
  });
  const outcomes: Outcome<Uint8Array>[] = [];
  const ask = (question: string, to = 'a'): void => {
    discover(
      { network: network.at('joiner'), ticker: time.ticker() },
      encodeUtf8(to),
      encodeUtf8(question),
      200,
      (one) => outcomes.push(one),
    );
  };
  return { time, transport, outcomes, ask };
}

const failure = (outcome: Outcome<Uint8Array> | undefined): string =>
  outcome?.kind === 'failed' ? outcome.error.message : 'no failure';

test('a process without ids asks, is answered, and leaves nothing behind', () => {
  const { time, transport, outcomes, ask } = setUp((question, answer) => answer(question.slice().reverse()));
  ask('abc');
  time.advance(5);

  assert.deepEqual(outcomes, [{ kind: 'done', value: encodeUtf8('cba') }]);
  time.advance(1000);
  assert.equal(outcomes.length, 1);
  assert.equal(transport.status().strangers, 0);
  assert.equal(transport.status().peers.length, 0);
});

test('an answer may be larger than what a stranger may send', () => {
  const { time, outcomes, ask } = setUp((_question, answer) => answer(new Uint8Array(100_000)));
  ask('');
  time.advance(5);

  assert.equal(outcomes[0]?.kind === 'done' ? outcomes[0].value.length : 0, 100_000);
});

test('who cannot be reached, does not answer or has nothing to say is a failure with a reason, once', () => {
  const silent = setUp(() => {});
  silent.ask('?');
  silent.ask('?', 'nowhere');
  silent.time.advance(1000);
  assert.equal(silent.outcomes.length, 2);
  assert.match(failure(silent.outcomes[1]), /did not answer in time/);

  const mute = setUp();
  mute.ask('?');
  mute.time.advance(5);
  assert.match(failure(mute.outcomes[0]), /tells nobody about its cluster/);
});

test('a question above the bound of strangers is refused', () => {
  const { time, outcomes, ask } = setUp((_question, answer) => answer(new Uint8Array(0)));
  ask('x'.repeat(10_000));
  time.advance(5);

  assert.match(failure(outcomes[0]), /are allowed/);
});

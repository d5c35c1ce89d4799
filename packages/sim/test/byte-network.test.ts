import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualTime } from '@kontiki/raft/memory';
import { type Connection, encodeUtf8 } from '@kontiki/transport';
import { ByteNetwork } from '../src/byte-network.ts';

/** What arrives of so many zeros, when each write has 100 of them. */
function arrivals(draw: number, writes: number): Uint8Array {
  const time = new VirtualTime();
  const network = new ByteNetwork(time, 1);
  const [a, b] = [network.at('a', time.ticker()), network.at('b', time.ticker())];
  const got: number[] = [];
  b.listen((connection) =>
    connection.start({ data: (bytes) => void got.push(...bytes), drained: () => {}, closed: () => {} }),
  );
  let dialled: Connection | undefined;
  a.dial(encodeUtf8('b'), (outcome) => {
    if (outcome.kind === 'done') dialled = outcome.value;
  });
  time.advance(5);
  network.garble('a', 'b', draw);
  for (let write = 0; write < writes; write += 1) dialled?.write(new Uint8Array(100));
  time.advance(5);
  return Uint8Array.from(got);
}

test('noise on a line turns over some bits, in long writes and between short ones, and no others', () => {
  for (let draw = 1; draw <= 5; draw += 1) {
    const bytes = arrivals(draw, 100);

    assert.equal(bytes.length, 10_000);
    const changed = bytes.filter((byte) => byte !== 0);
    assert.equal(changed.length, 6, `draw ${draw}`);
    assert.ok(changed.every((byte) => (byte & (byte - 1)) === 0));
  }
});

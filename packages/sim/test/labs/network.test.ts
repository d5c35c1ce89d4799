// The labs' network: who is reached, what is lost and how late it is, and what counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HardNetwork, LabNetwork, type Request } from '../../src/labs/network.ts';
import { type Body, Threads } from '../../src/labs/threads.ts';

const seed = process.env.SEED ?? '1';

interface Bench {
  readonly c: Threads;
  readonly network: LabNetwork;
  readonly ask: (text?: string) => Body<Uint8Array | undefined>;
  readonly handled: Request[];
}

function onNetwork(body: (bench: Bench) => Body, hard?: HardNetwork, answers = true): void {
  const c = new Threads();
  const network = new LabNetwork(c.clock, seed, hard);
  const handled: Request[] = [];
  const endpoint = network.endpoint('client');
  endpoint.connect('server');
  endpoint.enable(true);
  network.addServer('server', (request) => {
    handled.push(request);
    if (answers) request.reply(request.args);
  });
  const ask = (text = 'x'): Body<Uint8Array | undefined> =>
    c.answerOf((answer) =>
      endpoint.call(
        'echo',
        Uint8Array.from(text, (char) => char.charCodeAt(0)),
        answer,
      ),
    );
  c.run(() => body({ c, network, ask, handled }));
}

/** Shares lie within four standard errors of what is claimed. */
function assertShare(hits: number, of: number, share: number): void {
  const error = Math.sqrt((share * (1 - share)) / of);
  assert.ok(Math.abs(hits / of - share) < 4 * error, `${hits} of ${of} is not a share of ${share}`);
}

test('a reliable network answers at once and counts requests and bytes both ways', () => {
  onNetwork(function* ({ c, network, ask }) {
    assert.deepEqual(yield* ask('abc'), Uint8Array.of(97, 98, 99));
    assert.equal(c.now, 0);
    assert.deepEqual([network.requests, network.bytes, network.server('server')?.count], [1, 6, 1]);
  });
});

test('an unreliable network loses a tenth of the requests and a tenth of the replies, and delays by 0 to 26 ms', () => {
  onNetwork(function* ({ c, network, ask, handled }) {
    network.isReliable = false;
    const calls = 5000;
    let answered = 0;
    const delays = new Set<number>();
    for (let at = 0; at < calls; at++) {
      const begun = c.now;
      if ((yield* ask()) !== undefined) answered += 1;
      delays.add(c.now - begun);
    }

    assertShare(handled.length, calls, 0.9);
    assertShare(answered, calls, 0.81);
    assert.deepEqual(
      [...delays].sort((a, b) => a - b),
      Array.from({ length: 27 }, (_, ms) => ms),
    );
    assert.equal(network.server('server')?.count, handled.length);
  });
});

test('a call to nobody fails within 100 ms, and within 7 s with long delays', () => {
  onNetwork(function* ({ c, network, ask }) {
    network.deleteServer('server');
    for (const [hasLongDelays, most] of [
      [false, 100],
      [true, 7000],
    ] as const) {
      network.hasLongDelays = hasLongDelays;
      let longest = 0;
      for (let at = 0; at < 4; at++) {
        const begun = c.now;
        assert.equal(yield* ask(), undefined);
        longest = Math.max(longest, c.now - begun);
      }
      assert.ok(longest < most, `${longest} ms`);
      assert.ok(longest > most / 10, `${longest} ms`);
    }
  });
});

test('with long reordering, two of three replies come 0.2 to 2.2 s late', () => {
  onNetwork(function* ({ c, network, ask }) {
    network.hasLongReordering = true;
    const calls = 900;
    const begun = c.now;
    const late: number[] = [];
    yield* c.joinAll(
      Array.from({ length: calls }, () =>
        c.spawn(function* () {
          yield* ask();
          if (c.now > begun) late.push(c.now - begun);
        }),
      ),
    );

    assertShare(late.length, calls, 2 / 3);
    assert.ok(
      late.every((ms) => ms >= 200 && ms <= 2200),
      `${Math.min(...late)} to ${Math.max(...late)} ms`,
    );
    const mean = late.reduce((sum, ms) => sum + ms, 0) / late.length;
    assert.ok(mean > 600 && mean < 800, `mean ${mean} ms`);
  });
});

test('the reply of a server that was replaced meanwhile is never delivered', () => {
  onNetwork(
    function* ({ c, network, ask, handled }) {
      const call = c.spawn(() => ask());
      yield* c.sleep(10);
      network.addServer('server', () => assert.fail('the new server was asked'));
      handled[0]?.reply(Uint8Array.of(1));

      assert.equal(yield* c.join(call), undefined);
      assert.equal(network.server('server')?.count, 0, 'the new server counts for itself');
    },
    undefined,
    false,
  );
});

test('a call whose server is gone is given up at the next look, every 100 ms', () => {
  onNetwork(
    function* ({ c, network, ask }) {
      yield* c.sleep(7);
      const call = c.spawn(() => ask());
      yield* c.sleep(250);
      network.deleteServer('server');

      assert.equal(yield* c.join(call), undefined);
      assert.equal(c.now, 307);
    },
    undefined,
    false,
  );
});

test('a call whose server went while the request was under way is given up too', () => {
  onNetwork(
    function* ({ c, network, ask, handled }) {
      network.isReliable = false;
      const calls = Array.from({ length: 20 }, () => c.spawn(() => ask()));
      yield* c.sleep(1);
      network.deleteServer('server');
      for (const call of calls) assert.equal(yield* c.join(call), undefined);

      assert.ok(c.now <= 200);
      assert.ok(handled.length > 5, 'most of them reached a server that was no more');
    },
    undefined,
    false,
  );
});

test('an endpoint that was only off between two looks still gets its reply', () => {
  const c = new Threads();
  c.run(function* () {
    const network = new LabNetwork(c.clock, seed);
    const endpoint = network.endpoint('client');
    endpoint.connect('server');
    endpoint.enable(true);
    network.addServer('server', ({ reply }) => void c.clock.after(90, () => reply(Uint8Array.of(1))));
    const call = c.spawn(() =>
      c.answerOf<Uint8Array | undefined>((answer) => endpoint.call('x', new Uint8Array(0), answer)),
    );
    yield* c.sleep(20);
    endpoint.enable(false);
    yield* c.sleep(20);
    endpoint.enable(true);

    assert.deepEqual(yield* c.join(call), Uint8Array.of(1));
    assert.equal(c.now, 90);
  });
});

test('a further reply to the same request is delivered, costs its bytes and no request', () => {
  const c = new Threads();
  c.run(function* () {
    const network = new LabNetwork(c.clock, seed);
    const endpoint = network.endpoint('client');
    endpoint.connect('server');
    endpoint.enable(true);
    network.addServer('server', ({ reply }) => {
      reply(Uint8Array.of(1));
      c.clock.after(5, () => reply(Uint8Array.of(2, 2)));
    });
    const replies: number[] = [];
    endpoint.call('x', new Uint8Array(0), (reply) => replies.push(reply?.length ?? -1));
    yield* c.sleep(10);

    assert.deepEqual(replies, [1, 2]);
    assert.deepEqual([network.requests, network.bytes], [1, 3]);
  });
});

test('a hard network doubles requests and replies, and loses by direction', () => {
  const hard: HardNetwork = {
    doubledPerMille: 200,
    doubleDelayMs: 10,
    lostPerMille: (from) => (from === 'client' ? 300 : 0),
  };
  onNetwork(function* ({ c, network, ask, handled }) {
    const calls = 2000;
    for (let at = 0; at < calls; at++) assert.notEqual(yield* ask(), undefined);
    assert.equal(network.requests, calls);
    yield* c.sleep(hard.doubleDelayMs);
    assertShare(handled.length - calls, calls, 0.2);
    network.isReliable = false;
    let lost = 0;
    for (let at = 0; at < calls; at++) if ((yield* ask()) === undefined) lost += 1;

    assert.ok(lost > calls * 0.15 && lost < calls * 0.35, `${lost} of ${calls} lost`);
  }, hard);
});

test('the same seed gives the same run', () => {
  const runOf = (): string => {
    const said: string[] = [];
    onNetwork(function* ({ c, network, ask }) {
      network.isReliable = false;
      for (let at = 0; at < 200; at++) said.push(`${(yield* ask())?.length} ${c.now}`);
    });
    return said.join();
  };
  assert.equal(runOf(), runOf());
});

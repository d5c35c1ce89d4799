// What must hold whoever calls: one suite, run by a client library through its adapter.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CreateClient, Heard, Kind, OtherClient, Saying } from './other-client.ts';
import { TestBed } from './test-bed.ts';

const printable = Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index)).join('');
const every = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
const hello = Buffer.from('hello');

export function suite(name: string, create: CreateClient, skip: string | false = false): void {
  const bed = new TestBed();
  const { services } = bed;
  let client: OtherClient;
  if (skip === false) {
    before(async () => {
      await bed.start();
      client = create({ port: bed.port, services });
    });
    after(async () => {
      client.close();
      await bed.stop();
    });
  }
  const claim = (text: string, body: () => Promise<void>): void => {
    test(`${name}: ${text}`, { skip }, body);
  };
  const call = (kind: Kind, path: string, messages: readonly Buffer[], more: Partial<Saying> = {}): Promise<Heard> =>
    client.call({ kind, path, messages, ...more });
  const say = (message: Buffer, by = client): Promise<Heard> =>
    by.call({ kind: 'unary', path: '/test.Echo/Say', messages: [message] });

  claim('a unary call: some octets, all octets, none, and four million', async () => {
    for (const request of [hello, every, Buffer.alloc(0), Buffer.alloc(4_000_000, 5)]) {
      const { messages, code } = await say(request);

      assert.equal(code, 0);
      assert.ok(messages[0]?.equals(request));
    }
  });

  claim('a server stream of 6 MB, in order and to its end', async () => {
    const fields = { 'x-times': '600' };
    const { messages, code } = await call('serverStream', '/test.Interop/Repeat', [Buffer.alloc(10_000, 7)], {
      fields,
    });

    assert.equal(code, 0);
    assert.equal(messages.length, 600);
    assert.ok(messages.every((message) => message.length === 10_000 && message[9999] === 7));
  });

  claim('a client stream', async () => {
    const requests = Array.from({ length: 300 }, (_, index) => Buffer.alloc(700, index % 100));
    const { messages, code } = await call('clientStream', '/test.Echo/Collect', requests);

    assert.equal(code, 0);
    assert.ok(messages[0]?.equals(Buffer.concat(requests)));
  });

  claim('a conversation, ended by the client', async () => {
    const requests = ['one', 'two', 'three'].map((word) => Buffer.from(word));
    const { messages, code } = await call('bidi', '/test.Echo/Talk', requests);

    assert.equal(code, 0);
    assert.deepEqual(messages, requests);
  });

  claim('a conversation, ended by a status', async () => {
    const { messages, code, text } = await call('bidi', '/test.Interop/Quarrel', [hello, Buffer.from('refuse'), hello]);

    assert.deepEqual([messages, code, text], [[hello], 10, 'as asked']);
  });

  claim('metadata: every printable character and every octet, before and behind the answer', async () => {
    const fields = { 'x-told': printable, 'x-told-bin': every.toString('base64') };
    const { code, head, trailers } = await call('unary', '/test.Interop/Tell', [hello], { fields });

    assert.equal(code, 0);
    assert.equal(head['x-heard'], printable);
    assert.equal(trailers['x-also'], printable);
    assert.equal(head['x-heard-bin'], every.toString('base64'));
    assert.equal(trailers['x-also-bin'], every.toString('base64'));
  });

  claim('a status, its message in any script', async () => {
    const spoken = '100 % naïve ✓\tü';
    const fields = { 'x-text-bin': Buffer.from(spoken).toString('base64') };
    const { code, text } = await call('unary', '/test.Interop/Refuse', [hello], { fields });

    assert.deepEqual([code, text], [9, spoken]);
  });

  claim('what a handler throws is UNKNOWN, and what nobody serves is UNIMPLEMENTED', async () => {
    const thrown = await call('unary', '/test.Echo/Break', [hello]);
    const unknown = await call('unary', '/test.Interop/Nothing', [hello]);

    assert.deepEqual([thrown.code, thrown.text], [2, 'broken']);
    assert.deepEqual([unknown.code, unknown.text], [12, 'unknown method Nothing for service test.Interop']);
  });

  claim('a message beyond the limit is RESOURCE_EXHAUSTED, and the next call is served', async () => {
    const { code, text } = await say(Buffer.alloc(4_300_000));

    assert.equal(code, 8);
    assert.match(text, /^grpc: received message larger than max \(43\d{5} vs. 4194304\)$/);
    assert.equal((await say(hello)).code, 0);
  });

  claim('a deadline ends the call on both sides', async () => {
    const path = '/test.Interop/Wait';
    const { code } = await call('unary', path, [hello], { timeoutMs: 100 });

    assert.equal(code, 4);
    // Whichever was first: the deadline here, or the client that takes its call back by it.
    await untilEnded(path, [1, 4]);
  });

  for (const [kind, method] of [
    ['unary', 'Wait'],
    ['serverStream', 'Listen'],
    ['clientStream', 'Gather'],
    ['bidi', 'Hold'],
  ] as const) {
    claim(`a call that is taken back (${kind}) is cancelled on both sides`, async () => {
      const path = `/test.Interop/${method}`;
      const { code } = await call(kind, path, [hello], { cancelled: bed.begun(path) });

      assert.equal(code, 1);
      await untilEnded(path, [1]);
    });
  }

  claim('gzip both ways', async () => {
    const zipping = create({ port: bed.port, services, gzip: true });
    const request = Buffer.alloc(200_000, 3);

    const { head, messages, code } = await zipping.call({
      kind: 'unary',
      path: '/test.Interop/Tell',
      messages: [request],
    });
    const stream = await zipping.call({
      kind: 'serverStream',
      path: '/test.Interop/Repeat',
      messages: [request],
      fields: { 'x-times': '3' },
    });
    zipping.close();

    assert.deepEqual([code, head['x-encoding']], [0, 'gzip']);
    assert.ok(messages[0]?.equals(request));
    assert.ok(stream.messages.length === 3 && stream.messages.every((message) => message.equals(request)));
  });

  claim('two hundred calls at once', async () => {
    const requests = Array.from({ length: 200 }, (_, index) => Buffer.from(`${index}`));
    const answers = await Promise.all(requests.map((request) => say(request)));

    assert.ok(answers.every(({ messages }, index) => messages[0]?.toString() === `${index}`));
  });

  claim('TLS', async () => {
    const certificate = bed.certificate('tls');
    const { port } = await bed.server.listen({ host: '127.0.0.1', port: 0, tls: certificate });
    const secure = create({ port, services, root: certificate.cert });

    const { messages, code } = await say(hello, secure);
    secure.close();

    assert.equal(code, 0);
    assert.deepEqual(messages, [hello]);
  });

  /** The server has seen the end of a call, which it may a moment after the client. */
  async function untilEnded(path: string, codes: readonly number[]): Promise<void> {
    const late = Date.now() + 10_000;
    const isEnded = (): boolean => codes.some((code) => bed.ended.includes(`${path} ${code}`));
    while (!isEnded() && Date.now() < late) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(isEnded(), `${bed.ended.at(-1)} is not the end of ${path} with ${codes.join(' or ')}`);
    bed.ended.length = 0;
  }
}

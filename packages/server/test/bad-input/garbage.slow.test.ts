// Bytes that are no request, on both ports of one member: connections end, the member goes on, its memory stays bounded.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { MemberProcess, type Seat, seats, type Table } from './member-process.ts';
import { Wire } from './wire.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

let table: Table;
let seat: Seat;
let member: MemberProcess;
let wire: Wire;
let beats = 0;

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** An HTTP/2 frame. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const settings = frame(4, 0, 0);
/** Method POST and scheme http from the table, the rest as literals without an index. */
function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const literals = Object.entries(fields).flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
  return Buffer.concat([Buffer.from([0x83, 0x86]), ...literals]);
}
const putHeaders = headerBlock({ ':path': '/etcdserverpb.KV/Put', 'content-type': 'application/grpc', te: 'trailers' });

/** mulberry32 */
function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Said {
  readonly text: string;
  readonly afterMs: number;
}

/** Sends bytes and says nothing more; resolves with what came back once the other side has closed. */
function send(port: number, bytes: string | Uint8Array): Promise<Said> {
  const begun = performance.now();
  return new Promise((resolve) => {
    let text = '';
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve({ text, afterMs: performance.now() - begun }));
  });
}

/** Sends bytes, and leaves soon after the other side has begun to speak. */
function throwAt(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    // Its first words come before it has read all; what it says when it has is for a moment later.
    socket.once('data', () => setTimeout(() => socket.destroy(), 5));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${member.pid}/status`, 'utf8'))?.[1]) * 1024;

describe('garbage', () => {
  before(async () => {
    table = await seats(1);
    seat = table.seats[0] ?? assert.fail();
    member = await MemberProcess.start(seat, {
      flags: ['--grpc-keepalive-interval=500ms', '--grpc-keepalive-timeout=500ms'],
    }).serving();
    wire = new Wire(seat.clientPort);
  });
  // Whatever a test has thrown at it, the member serves.
  afterEach(async () => {
    beats += 1;
    assert.equal(await wire.put('beat', `${beats}`), 'ok', member.said);
    assert.equal(await wire.get('beat'), `${beats}`);
  });
  after(async () => {
    wire.close();
    await member.kill();
    table.clear();
  });

  describe('on the client port', () => {
    const neither: readonly (readonly [what: string, bytes: string | Uint8Array])[] = [
      ['a TLS greeting', Buffer.from('160301002a010000260303', 'hex')],
      ['zeros', Buffer.alloc(100)],
      ['a preface with a wrong end', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
      ['a greeting of a peer', 'kontiki\u0001'],
      ['a word', 'hello\r\n\r\n'],
    ];
    for (const [what, bytes] of neither) {
      it(`${what} is answered as HTTP/1.1 answers it, and the connection ends`, async () => {
        assert.match((await send(seat.clientPort, bytes)).text, /^HTTP\/1\.1 400 Bad Request/);
      });
    }

    it('a message whose second half never comes ends with its connection, which answers no ping', async () => {
      const halves: readonly Uint8Array[] = [
        preface,
        Buffer.concat([preface, settings]),
        Buffer.concat([preface, settings, frame(1, 4, 1, putHeaders)]),
        Buffer.concat([
          preface,
          settings,
          frame(1, 4, 1, putHeaders),
          frame(0, 0, 1, Buffer.from([0, 0, 0, 0, 9, 10])),
        ]),
        Buffer.concat([
          preface,
          settings,
          frame(1, 4, 1, putHeaders),
          frame(0, 0, 1, Buffer.alloc(20)).subarray(0, 15),
        ]),
        Buffer.concat([preface, settings, frame(1, 0, 1, putHeaders)]),
      ];
      const said = await Promise.all(halves.map((bytes) => send(seat.clientPort, bytes)));

      for (const { afterMs } of said) assert.ok(afterMs < 10_000, `${afterMs} ms`);
    });

    it('a preface whose second half never comes is waited for, but not for ever', async () => {
      const said = await send(seat.clientPort, preface.subarray(0, 10));

      assert.equal(said.text, '');
      assert.ok(said.afterMs > 3_000 && said.afterMs < 15_000, `${said.afterMs} ms`);
    });

    it('frames of every kind and nonsense in them harm nobody else', async () => {
      const next = random(seed);
      const int = (below: number): number => Math.floor(next() * below);
      for (let round = 0; round < 40; round++) {
        const connections = Array.from({ length: 5 }, () => {
          const frames = Array.from({ length: 1 + int(30) }, () => {
            const payload = Buffer.from(Array.from({ length: int(4) === 0 ? int(300) : int(12) }, () => int(256)));
            return frame(int(11), int(256), int(3) === 0 ? 0 : int(6), payload);
          });
          return throwAt(seat.clientPort, Buffer.concat([preface, settings, ...frames]));
        });
        await Promise.all(connections);
      }
    });
  });

  describe('inside HTTP/2', () => {
    let session: ClientHttp2Session;

    before(() => {
      session = connectHttp2(`http://127.0.0.1:${seat.clientPort}`);
      session.on('error', () => undefined);
    });
    after(() => session.destroy());

    function request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
      return session.request({
        ':method': 'POST',
        ':path': '/etcdserverpb.KV/Put',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
    }

    /** HTTP status, gRPC status and text. */
    function answer(headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<string> {
      const stream = request(headers);
      return new Promise((resolve, reject) => {
        let status = '';
        const take = (found: Readonly<Record<string, unknown>>): void => {
          for (const name of [':status', 'grpc-status', 'grpc-message']) {
            if (found[name] !== undefined) status += `${status === '' ? '' : ' '}${found[name]}`;
          }
        };
        stream.on('response', take);
        stream.on('trailers', take);
        stream.on('error', reject);
        stream.on('close', () => resolve(decodeURI(status)));
        stream.resume();
        stream.end(body);
      });
    }

    const message = (flag: number, bytes: Uint8Array): Buffer => {
      const head = Buffer.alloc(5);
      head[0] = flag;
      head.writeUInt32BE(bytes.length, 1);
      return Buffer.concat([head, bytes]);
    };
    const put = message(0, Buffer.from([0x0a, 1, 0x61]));

    const rows: readonly (readonly [what: string, headers: OutgoingHttpHeaders, body: Uint8Array, said: RegExp])[] = [
      ['a call as it should be', {}, put, /^200 0/],
      ['a wrong content type', { 'content-type': 'text/plain' }, put, /^415/],
      ['no content type', { 'content-type': '' }, put, /^415/],
      [
        'a length beyond all bounds',
        {},
        Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
        /^200 8 grpc: received message larger than max \(4294967295 vs\. 2097152\)$/,
      ],
      [
        'a compression nobody knows',
        { 'grpc-encoding': 'snappy' },
        message(1, Buffer.from('x')),
        /^200 12 grpc: Decompressor is not installed for grpc-encoding "snappy"$/,
      ],
      ['compressed bytes that are none', { 'grpc-encoding': 'gzip' }, message(1, Buffer.from('x')), /^200 13 /],
      ['a time-out that is none', { 'grpc-timeout': 'soon' }, put, /^200 13 /],
      [
        'a client version that is no text',
        { 'client-api-version': 'ÿ' },
        put,
        /^200 3 etcdserver: invalid client api version$/,
      ],
    ];
    for (const [what, headers, body, said] of rows) {
      it(`${what} is answered`, async () => {
        assert.match(await answer(headers, body), said);
      });
    }

    it('half a message keeps its call waiting and nobody else, until the client goes', async () => {
      const halves = Array.from({ length: 100 }, () => request({}));
      for (const half of halves) half.write(put.subarray(0, 6));
      assert.equal(await wire.put('meanwhile', '1'), 'ok');
      for (const half of halves) {
        half.on('error', () => undefined);
        half.destroy();
      }
    });

    it('calls that are opened and taken back by the thousand cost their connection, and no memory', async () => {
      const before = residentBytes();
      // On one connection in six or so, a call begins just when the connection has ended.
      for (let connection = 0; connection < 12; connection++) await callAndTakeBack({ 'content-type': 'text/plain' });
      for (let connection = 0; connection < 3; connection++)
        await callAndTakeBack({ 'content-type': 'application/grpc' });
      const grown = residentBytes() - before;
      assert.ok(grown < 150 * 2 ** 20, `${grown} bytes more`);
    });

    async function callAndTakeBack(headers: OutgoingHttpHeaders): Promise<void> {
      const hasty = connectHttp2(`http://127.0.0.1:${seat.clientPort}`);
      hasty.on('error', () => undefined);
      for (let call = 0; call < 20_000 && !hasty.destroyed && !hasty.closed; call++) {
        const stream = hasty.request({ ':method': 'POST', ':path': '/etcdserverpb.KV/Put', ...headers });
        stream.on('error', () => undefined);
        stream.close(8);
        if (call % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
      }
      hasty.destroy();
    }
  });

  describe('on the peer port', () => {
    const greeting = Buffer.from('kontiki\u0001', 'latin1');
    const strange: readonly (readonly [what: string, bytes: string | Uint8Array, reason: RegExp])[] = [
      ['HTTP', 'GET / HTTP/1.1\r\n\r\n', /this is not the protocol that members speak to each other/],
      ['an HTTP/2 client', preface, /this is not the protocol that members speak to each other/],
      [
        'another version',
        Buffer.from('kontiki\u0009', 'latin1'),
        /protocol version 1 is spoken here, the other side speaks 9/,
      ],
      [
        'a frame beyond all bounds',
        Buffer.concat([greeting, Buffer.from('ffffffff', 'hex')]),
        /a frame of \d+ bytes; 25 to 8192 are allowed/,
      ],
      [
        'a frame with a wrong checksum',
        Buffer.concat([greeting, Buffer.from([0, 0, 0, 21]), Buffer.alloc(21)]),
        /checksum|malformed/,
      ],
    ];
    for (const [what, bytes, reason] of strange) {
      it(`${what} is told why, and the connection ends`, async () => {
        assert.match((await send(seat.peerPort, bytes)).text, reason);
      });
    }

    it('silence, half a greeting and half a frame are not waited for long', async () => {
      const halves = [
        '',
        greeting.subarray(0, 4),
        greeting,
        Buffer.concat([greeting, Buffer.from([0, 0, 0, 100, 1, 2])]),
      ];
      const said = await Promise.all(halves.map((bytes) => send(seat.peerPort, bytes)));

      for (const { text, afterMs } of said) {
        assert.match(text, /no greeting came in time/);
        assert.ok(afterMs < 15_000, `${afterMs} ms`);
      }
    });

    it('a crowd of strangers is kept small, and random bytes harm nobody', async () => {
      const next = random(seed + 1);
      const bytes = (count: number): Buffer =>
        Buffer.from(Array.from({ length: count }, () => Math.floor(next() * 256)));
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            throwAt(seat.peerPort, at % 2 === 0 ? bytes(200) : Buffer.concat([greeting, bytes(200)])),
          ),
        );
      }
    });
  });

  it('of every kind has left the member whole', async () => {
    assert.ok(member.isRunning);
    assert.equal(await wire.put('last', 'words'), 'ok');
    assert.doesNotMatch(member.said, /"level":"(error|fatal)"/);
    await member.kill();
    member = await MemberProcess.start(seat).serving();
    wire.close();
    wire = new Wire(seat.clientPort);

    assert.equal(await wire.get('last'), 'words');
  });
});

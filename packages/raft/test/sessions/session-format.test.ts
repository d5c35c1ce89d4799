import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIndex, type NodeId } from '@kontiki/raft';
import {
  decodeAnswer,
  decodeCommand,
  decodeRequest,
  encodeAnswer,
  encodeCommand,
  encodeRequest,
  MalformedError,
  type SessionAnswer,
  type SessionCommand,
  type SessionRequest,
} from '@kontiki/raft/sessions';

const client = asIndex(7);
const limits = { sessions: 3, window: 4, replyBytes: 2 ** 40, idleTicks: 5 };
const far = 2 ** 53 - 2;

const requests: readonly SessionRequest[] = [
  { kind: 'register' },
  { kind: 'command', client, sequence: far, firstOpen: 5, body: Uint8Array.of(1, 2, 3) },
  { kind: 'command', client, sequence: 1, firstOpen: 1, body: new Uint8Array() },
  { kind: 'keepAlive', client, firstOpen: 9 },
  { kind: 'close', client },
];
const commands: readonly SessionCommand[] = [
  { kind: 'register', stamp: 0, limits },
  { kind: 'plain', stamp: far, body: Uint8Array.of(5) },
  ...requests.flatMap((request) => (request.kind === 'register' ? [] : [{ ...request, stamp: 77 }])),
];
const answers: readonly SessionAnswer[] = [
  { kind: 'registered', client, limits },
  { kind: 'done', at: asIndex(9), reply: Uint8Array.of(4) },
  { kind: 'alive' },
  { kind: 'refused', reason: 'replyDropped' },
  { kind: 'notLeader', leader: 'knoten-ä' as NodeId },
  { kind: 'notLeader', leader: undefined },
  { kind: 'unknown' },
];

test('what is written is read', () => {
  for (const request of requests) assert.deepEqual(decodeRequest(encodeRequest(request)), request);
  for (const command of commands) assert.deepEqual(decodeCommand(encodeCommand(command)), command);
  for (const answer of answers) assert.deepEqual(decodeAnswer(encodeAnswer(answer)), answer);
});

test('what is cut off is malformed, or a shorter body, and nothing else', () => {
  for (const request of requests) {
    const bytes = encodeRequest(request);
    for (let end = 0; end < bytes.length; end++) {
      const cut = (): SessionRequest => decodeRequest(bytes.subarray(0, end));
      const isBodyCut = request.kind === 'command' && end >= bytes.length - request.body.length;
      if (isBodyCut) assert.equal(cut().kind, 'command');
      else assert.throws(cut, MalformedError, `${request.kind} of ${end} bytes`);
    }
  }
});

test('what follows the end, unknown kinds, marks, limits and numbers are malformed', () => {
  const close = encodeRequest({ kind: 'close', client });
  const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => bytes.with(at, value);
  assert.throws(() => decodeRequest(Uint8Array.of(...close, 0)), /1 bytes follow its end/);
  assert.throws(() => decodeRequest(changed(close, 0, 1)), /mark/);
  assert.throws(() => decodeRequest(changed(close, 2, 9)), /version 9/);
  assert.throws(() => decodeRequest(changed(close, 3, 99)), /kind/);
  assert.throws(() => decodeRequest(changed(close, 4, 255)), /above 2\^53/);
  assert.throws(() => decodeRequest(changed(close, 3, 4)), /not for clients/);
  const ahead = { kind: 'command', client, sequence: 1, firstOpen: 2, body: new Uint8Array() } as const;
  assert.throws(() => decodeRequest(encodeRequest(ahead)), /sequence 1 is before 2/);
  const noLimit = encodeCommand({ kind: 'register', stamp: 1, limits: { ...limits, window: 0 } });
  assert.equal(decodeCommand(noLimit), undefined);
  assert.throws(() => encodeCommand({ kind: 'close', stamp: 2 ** 53, client }), RangeError);
});

test('a command that this package has not written is told from one that a newer version of it has', () => {
  const [first] = commands;
  assert.ok(first !== undefined);

  assert.equal(decodeCommand(Uint8Array.of(1, 2, 3, 4)), undefined);
  assert.throws(() => decodeCommand(encodeCommand(first).with(2, 2)), /version 2 is committed.*upgrade/);
});

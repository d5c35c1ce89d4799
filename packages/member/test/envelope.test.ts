import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEnvelope, type Envelope, EnvelopeError, encodeEnvelope } from '../src/envelope.ts';

const origin = { member: 0xfedcba9876543210n, boot: 3, sequence: 2 ** 40 };
const common = { origin, user: '', authRevision: 0 };
const envelopes: readonly Envelope[] = [
  { ...common, kind: 'put', request: Uint8Array.of(1, 2, 3) },
  { ...common, user: 'alice', authRevision: 7, kind: 'txn', request: Uint8Array.of() },
  { ...common, kind: 'leaseGrant', id: -5n, ttl: 9_000_000_000 },
  { ...common, kind: 'leaseExpire', term: 9, id: -(2n ** 63n) },
  { ...common, kind: 'setRecord', name: 'member/1', value: Uint8Array.of(255) },
];

for (const envelope of envelopes) {
  test(`a ${envelope.kind} command reads back as it was written`, () => {
    assert.deepEqual(decodeEnvelope(encodeEnvelope(envelope)), envelope);
  });
}

test('a command cut anywhere is refused or reads as a shorter request, never as something else', () => {
  for (const envelope of envelopes) {
    const bytes = encodeEnvelope(envelope);
    for (let length = 0; length < bytes.length; length++) {
      let read: Envelope | undefined;
      try {
        read = decodeEnvelope(bytes.subarray(0, length));
      } catch (error) {
        assert.ok(error instanceof EnvelopeError, `${envelope.kind} cut at ${length}: ${error}`);
      }
      assert.ok(read === undefined || read.kind === envelope.kind);
      if (envelope.kind === 'leaseGrant' || envelope.kind === 'leaseExpire') assert.equal(read, undefined);
    }
  }
});

test('a newer version and an unknown kind stop the node with a sentence', () => {
  const bytes = encodeEnvelope({ ...common, kind: 'put', request: Uint8Array.of() });
  assert.throws(
    () => decodeEnvelope(Uint8Array.from(bytes, (byte, i) => (i === 0 ? 2 : byte))),
    /its version is 2, this is 1/,
  );
  assert.throws(() => decodeEnvelope(Uint8Array.from(bytes, (byte, i) => (i === 1 ? 99 : byte))), /kind 99 is unknown/);
});

test('a number beyond 2^53 is refused, never rounded', () => {
  const bytes = encodeEnvelope({ ...common, kind: 'put', request: Uint8Array.of() });
  new DataView(bytes.buffer).setBigUint64(18, 2n ** 53n, true);

  assert.throws(() => decodeEnvelope(bytes), /beyond 2\^53/);
});

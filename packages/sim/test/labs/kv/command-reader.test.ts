// Commands that are read once for all servers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandReader } from '../../../src/labs/kv/command-reader.ts';
import { encodeJson } from '../../../src/labs/kv/json-bytes.ts';

test('equal bytes at one index are one command, and other bytes there another', () => {
  const reader = new CommandReader<{ readonly id: string }>();

  const first = reader.read(7, encodeJson({ id: 'a' }));

  assert.deepEqual(first, { id: 'a' });
  assert.equal(reader.read(7, encodeJson({ id: 'a' })), first);
  assert.deepEqual(reader.read(7, encodeJson({ id: 'b' })), { id: 'b' });
  assert.deepEqual(reader.read(7, encodeJson({ id: 'bb' })), { id: 'bb' });
  assert.deepEqual(reader.read(7, encodeJson({ id: 'a' })), { id: 'a' });
});

test('texts come back as they were, whatever is in them', () => {
  const reader = new CommandReader<readonly string[]>();
  for (const text of ['', 'x', 'x'.repeat(7), 'x'.repeat(30_001), 'Kon-Tiki, né 1947: 木 🪵', '"\\\n\u0000']) {
    assert.deepEqual(reader.read(1, encodeJson([text])), [text]);
  }
});

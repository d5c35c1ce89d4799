// What people type: endpoints, ranges of keys, numbers and ids.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientError } from '../../src/client/client-error.ts';
import { parseEndpoints } from '../../src/client/endpoints.ts';
import { keyRange, type RangeChoice } from '../../src/client/key-range.ts';
import { hex, int64, parseId, parseLeaseId } from '../../src/client/numbers.ts';

function refused(act: () => unknown): string {
  try {
    return `accepted: ${String(act())}`;
  } catch (error: unknown) {
    assert.ok(error instanceof ClientError);
    return error.message;
  }
}

describe('endpoints', () => {
  const accepted: readonly (readonly [text: string, endpoints: readonly string[]])[] = [
    ['127.0.0.1:2379', ['127.0.0.1:2379']],
    ['http://127.0.0.1:2379/', ['127.0.0.1:2379']],
    [' a.example:1 , [::1]:65535,', ['a.example:1', '[::1]:65535']],
    ['a:1,http://a:1', ['a:1']],
  ];
  for (const [text, endpoints] of accepted) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseEndpoints(text), endpoints));
  }

  const odd: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /--endpoints is empty: write host:port/],
    [' , ', /--endpoints is empty: write host:port/],
    ['127.0.0.1', /127\.0\.0\.1 is no endpoint: write host:port/],
    ['127.0.0.1:0', /is no endpoint/],
    ['127.0.0.1:65536', /is no endpoint/],
    ['127.0.0.1:2379/v3', /is no endpoint/],
    ['a:1,b', /^b is no endpoint/],
    ['unix:/tmp/socket', /is no endpoint/],
    ['https://a:1', /asks for TLS, which is not built yet/],
  ];
  for (const [text, reason] of odd) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.match(
        refused(() => parseEndpoints(text)),
        reason,
      ));
  }
});

describe('key ranges', () => {
  const rows: readonly (readonly [key: string, choice: RangeChoice, first: string, end: string])[] = [
    ['a', {}, 'a', ''],
    ['', {}, '', ''],
    ['a', { end: 'c' }, 'a', 'c'],
    ['a', { end: '' }, 'a', ''],
    ['ab', { prefix: true }, 'ab', 'ac'],
    ['', { prefix: true }, '\0', '\0'],
    ['ab', { fromKey: true }, 'ab', '\0'],
    ['', { fromKey: true }, '\0', '\0'],
    ['a\x7f', { prefix: true }, 'a\x7f', 'a\x80'],
    ['ÿ', { prefix: true }, '\xc3\xbf', '\xc3\xc0'],
  ];
  for (const [key, choice, first, end] of rows) {
    it(`${JSON.stringify(key)} with ${JSON.stringify(choice)}`, () => {
      const range = keyRange(key, choice);

      assert.equal(Buffer.from(range.key).toString('latin1'), first);
      assert.equal(Buffer.from(range.rangeEnd).toString('latin1'), end);
    });
  }

  const twice: readonly RangeChoice[] = [
    { end: 'b', prefix: true },
    { end: 'b', fromKey: true },
    { prefix: true, fromKey: true },
  ];
  for (const choice of twice) {
    it(`${JSON.stringify(choice)} is refused`, () =>
      assert.match(
        refused(() => keyRange('a', choice)),
        /exclude each other/,
      ));
  }
});

describe('numbers', () => {
  it('reads whole numbers up to the ends of int64', () => {
    assert.equal(int64('--rev', undefined), 0n);
    assert.equal(int64('--rev', '9223372036854775807'), 2n ** 63n - 1n);
    assert.equal(int64('--rev', '-9223372036854775808'), -(2n ** 63n));
  });

  for (const text of ['9223372036854775808', '-9223372036854775809', '1.5', '0x10', '1e3', '', ' 1']) {
    it(`refuses ${JSON.stringify(text)} by the name of its flag`, () => {
      assert.match(
        refused(() => int64('--rev', text)),
        /^--rev is ".*", but must be a whole number/,
      );
    });
  }

  it('reads ids as they are printed, with and without the sign that etcd gives leases', () => {
    assert.equal(parseLeaseId(undefined), 0n);
    assert.equal(parseLeaseId('694d7b5e8e3a1c02'), 0x694d_7b5e_8e3a_1c02n);
    assert.equal(parseLeaseId('ffffffffffffffff'), -1n);
    assert.equal(parseId('member', 'ffffffffffffffff'), 2n ** 64n - 1n);
    assert.equal(hex(-1n), 'ffffffffffffffff');
  });

  for (const text of ['', '0x1', 'n1', '10000000000000000']) {
    it(`refuses ${JSON.stringify(text)} as an id`, () => {
      assert.match(
        refused(() => parseId('member', text)),
        /is no member id: write the hex digits/,
      );
    });
  }
});

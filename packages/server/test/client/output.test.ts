import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { PutResponseSchema } from '@kontiki/etcd-proto';
import { cellOf, lineOf, Output, type OutputFormat, type Shown, table } from '../../src/client/output.ts';

const message = create(PutResponseSchema, {
  header: { clusterId: 2n ** 63n + 1n, revision: 7n },
  prevKv: { key: Buffer.from('k') },
});
const shown: Shown = { headings: ['A', 'LONGER'], rows: [['one', 'x'], ['2']], lines: ['first', 'second'] };

function printed(format: OutputFormat, what: Shown): string {
  let text = '';
  new Output(format, (part) => {
    text += part;
  }).show(PutResponseSchema, message, what);
  return text;
}

describe('output', () => {
  it('simple prints the lines for people', () => {
    assert.equal(printed('simple', shown), 'first\nsecond\n');
  });

  it('simple joins cells where there are no such lines', () => {
    assert.equal(printed('simple', { headings: shown.headings, rows: shown.rows }), 'one, x\n2\n');
  });

  it('nothing to show is nothing, not an empty line', () => {
    assert.equal(printed('simple', { headings: ['A'], rows: [] }), '');
  });

  it('table pads to the widest cell and leaves missing cells empty', () => {
    assert.deepEqual(table(shown.headings, shown.rows), [
      '+-----+--------+',
      '| A   | LONGER |',
      '+-----+--------+',
      '| one | x      |',
      '| 2   |        |',
      '+-----+--------+',
    ]);
  });

  it('json keeps every digit of 64 bits, and bytes in base64', () => {
    assert.equal(
      printed('json', shown),
      '{"header":{"cluster_id":"9223372036854775809","revision":"7"},"prev_kv":{"key":"aw=="}}\n',
    );
  });
});

describe('bytes at a terminal', () => {
  const rows: readonly (readonly [what: string, bytes: Uint8Array, cell: string, line: string])[] = [
    ['text', Buffer.from('grüße'), 'grüße', 'grüße'],
    ['control characters', Buffer.from('a\nb\x1b'), 'a\\x0ab\\x1b', 'a\nb\x1b'],
    ['no UTF-8', Uint8Array.of(0x61, 0xff, 0x00), 'a\\xff\\x00', 'a\\xff\\x00'],
    ['nothing', new Uint8Array(0), '', ''],
  ];
  for (const [what, bytes, cell, line] of rows) {
    it(`${what} in a cell and on a line`, () => {
      assert.equal(cellOf(bytes), cell);
      assert.equal(lineOf(bytes), line);
    });
  }
});

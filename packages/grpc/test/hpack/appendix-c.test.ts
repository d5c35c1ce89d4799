// RFC 7541 Appendix C, byte for byte, in both directions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '../../src/hpack/decoder.ts';
import { Encoder, type Indexing } from '../../src/hpack/encoder.ts';
import { HeaderField } from '../../src/hpack/header-field.ts';
import { type Cursor, readInteger, writeInteger } from '../../src/hpack/integers.ts';

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const fieldsOf = (lines: readonly string[]): readonly HeaderField[] =>
  lines.map((line) => {
    const colon = line.indexOf(': ');
    return new HeaderField(line.slice(0, colon), line.slice(colon + 2));
  });
const linesOf = (fields: readonly HeaderField[]): readonly string[] =>
  fields.map(({ name, value }) => `${name}: ${value}`);

for (const [name, prefixBits, value, octets] of [
  ['C.1.1', 5, 10, [0x0a]],
  ['C.1.2', 5, 1337, [0x1f, 0x9a, 0x0a]],
  ['C.1.3', 8, 42, [0x2a]],
] as const) {
  test(`${name}: ${value} with a prefix of ${prefixBits} bits`, () => {
    const out = Buffer.alloc(8);
    const cursor: Cursor = { at: 0, end: octets.length };

    const end = writeInteger(out, 0, 0, prefixBits, value);

    assert.deepEqual([...out.subarray(0, end)], octets);
    assert.equal(readInteger(Uint8Array.from(octets), cursor, prefixBits), value);
    assert.equal(cursor.at, octets.length);
  });
}

for (const [name, indexing, hex, line, tableSize] of [
  [
    'C.2.1',
    'insert',
    '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
    'custom-key: custom-header',
    55,
  ],
  ['C.2.2', 'plain', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path', 0],
  ['C.2.3', 'never', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret', 0],
  ['C.2.4', 'insert', '82', ':method: GET', 0],
] as const) {
  test(`${name}: a field represented alone (${indexing})`, () => {
    const encoder = new Encoder({ tableSizeMax: 4096, policy: () => indexing, huffman: false });
    const decoder = new Decoder({ tableSizeMax: 4096, listSizeMax: 4096 });
    const block = bytesOf(hex);

    const { fields } = decoder.decode(block, 0, block.length);

    assert.deepEqual(linesOf(fields), [line]);
    assert.equal(fields[0]?.neverIndexed, indexing === 'never');
    assert.equal(decoder.tableSize, tableSize);
    assert.deepEqual(Buffer.from(encoder.encode(fieldsOf([line]))), block);
  });
}

const requests = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];
const dated = (second: string): string => `date: Mon, 21 Oct 2013 20:13:${second} GMT`;
const responses = [
  [':status: 302', 'cache-control: private', dated('21'), 'location: https://www.example.com'],
  [':status: 307', 'cache-control: private', dated('21'), 'location: https://www.example.com'],
  [
    ':status: 200',
    'cache-control: private',
    dated('22'),
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

interface Sequence {
  readonly name: string;
  readonly tableSizeMax: number;
  readonly huffman: boolean;
  readonly lists: readonly (readonly string[])[];
  readonly blocks: readonly string[];
  readonly tableSizes: readonly number[];
}

const sequences: readonly Sequence[] = [
  {
    name: 'C.3: requests without Huffman coding',
    tableSizeMax: 4096,
    huffman: false,
    lists: requests,
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    tableSizes: [57, 110, 164],
  },
  {
    name: 'C.4: requests with Huffman coding',
    tableSizeMax: 4096,
    huffman: true,
    lists: requests,
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    tableSizes: [57, 110, 164],
  },
  {
    name: 'C.5: responses without Huffman coding, and evictions',
    tableSizeMax: 256,
    huffman: false,
    lists: responses,
    blocks: [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
       1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
       4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
       7369 6f6e 3d31`,
    ],
    tableSizes: [222, 222, 215],
  },
  {
    name: 'C.6: responses with Huffman coding, and evictions',
    tableSizeMax: 256,
    huffman: true,
    lists: responses,
    blocks: [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
       97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
       cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
    tableSizes: [222, 222, 215],
  },
];

for (const { name, tableSizeMax, huffman, lists, blocks, tableSizes } of sequences) {
  test(`${name}: decoded`, () => {
    const decoder = new Decoder({ tableSizeMax, listSizeMax: 4096 });

    const decoded = blocks.map((hex) => {
      const block = bytesOf(hex);
      return { lines: linesOf(decoder.decode(block, 0, block.length).fields), size: decoder.tableSize };
    });

    assert.deepEqual(
      decoded,
      lists.map((lines, index) => ({ lines, size: tableSizes[index] })),
    );
  });

  test(`${name}: encoded`, () => {
    const insert = (): Indexing => 'insert';
    const encoder = new Encoder({ tableSizeMax, huffman, policy: insert });
    // The examples begin where a smaller table is agreed on already.
    encoder.encode([]);

    const encoded = lists.map((lines) => Buffer.from(encoder.encode(fieldsOf(lines))).toString('hex'));

    assert.deepEqual(
      encoded,
      blocks.map((hex) => bytesOf(hex).toString('hex')),
    );
    assert.equal(encoder.tableSize, tableSizes.at(-1));
  });
}

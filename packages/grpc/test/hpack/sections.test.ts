// RFC 7541, section by section: what a decoder accepts, what it must refuse, and what the encoder promises.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionError } from '../../src/hpack/compression-error.ts';
import { Decoder } from '../../src/hpack/decoder.ts';
import { Encoder } from '../../src/hpack/encoder.ts';
import { HeaderField } from '../../src/hpack/header-field.ts';
import { decodedOctetsMax, decodeHuffman, encodeHuffman, huffmanOctets } from '../../src/hpack/huffman.ts';
import { codeLengths, codes } from '../../src/hpack/huffman-code.ts';
import { staticTable } from '../../src/hpack/static-table.ts';

const decoderOf = (tableSizeMax = 4096, listSizeMax = 8192): Decoder => new Decoder({ tableSizeMax, listSizeMax });
const decode = (decoder: Decoder, hex: string): readonly string[] => {
  const block = Buffer.from(hex.replace(/\s/g, ''), 'hex');
  return decoder.decode(block, 0, block.length).fields.map(({ name, value }) => `${name}: ${value}`);
};
const field = (name: string, value: string): HeaderField => new HeaderField(name, value);

test('§2.3.2: the newest entry has the lowest dynamic index', () => {
  const decoder = decoderOf();

  decode(decoder, '4001 61 01 31  4001 62 01 32');

  assert.deepEqual(decode(decoder, 'be bf'), ['b: 2', 'a: 1']);
});

test('§2.3.2: duplicates are entries like any other', () => {
  const decoder = decoderOf();

  decode(decoder, '4001 61 01 31  4001 61 01 31');

  assert.equal(decoder.tableEntries, 2);
});

test('§4.1: an entry counts its octets and 32', () => {
  const decoder = decoderOf();

  decode(decoder, '4001 61 02 3132');

  assert.equal(decoder.tableSize, 35);
});

test('§4.2: a block may begin with size updates', () => {
  const decoder = decoderOf();
  decode(decoder, '4001 61 01 31');

  assert.deepEqual(decode(decoder, '20 3fe11f 82'), [':method: GET']);
  assert.equal(decoder.tableEntries, 0);
});

test('§4.3: a smaller table evicts the oldest', () => {
  const decoder = decoderOf();
  decode(decoder, '4001 61 01 31  4001 62 01 32');

  assert.deepEqual(decode(decoder, '3f03 be'), ['b: 2']);
  assert.equal(decoder.tableEntries, 1);
});

test('§4.4: a field larger than the table empties it and is no error', () => {
  const decoder = decoderOf(64);
  decode(decoder, '4001 61 01 31');

  const long = '62'.repeat(40);
  assert.deepEqual(decode(decoder, `4001 63 28 ${long}`), [`c: ${'b'.repeat(40)}`]);

  assert.equal(decoder.tableEntries, 0);
});

test('§4.4: a name may be taken from an entry that its own insertion evicts', () => {
  const decoder = decoderOf(40);
  decode(decoder, '4003 616263 01 31');

  assert.deepEqual(decode(decoder, '7e 02 3232'), ['abc: 22']);
  assert.deepEqual(decode(decoder, 'be'), ['abc: 22']);
});

test('§6.2.3: a field that was never indexed says so', () => {
  const decoder = decoderOf();
  const block = Buffer.from('10016101311f1701320001620133', 'hex');

  const { fields } = decoder.decode(block, 0, block.length);

  assert.deepEqual(
    fields.map(({ neverIndexed }) => neverIndexed),
    [true, true, false],
  );
});

test('§5.2: every code of Appendix B is where the RFC has it (one or two of each length)', () => {
  const rows: readonly (readonly [number, number, number])[] = [
    [0x30, 0x0, 5],
    [0x74, 0x9, 5],
    [0x20, 0x14, 6],
    [0x75, 0x2d, 6],
    [0x3a, 0x5c, 7],
    [0x7a, 0x7b, 7],
    [0x26, 0xf8, 8],
    [0x5a, 0xfd, 8],
    [0x21, 0x3f8, 10],
    [0x3f, 0x3fc, 10],
    [0x27, 0x7fa, 11],
    [0x7c, 0x7fc, 11],
    [0x23, 0xffa, 12],
    [0x00, 0x1ff8, 13],
    [0x7e, 0x1ffd, 13],
    [0x7d, 0x3ffd, 14],
    [0x7b, 0x7ffe, 15],
    [0xc3, 0x7fff1, 19],
    [0x80, 0xfffe6, 20],
    [0x99, 0x1fffdc, 21],
    [0x01, 0x7fffd8, 23],
    [0x09, 0xffffea, 24],
    [0xc7, 0x1ffffec, 25],
    [0xc0, 0x3ffffe0, 26],
    [0xcb, 0x7ffffde, 27],
    [0x02, 0xfffffe2, 28],
    [0x0a, 0x3ffffffc, 30],
    [256, 0x3fffffff, 30],
  ];

  for (const [symbol, code, length] of rows) {
    assert.deepEqual([codes[symbol], codeLengths[symbol]], [code, length], `symbol ${symbol}`);
  }
});

test('§5.2: every octet survives the Huffman code', () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
  const text = all.toString('latin1');
  const coded = Buffer.alloc(huffmanOctets(text));
  const out = Buffer.alloc(decodedOctetsMax(coded.length));

  const end = encodeHuffman(text, coded, 0);
  const length = decodeHuffman(coded, 0, end, out);

  assert.equal(end, coded.length);
  assert.deepEqual(out.subarray(0, length), all);
});

test('§5.2: the code is complete: there is no way to continue that means nothing', () => {
  const whole = Array.from(codeLengths).reduce((sum, length) => sum + 2 ** -length, 0);

  assert.equal(codeLengths.length, 257);
  assert.equal(whole, 1);
});

const appendixA = `
  :authority; :method GET; :method POST; :path /; :path /index.html; :scheme http; :scheme https; :status 200;
  :status 204; :status 206; :status 304; :status 400; :status 404; :status 500; accept-charset; accept-encoding
  gzip, deflate; accept-language; accept-ranges; accept; access-control-allow-origin; age; allow; authorization;
  cache-control; content-disposition; content-encoding; content-language; content-length; content-location;
  content-range; content-type; cookie; date; etag; expect; expires; from; host; if-match; if-modified-since;
  if-none-match; if-range; if-unmodified-since; last-modified; link; location; max-forwards; proxy-authenticate;
  proxy-authorization; range; referer; refresh; retry-after; server; set-cookie; strict-transport-security;
  transfer-encoding; user-agent; vary; via; www-authenticate`;

test('Appendix A: 61 entries, each at its index', () => {
  const entries = staticTable.slice(1).map((entry) => `${entry?.name} ${entry?.value}`.trim());

  assert.deepEqual(entries, appendixA.trim().replaceAll(/\s+/g, ' ').split('; '));
});

for (const [claim, hex] of [
  ['§2.3.3: an index beyond both tables', 'be'],
  ['§6.1: index 0', '80'],
  ['§6.2.1: a name at an index beyond both tables', '7e 01 31'],
  ['§5.1: an integer that ends too early', 'ff'],
  ['§5.1: an integer that goes on for ever', 'ff 80 80 80 80 80 80 00'],
  ['§5.1: an integer beyond 2^28', 'ff ff ff ff 7f 82'],
  ['§5.2: a string that is not all there', '4001 61 05 3132'],
  ['§5.2: a string without its length', '4001 61'],
  ['§5.2: a string far longer than the block', '4001 61 7f ff ff ff 01 31'],
  ['§5.2: padding of more than seven bits', '4001 61 82 1fff'],
  ['§5.2: padding of zeros', '4001 61 81 00'],
  ['§5.2: the symbol EOS', '4001 61 84 ffffffff'],
  ['§6.3: a table larger than allowed', '3fe21f'],
  ['§4.2: a size update behind a field', '82 20'],
] as const) {
  test(`${claim} is a compression error`, () => {
    assert.throws(() => decode(decoderOf(), hex), CompressionError);
  });
}

test('a list beyond the limit is told, keeps none of what is over, and leaves the tables in step', () => {
  const decoder = decoderOf(4096, 100);
  const block = Buffer.from(`82${'4001610131'.repeat(3)}`, 'hex');

  const { fields, tooLarge } = decoder.decode(block, 0, block.length);

  assert.equal(tooLarge, true);
  assert.equal(fields.length, 2);
  assert.equal(decoder.tableEntries, 3);
  assert.deepEqual(decode(decoder, 'be'), ['a: 1']);
});

test('a bomb of references to one large entry costs a reference each, not a copy', () => {
  const decoder = decoderOf(4096, 16384);
  const value = '61'.repeat(3000);
  decode(decoder, `4001 62 7f b916 ${value}`);
  const bomb = Buffer.alloc(16000, 0xbe);

  const { fields, tooLarge } = decoder.decode(bomb, 0, bomb.length);

  assert.equal(tooLarge, true);
  assert.ok(fields.length <= 5);
});

test('the encoder indexes what comes a second time', () => {
  const encoder = new Encoder({ tableSizeMax: 4096 });
  const list = [field('content-type', 'application/grpc')];

  const lengths = [1, 2, 3].map(() => encoder.encode(list).length);

  assert.deepEqual(lengths, [14, 13, 1]);
});

test('§7.1.3: the encoder never indexes credentials', () => {
  const encoder = new Encoder({ tableSizeMax: 4096 });

  for (let time = 0; time < 3; time++) {
    const block = encoder.encode([field('authorization', 'Bearer x')]);
    assert.equal((block[0] ?? 0) & 0xf0, 0x10);
  }
  assert.equal(encoder.tableSize, 0);
});

test("§4.2: the encoder follows the peer's smaller table, and tells the smallest in between", () => {
  const encoder = new Encoder({ tableSizeMax: 4096, policy: () => 'insert' });
  const decoder = decoderOf();
  decoder.decode(encoder.encode([field('a', '1')]), 0, 0);

  encoder.limitTable(0);
  encoder.limitTable(2048);

  assert.equal(encoder.encode([]).toString('hex'), '203fe10f');
  assert.equal(encoder.tableSize, 0);
});

test('a constant list is encoded once, and again when the tables have changed', () => {
  const encoder = new Encoder({ tableSizeMax: 4096 });
  const decoder = decoderOf();
  const constant = [field(':status', '200'), field('content-type', 'application/grpc')];
  const texts: string[] = [];

  for (let round = 0; round < 8; round++) {
    if (round === 5) encoder.encodeConstant([field('x', 'y'), field('x', 'y')]);
    const block = round === 6 ? encoder.encode(constant) : encoder.encodeConstant(constant);
    texts.push(block.toString('hex'));
    if (round < 5) assert.equal(decoder.decode(block, 0, block.length).fields.length, 2);
  }

  assert.equal(texts[3], texts[2]);
  assert.equal(texts[4], texts[3]);
  assert.equal(texts[5], '88bf');
});

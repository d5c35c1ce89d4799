import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionError } from '../../src/hpack/compression-error.ts';
import { Decoder } from '../../src/hpack/decoder.ts';
import { Encoder } from '../../src/hpack/encoder.ts';
import { HeaderField } from '../../src/hpack/header-field.ts';
import { createRandom, type Random, seedOf } from '../random.ts';

const seed = seedOf(7541);

function drawField(random: Random): HeaderField {
  const names = ['a', 'grpc-status', ':path', 'content-type', 'x-long-name-of-nothing', 'authorization'];
  const name = random.chance(0.8)
    ? (names[random.below(names.length)] ?? '')
    : random.bytes(random.below(20)).toString('latin1');
  const value = random.chance(0.7) ? String(random.below(6)) : random.bytes(random.below(200)).toString('latin1');
  return new HeaderField(name, value);
}

test('what is encoded is what is decoded, whatever the tables went through', () => {
  const random = createRandom(seed);
  for (let run = 0; run < 40; run++) {
    const encoder = new Encoder({ tableSizeMax: 4096, huffman: random.chance(0.8) });
    const decoder = new Decoder({ tableSizeMax: 4096, listSizeMax: 2 ** 20 });
    const constants = [1, 2, 3].map(() => Array.from({ length: random.below(4) }, () => drawField(random)));
    for (let block = 0; block < 60; block++) {
      if (random.chance(0.1)) encoder.limitTable(random.below(5000));
      const constant = random.chance(0.3) ? constants[random.below(3)] : undefined;
      const list = constant ?? Array.from({ length: random.below(8) }, () => drawField(random));

      const bytes = constant === undefined ? encoder.encode(list) : encoder.encodeConstant(list);
      const { fields } = decoder.decode(bytes, 0, bytes.length);

      assert.deepEqual(
        fields.map(({ name, value }) => [name, value]),
        list.map(({ name, value }) => [name, value]),
        `run ${run}, block ${block}`,
      );
      assert.equal(encoder.tableSize, decoder.tableSize);
    }
  }
});

test('random bytes are a list of fields or a compression error, and nothing else', () => {
  const random = createRandom(seed + 1);
  let accepted = 0;
  for (let run = 0; run < 3000; run++) {
    const decoder = new Decoder({ tableSizeMax: 256, listSizeMax: 1024 });
    const block = random.bytes(random.below(60));
    // Half of them begin with something sensible.
    const bytes = random.chance(0.5) ? Buffer.concat([Buffer.from('8286400161013182', 'hex'), block]) : block;
    try {
      decoder.decode(bytes, 0, bytes.length);
      accepted += 1;
    } catch (error: unknown) {
      assert.ok(error instanceof CompressionError, `run ${run}: ${String(error)}`);
    }
    assert.ok(decoder.tableSize <= 256);
  }
  assert.ok(accepted > 0 && accepted < 3000);
});

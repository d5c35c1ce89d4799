import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesField, numberField, readFields } from '../../src/services/wire-format.ts';

const only = (hex: string): bigint | undefined => [...readFields(Buffer.from(hex, 'hex'))][0]?.value;

test('numbers of all 64 bits come out as they are', () => {
  assert.equal(only('0801'), 1n);
  assert.equal(only('088180808080808010'), 2n ** 53n + 1n);
  // −1 as an int32 or int64 has all bits set.
  assert.equal(only('08ffffffffffffffffff01'), 2n ** 64n - 1n);
});

for (const [claim, hex] of [
  ['of more than 64 bits', '08ffffffffffffffffff02'],
  ['of eleven octets', '088080808080808080808000'],
  ['that is cut off', '08ff'],
] as const) {
  test(`a number ${claim} is a RangeError`, () => {
    assert.throws(() => only(hex), RangeError);
  });
}

for (const [claim, hex] of [
  ['of number 0', '0000'],
  ['with a number beyond 2^29-1', '808080801001'],
  ['of an unknown type', '0b'],
  ['that is cut off', '0a0561'],
  ['longer than any message', '0affffffffffffffffff01'],
  ['of four octets that is cut off', '0d000000'],
] as const) {
  test(`a field ${claim} is a RangeError`, () => {
    assert.throws(() => [...readFields(Buffer.from(hex, 'hex'))], RangeError);
  });
}

test('what is written is what is read', () => {
  for (const value of [0, 1, 127, 128, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
    const [field] = [...readFields(numberField(3, value))];

    assert.deepEqual([field?.number, field?.value], [3, BigInt(value)]);
  }
  const [field] = [...readFields(bytesField(2 ** 29 - 1, 'text'))];
  assert.deepEqual([field?.number, field?.bytes.toString()], [2 ** 29 - 1, 'text']);
});

test('a number that JavaScript does not hold exactly is not written', () => {
  for (const value of [2 ** 53, -1, 1.5, Number.NaN]) assert.throws(() => numberField(1, value), RangeError);
});

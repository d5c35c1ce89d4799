import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WriteRecord } from '../crash/record.ts';
import { gapsOf } from './gaps.ts';

const answered = (answeredMs: number, kind: 'acknowledged' | 'unknown' = 'acknowledged'): WriteRecord => ({
  round: 1,
  writer: 0,
  key: 'once/x',
  value: '',
  outcome: kind === 'acknowledged' ? { kind, revision: 2 } : { kind, error: 'timeout' },
  calledMs: 0,
  answeredMs,
});

test('a gap counts for the step in which it ends, and only acknowledgements end one', () => {
  const records = [answered(5), answered(30), answered(10), answered(200, 'unknown'), answered(300)];
  const steps = [
    { what: 'first', fromMs: 0 },
    { what: 'second', fromMs: 100 },
    { what: 'third', fromMs: 400 },
  ];

  assert.deepEqual(gapsOf(records, steps), [
    { during: 'first', ms: 20 },
    { during: 'second', ms: 270 },
    { during: 'third', ms: 0 },
  ]);
});

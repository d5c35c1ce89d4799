import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RestartPolicy } from '../../src/dev/restart-policy.ts';

type End = readonly [code: number | null, atSeconds: number];

function decisions(ends: readonly End[]): string {
  const policy = new RestartPolicy();
  return ends.map(([code, at]) => policy.ended(code, at * 1000).kind).join(' ');
}

describe('the restart policy', () => {
  const rows: readonly (readonly [claim: string, ends: readonly End[], expected: string])[] = [
    ['restarts what was killed', [[null, 0]], 'restart'],
    [
      'restarts what failed, and what ended in order',
      [
        [1, 0],
        [0, 1],
      ],
      'restart restart',
    ],
    ['never restarts what stopped itself', [[70, 0]], 'leave'],
    [
      'never restarts what stopped itself after a crash',
      [
        [null, 0],
        [70, 30],
      ],
      'restart leave',
    ],
    [
      'restarts five times within a minute, not a sixth time',
      [
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
        [1, 59],
      ],
      'restart restart restart restart restart leave',
    ],
    [
      'counts a restart for one minute',
      [
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
        [1, 60],
      ],
      'restart restart restart restart restart restart',
    ],
  ];
  for (const [claim, ends, expected] of rows) {
    it(claim, () => assert.equal(decisions(ends), expected));
  }
});

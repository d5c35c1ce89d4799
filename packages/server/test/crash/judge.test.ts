import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, unavailableMs } from './judge.ts';
import type { MemberView, StoredKey, WriteRecord } from './record.ts';
import { scheduleOf } from './schedule.ts';

const write = (key: string, value: string, revision: number | undefined): WriteRecord => ({
  round: 1,
  writer: 0,
  key,
  value,
  outcome: revision === undefined ? { kind: 'unknown', error: 'timeout' } : { kind: 'acknowledged', revision },
  calledMs: 0,
  answeredMs: 1,
});
const view = (name: string, keys: Record<string, StoredKey>, hash = 7, revision = 9): MemberView => ({
  name,
  revision,
  hash,
  keys: new Map(Object.entries(keys)),
});
const records = [
  write('once/a', '1', 2),
  write('once/b', '2', undefined),
  write('over/w', '1', 3),
  write('over/w', '2', 4),
];
const whole = {
  'once/a': { value: '1', version: 1, modRevision: 2 },
  'over/w': { value: '2', version: 2, modRevision: 4 },
};

test('the judge is content when all that was acknowledged is there once', () => {
  const late = { ...whole, 'once/b': { value: '2', version: 1, modRevision: 5 } };

  assert.deepEqual(judge(records, [view('n1', whole), view('n2', whole)]), []);
  assert.deepEqual(judge(records, [view('n1', late), view('n2', late)]), []);
});

test('the judge sees a write that cannot have come so late', () => {
  const early = { ...write('over/w', '1', 9), answeredMs: 1 };
  const later = { ...write('over/w', '2', 8), calledMs: 2, answeredMs: 3 };

  assert.match(judge([early, later], []).join('\n'), /NO ORDER over\/w/);
});

const faults: readonly (readonly [claim: string, views: readonly MemberView[], says: RegExp])[] = [
  ['a lost write', [view('n1', { 'over/w': whole['over/w'] })], /LOST once\/a/],
  [
    'a write applied twice',
    [view('n1', { ...whole, 'once/a': { value: '1', version: 2, modRevision: 2 } })],
    /applied 2 times/,
  ],
  [
    'a write without an answer applied twice',
    [view('n1', { ...whole, 'once/b': { value: '2', version: 2, modRevision: 5 } })],
    /applied 2 times/,
  ],
  ['another value', [view('n1', { ...whole, 'once/a': { value: 'x', version: 1, modRevision: 2 } })], /holds x/],
  [
    'another revision',
    [view('n1', { ...whole, 'once/a': { value: '1', version: 1, modRevision: 3 } })],
    /acknowledged was 2/,
  ],
  ['a lost overwrite', [view('n1', { ...whole, 'over/w': { value: '1', version: 1, modRevision: 3 } })], /LOST 1 of 2/],
  [
    'too many overwrites',
    [view('n1', { ...whole, 'over/w': { value: '2', version: 3, modRevision: 4 } })],
    /3 versions of 2/,
  ],
  [
    'an older value on top',
    [view('n1', { ...whole, 'over/w': { value: '1', version: 2, modRevision: 4 } })],
    /last acknowledged value is 2/,
  ],
  ['members that differ', [view('n1', whole), view('n2', whole, 8)], /HashKV differs/],
  ['a member that lags after a linearizable read', [view('n1', whole), view('n2', whole, 7, 8)], /is at 9, n2 at 8/],
];
for (const [claim, views, says] of faults) {
  test(`the judge sees ${claim}`, () => {
    assert.match(judge(records, views).join('\n'), says);
  });
}

test('the judge sees one revision acknowledged twice', () => {
  assert.match(
    judge([write('once/a', '1', 2), write('once/c', '1', 2)], [view('n1', whole)]).join('\n'),
    /both once\/a and once\/c/,
  );
});

test('unavailability ends with the first call that began after the blow', () => {
  const at = (calledMs: number, answeredMs: number): WriteRecord => ({
    ...write('once/x', '1', 5),
    calledMs,
    answeredMs,
  });

  assert.equal(unavailableMs([at(5, 11), at(12, 900), at(20, 700)], 10), 690);
  assert.equal(unavailableMs([at(5, 11)], 10), undefined);
});

test('a seed gives the same schedule, half of it on storage that forgets', () => {
  const rounds = Array.from({ length: 50 }, (_, i) => scheduleOf(3, i));

  assert.deepEqual(
    rounds,
    Array.from({ length: 50 }, (_, i) => scheduleOf(3, i)),
  );
  assert.notDeepEqual(
    rounds,
    Array.from({ length: 50 }, (_, i) => scheduleOf(4, i)),
  );
  assert.equal(rounds.filter(({ storage }) => storage === 'unsynced').length, 25);
  assert.deepEqual(new Set(rounds.map(({ blow }) => blow.kind)), new Set(['killOne', 'killTwo', 'killAll', 'stopOne']));
});

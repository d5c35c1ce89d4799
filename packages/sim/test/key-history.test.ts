import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyHistory } from '../src/key-history.ts';

const tiny = { steps: 20, cached: 1000 };
const writes = 12;

/** So many writes that nobody was told of, all begun before a read that sees one of them. */
function doubtful({
  value,
  version,
  modRevision,
}: {
  value: string;
  version: number;
  modRevision: number;
}): KeyHistory {
  const history = new KeyHistory();
  for (let id = 1; id <= writes; id++) history.began(`c${id}`, { kind: 'put', key: 'k', value: String(id) });
  const open = history.began('reader', { kind: 'read', key: 'k' });
  open.answered({ kind: 'read', revision: 20, found: { value, version, modRevision } });
  return history;
}

/** The log has every second write, one revision after the other. */
const inLog = (value: string): number | undefined => (Number(value) % 2 === 0 ? 2 + Number(value) / 2 : undefined);

test('what too few were told of is judged with the help of the log', () => {
  const history = doubtful({ value: '12', version: 6, modRevision: 8 });
  assert.equal(history.judge(inLog, tiny).kind, 'linearizable');
});

test('a read that the log cannot explain stays illegal', () => {
  assert.equal(doubtful({ value: '11', version: 6, modRevision: 8 }).judge(inLog, tiny).kind, 'illegal');
  assert.equal(doubtful({ value: '10', version: 6, modRevision: 8 }).judge(inLog, tiny).kind, 'illegal');
});

test('what can be judged without the log is judged without it', () => {
  const history = doubtful({ value: '11', version: 1, modRevision: 8 });
  const verdict = history.judge(() => assert.fail('the log is not to be asked'));
  assert.equal(verdict.kind, 'linearizable');
});

/** A run counts only when it has seen everything that applies. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applicableErrors, Coverage, exemptFields, messageRoots } from './coverage.ts';
import { filled } from './mutations.ts';

test('a run that saw nothing misses every field and every error', () => {
  const missing = new Coverage().missing();
  for (const error of applicableErrors) assert.ok(missing.includes(`error ${error}`), error);
  assert.ok(missing.includes('field mvccpb.KeyValue.lease'));
  assert.ok(missing.includes('field mvccpb.Event.type=1'));
  assert.ok(missing.includes('field etcdserverpb.WatchResponse.fragment'));
  for (const field of exemptFields.keys()) assert.ok(!missing.includes(`field ${field}`), field);
});

test('a run that saw every field and every error misses only values of enums', () => {
  const coverage = new Coverage();
  for (const schema of messageRoots) {
    for (const choice of [0, 1, 2, 3, 4]) coverage.sawMessage(schema, filled(schema, choice));
  }
  for (const error of applicableErrors) coverage.sawError(error);
  assert.deepEqual(
    coverage.missing().filter((name) => !/=\d+$/.test(name)),
    [],
  );
});

test('a single error that did not come up is missing', () => {
  const coverage = new Coverage();
  const [last, ...others] = applicableErrors.toReversed();
  for (const error of others) coverage.sawError(error);
  assert.deepEqual(
    coverage.missing().filter((name) => name.startsWith('error')),
    [`error ${last}`],
  );
});

// docs/simulation.md says which test plays which scenario: each that it names exists.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

interface Row {
  readonly number: string;
  readonly tests: string;
  readonly result: string;
}

function rows(): readonly Row[] {
  const page = readFileSync(join(root, 'docs/simulation.md'), 'utf8');
  const section = page.split(/^## /m).find((part) => part.startsWith('Scenarios\n')) ?? '';
  return [...section.matchAll(/^\| ([A-Z]\d+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, number = '', tests = '', result = '']) => ({ number, tests, result }),
  );
}

/** What is wrong with what a row names. */
function mistakes({ number, tests, result }: Row): readonly string[] {
  const wrong: string[] = [];
  const stories = [...tests.matchAll(/story `([\w-]+)`/g)].map(([, name = '']) => name);
  for (const name of stories) {
    if (!existsSync(join(root, `packages/raft/test/stories/${name}.rscn`))) wrong.push(`${number}: no story ${name}`);
  }
  const titles = [...tests.matchAll(/`([\w.-]+)\/([\w./-]+)` “([^”]+)”/g)];
  for (const [, where = '', path = '', title = ''] of titles) {
    const file = join(root, 'packages', where, 'test', `${path}.test.ts`);
    if (!existsSync(file)) wrong.push(`${number}: no ${where}/${path}`);
    else if (!readFileSync(file, 'utf8').includes(title)) wrong.push(`${number}: ${where}/${path} has no “${title}”`);
  }
  const isNamed = /^(not run|absent): /.test(result);
  if (stories.length + titles.length === 0 && !isNamed) wrong.push(`${number}: names no test and gives no reason`);
  return wrong;
}

test('every test and story that the table of scenarios names exists', () => {
  assert.deepEqual(rows().flatMap(mistakes), []);
});

test('the table of scenarios is whole: numbers go on in each group, none twice', () => {
  const numbers = rows().map(({ number }) => number);
  const groups = [...new Set(numbers.map((number) => number.charAt(0)))];
  const expected = groups.flatMap((group) =>
    numbers.filter((number) => number.startsWith(group)).map((_, at) => `${group}${at + 1}`),
  );

  assert.deepEqual(numbers, expected);
  assert.ok(numbers.length >= 94, `${numbers.length} rows`);
});

test('a row that names what is not there is found', () => {
  const row = { number: 'X1', tests: 'story `no-such`; `raft/driver/driver` “no such title”', result: 'holds' };

  assert.equal(mistakes(row).length, 2);
  assert.equal(mistakes({ ...row, tests: 'nothing' }).length, 1);
});

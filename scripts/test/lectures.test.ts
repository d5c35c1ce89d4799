// docs/lectures.md leads a reader of the lectures to the code: each story, test and file that a row names exists.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

interface Row {
  readonly heading: string;
  readonly where: string;
}

/** The rows of each set of notes. */
function sections(page: string): readonly (readonly Row[])[] {
  const [, ...parts] = page.split(/^## /m);
  return parts.map((part) =>
    [...part.matchAll(/^\| (?!heading \||---)(.+?) \| (.*?) ?\|$/gm)].map(([, heading = '', where = '']) => ({
      heading,
      where,
    })),
  );
}

function mistakes({ heading, where }: Row): readonly string[] {
  const wrong: string[] = [];
  for (const [, name = ''] of where.matchAll(/story `([\w-]+)`/g)) {
    if (!existsSync(join(root, `packages/raft/test/stories/${name}.rscn`))) wrong.push(`${heading}: no story ${name}`);
  }
  // Names of packages' tests; whole paths and links are held true by docs.test.ts.
  for (const [, area = '', path = '', title] of where.matchAll(/`(raft|wal)\/([\w./-]+)`(?: “([^”]+)”)?/g)) {
    const file = join(root, 'packages', area, 'test', `${path}.test.ts`);
    if (!existsSync(file)) wrong.push(`${heading}: no ${area}/${path}`);
    else if (title !== undefined && !readFileSync(file, 'utf8').includes(title))
      wrong.push(`${heading}: ${area}/${path} has no “${title}”`);
  }
  for (const [, page = '', title = ''] of where.matchAll(/\]\(([\w-]+\.md)\), “([^”]+)”/g)) {
    const text = readFileSync(join(root, 'docs', page), 'utf8');
    if (!new RegExp(`^#+ ${title}`, 'm').test(text)) wrong.push(`${heading}: ${page} has no part “${title}”`);
  }
  return wrong;
}

const all = sections(readFileSync(join(root, 'docs/lectures.md'), 'utf8'));

test('every story, test and part of a page that the lectures lead to exists', () => {
  assert.deepEqual(all.flat().flatMap(mistakes), []);
});

test('every heading has its row, and every row but a chapter of others leads somewhere', () => {
  assert.deepEqual(
    all.map((rows) => rows.length),
    [29, 29, 46],
  );
  assert.deepEqual(
    all
      .flat()
      .filter(({ where }) => !/[`(]/.test(where))
      .map(({ heading }) => heading),
    ['This lecture', 'This lecture', '**Syllabus**'],
  );
});

test('a row that names what is not there is found', () => {
  const where =
    'story `no-such`; `raft/driver/driver` “no such title”; `wal/none`; [library](library.md), “No such part”';

  assert.equal(mistakes({ heading: 'x', where }).length, 4);
});

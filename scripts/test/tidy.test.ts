import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findings, neverInAServer, reachable, sourceFiles } from '../tidy.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

test('the tree keeps its directions', () => {
  const all = sourceFiles(root).flatMap((path) => findings(path, readFileSync(join(root, path), 'utf8')));

  assert.deepEqual(all, []);
});

const broken: readonly (readonly [claim: string, path: string, text: string, says: RegExp])[] = [
  [
    'the core imports the driver',
    'packages/raft/src/core/a.ts',
    `import { x } from '../driver/x.ts';`,
    /raft\/core may not import raft\/driver/,
  ],
  [
    'kv imports raft',
    'packages/kv/src/a.ts',
    `import type { X } from '@kontiki/raft';`,
    /kv may not import @kontiki\/raft/,
  ],
  [
    'a server imports teaching rules',
    'packages/server/src/a.ts',
    `export * from '@kontiki/raft/teaching';`,
    /may not import/,
  ],
  [
    'a server imports mutants',
    'packages/server/src/a.ts',
    `import { mutants } from '@kontiki/raft/mutants';`,
    /may not import/,
  ],
  [
    'a server imports storage that loses',
    'packages/server/src/a.ts',
    `await import('@kontiki/wal/testing');`,
    /may not import/,
  ],
  [
    'the member imports node',
    'packages/member/src/a.ts',
    `import { readFileSync } from 'node:fs';`,
    /free of platforms/,
  ],
  ['an unlisted dependency', 'packages/kv/src/node/a.ts', `import x from 'left-pad';`, /may not depend/],
  ['the core reads a clock', 'packages/raft/src/core/a.ts', 'const t = Date.now();', /Date inside/],
  ['kv waits', 'packages/kv/src/a.ts', 'export async function f() {}', /async inside/],
  ['the driver draws', 'packages/raft/src/driver/a.ts', 'const r = Math.random();', /Math\.random inside/],
  ['a sort by text', 'packages/server/src/a.ts', '[10, 9].sort();', /comparator/],
  ['a test left alone', 'packages/kv/test/a.test.ts', `test${'.only'}('x', () => {});`, /\.only/],
];
for (const [claim, path, text, says] of broken) {
  test(`tidy sees when ${claim}`, () => {
    assert.match(findings(path, text).join('\n'), says);
  });
}

test('tidy lets comments and strings speak of clocks', () => {
  assert.deepEqual(findings('packages/raft/src/core/a.ts', `// no Date here\nconst s = 'Date';`), []);
});

test('no server reaches teaching rules, stories, suites or storage that loses', () => {
  const areas = reachable(root, 'packages/server/src/bin/kontiki.ts');

  assert.ok(areas.has('raft/core'), 'the walk reaches the core');
  assert.deepEqual(
    neverInAServer.filter((name) => areas.has(name)),
    [],
  );
});

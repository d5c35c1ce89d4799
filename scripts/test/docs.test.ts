// What the docs say about the repository is true: links lead somewhere, commands exist, every script has its row.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ...readdirSync(join(root, 'examples')).flatMap((name) =>
    existsSync(join(root, 'examples', name, 'README.md')) ? [`examples/${name}/README.md`] : [],
  ),
];
const scripts = Object.keys((JSON.parse(text('package.json')) as { scripts: Record<string, string> }).scripts);

for (const page of pages) {
  test(`${page}: every link leads to a file`, () => {
    const broken = [...text(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target) && !existsSync(join(root, dirname(page), target)));

    assert.deepEqual(broken, []);
  });

  test(`${page}: every npm script it names exists`, () => {
    const unknown = [...text(page).matchAll(/npm run ([\w:-]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !scripts.includes(name));

    assert.deepEqual(unknown, []);
  });

  test(`${page}: every path in it exists`, () => {
    const missing = [...text(page).matchAll(/`((?:packages|scripts|examples|docs|bench)\/[\w./-]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => !existsSync(join(root, path)) && !/\/$|…/.test(path));

    assert.deepEqual(missing, []);
  });
}

test('the README has a row for every script', () => {
  const readme = text('README.md');
  const absent = scripts.filter((name) => {
    const command = name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`;
    return !new RegExp(`^\\| \`${command}`, 'm').test(readme);
  });

  assert.deepEqual(absent, []);
});

test('every dependency has its line in docs/dependencies.md', () => {
  const page = text('docs/dependencies.md');
  const manifests = [
    'package.json',
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/package.json`),
  ];
  const names = manifests.flatMap((path) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(text(path)) as Record<
      string,
      Record<string, string> | undefined
    >;
    return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
  });
  const absent = [...new Set(names)].filter((name) => !name.startsWith('@kontiki/') && !page.includes(`\`${name}\``));

  assert.deepEqual(absent, []);
});

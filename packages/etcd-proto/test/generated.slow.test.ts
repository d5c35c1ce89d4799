/** The committed code under src/gen is what the committed `.proto` files give. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const binaries = fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url));

function filesBelow(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

test('generating again changes nothing', () => {
  const output = mkdtempSync(join(tmpdir(), 'kontiki-generate-'));
  try {
    execFileSync(join(binaries, 'buf'), ['generate', '--output', output], {
      cwd: packageRoot,
      env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` },
    });

    const fresh = filesBelow(join(output, 'src/gen'));

    assert.ok(fresh.size > 0);
    assert.deepEqual(filesBelow(join(packageRoot, 'src/gen')), fresh);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
});

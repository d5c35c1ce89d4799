import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = join(dirname(fileURLToPath(import.meta.url)), '../run.mjs');

function run(
  args: readonly string[],
  pretendedVersion?: string,
): { readonly status: number | null; readonly stderr: string } {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${pretendedVersion}' } })`;
  const imports =
    pretendedVersion === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
  const { status, stderr } = spawnSync(process.execPath, [...imports, script, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

for (const version of ['18.19.0', '20.19.9', '4.0.0']) {
  test(`Node ${version} is refused with a sentence`, () => {
    const { status, stderr } = run(['start'], version);

    assert.equal(status, 1);
    assert.match(
      stderr,
      new RegExp(`^Kontiki needs Node 20\\.20 or newer; this is Node ${version.replaceAll('.', '\\.')}\\.`),
    );
  });
}

for (const version of ['20.20.0', '22.0.0', '24.14.1']) {
  test(`Node ${version} is not refused`, () => {
    assert.match(run(['no such command'], version).stderr, /^usage: /);
  });
}

test('an unknown command is answered with all there are', () => {
  const { status, stderr } = run(['no such command']);

  assert.equal(status, 2);
  assert.match(stderr, /npm run crash/);
});

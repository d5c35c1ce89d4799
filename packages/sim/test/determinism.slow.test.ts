// The same seeds elsewhere: another process, another time zone, another language.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/node/main.ts', import.meta.url));

function hashOf(environment: Readonly<Record<string, string>>): string {
  const args = ['sim', '--seeds', '3', '--members', '3', '--seconds', '15', '--workers', '1', '--hash'];
  const out = execFileSync(process.execPath, ['--conditions=source', '--import', 'tsx', main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return /^hash: ([0-9a-f]{8})$/m.exec(out)?.[1] ?? out;
}

test('the traces of seeds do not depend on time zone or language', () => {
  const here = hashOf({ TZ: 'UTC', LANG: 'C' });

  assert.match(here, /^[0-9a-f]{8}$/);
  assert.equal(hashOf({ TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8' }), here);
});

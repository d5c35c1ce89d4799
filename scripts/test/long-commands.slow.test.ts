// Every long command tells its options, and ends with 2 and a word about it when it was asked wrongly, before it does anything.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from '../doc-commands.ts';

const programs = {
  'bench/main.ts': ['--rounds', 'x'],
  'bench/grpc.ts': ['--only', 'no such load'],
  'packages/grpc/test/fuzz/main.ts': ['--minutes', '0'],
  'packages/grpc/test/hostile/main.ts': ['--only', 'no such attack'],
  'packages/server/test/hostile/main.ts': ['--connections', '1.5'],
  'packages/server/test/crash/main.ts': ['--rounds', 'x'],
  'packages/server/test/membership/main.ts': ['--seed', 'x'],
  'packages/server/test/differential/main.ts': ['--target', 'zookeeper'],
};

for (const [program, [option = '', value = '']] of Object.entries(programs)) {
  const ask = (...words: readonly string[]) => {
    const args = ['--conditions=source', '--import', 'tsx', program, ...words];
    return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 60_000 });
  };

  test(`${program} tells its options, and refuses ${option} ${value}`, () => {
    const help = ask('--help');
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /^Usage: npm run /);
    assert.ok(help.stdout.includes(`${option} <`), help.stdout);

    const wrong = ask(option, value);
    assert.equal(wrong.status, 2, wrong.stderr);
    assert.ok(wrong.stderr.includes(`'${option} <`), wrong.stderr);
    assert.equal(wrong.stdout, '');
  });
}

#!/usr/bin/env node
// npm links commands when it installs, before anything is built: so this file is here, and the program is in dist/.

import { existsSync } from 'node:fs';

const program = new URL('../dist/bin/kontiki.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  process.stderr.write('kontiki is not built yet: run "npm run build" in the repository\n');
  process.exitCode = 1;
}

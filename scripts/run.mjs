#!/usr/bin/env node
// Every command of the README starts here. No dependency and no npm hook is needed: this script looks whether the
// dependencies are installed and current, installs them if not, builds what changed, and then does what was asked.
// (`ignore-scripts=true`, which many machines set, would skip `prestart` and `pretest`.)

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = join(root, 'node_modules', '.kontiki-installed');
const nodeFloor = [20, 20];
const fromSource = ['--conditions=source', '--import', 'tsx'];

const commands = {
  start: { says: 'a local cluster of three members: `kontiki dev`', run: start },
  test: { says: 'everything: format, types, directions, all tests', run: () => test('all') },
  verify: { says: 'what a commit must pass: format, types, directions, fast tests', run: () => test('fast') },
  fix: {
    says: 'writes what the formatter and the linter can mend',
    run: () => tool('@biomejs/biome/bin/biome', ['check', '--write', '.']),
  },
  build: { says: 'compiles every package into its dist/', run: build },
  tidy: { says: 'the direction of imports and the rules of the deterministic parts', run: tidy },
  generate: { says: 'TypeScript from the .proto files', run: generate },
  differential: {
    says: 'random requests to etcd and to Kontiki, answers compared',
    run: program('packages/server/test/differential/main.ts'),
  },
  crash: {
    says: 'kills and stops of real processes under writers, then a search for losses',
    run: program('packages/server/test/crash/main.ts'),
  },
  trace: {
    says: "a story or a seed as a trace for etcd-io/raft's trace specification, on the standard output",
    run: (args) => passThrough(process.execPath, [...fromSource, 'packages/sim/src/node/trace-command.ts', ...args]),
  },
  sim: { says: 'seeds of the simulator on all cores, judged by its checkers', run: simulator('sim') },
  mutants: { says: 'known bugs, one at a time: each must be caught by the simulator', run: simulator('mutants') },
  labs: { says: "the tests of the lectures' labs, and their table", run: simulator('labs') },
  elections: {
    says: "the paper's and the thesis' figures on elections, measured on our nodes",
    run: simulator('elections'),
  },
  membership: {
    says: 'real processes join, leave and are replaced under writers',
    run: program('packages/server/test/membership/main.ts'),
  },
  hostile: {
    says: 'hostile clients against the gRPC server, or with --target server the whole one: what they cost, how they end',
    run: (args) => {
      const isWhole = /--target[= ]server/.test(args.join(' '));
      program(`packages/${isWhole ? 'server' : 'grpc'}/test/hostile/main.ts`)(args);
    },
  },
  'fuzz:grpc': {
    says: 'damaged sessions against the gRPC server, for as long as wished',
    run: program('packages/grpc/test/fuzz/main.ts'),
  },
  'docs:long': { says: 'runs the long commands of the docs', run: program('scripts/doc-commands.ts') },
  bench: { says: 'Kontiki and etcd side by side under one load generator', run: program('bench/main.ts') },
  'bench:grpc': {
    says: 'an empty echo of @kontiki/grpc, grpc-js, connect-node and node:http2 under one load generator',
    run: program('bench/grpc.ts'),
  },
};

function main() {
  refuseOldNode();
  const [name = '', ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const rows = Object.entries(commands).map(([key, { says }]) => `  npm run ${key.padEnd(13)} ${says}`);
    process.stderr.write(`usage: node scripts/run.mjs COMMAND [arguments]\n\n${rows.join('\n')}\n`);
    process.exit(2);
  }
  install();
  command.run(rest);
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > nodeFloor[0] || (major === nodeFloor[0] && minor >= nodeFloor[1])) return;
  process.stderr.write(
    `Kontiki needs Node ${nodeFloor.join('.')} or newer; this is Node ${process.versions.node}. ` +
      'Install a current Node (https://nodejs.org) and run the same command again.\n',
  );
  process.exit(1);
}

/** `npm install`, not `npm ci`: `ci` fails where a registry lacks the optional binaries of other systems. */
function install() {
  const wanted = fingerprint();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  step('installing dependencies (npm install)');
  // `shell` on Windows only: there npm is a .cmd file.
  const result = spawnSync('npm', ['install', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) fail('npm install failed: see its message above. Nothing else was started.', result.status);
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, fingerprint());
}

/** Stale is whatever no longer fits the manifests and the lockfile. */
function fingerprint() {
  const hash = createHash('sha256');
  const manifests = ['package.json', 'package-lock.json'];
  for (const parent of ['packages', 'examples']) {
    if (!existsSync(join(root, parent))) continue;
    for (const name of readdirSync(join(root, parent)).sort(byCode)) manifests.push(`${parent}/${name}/package.json`);
  }
  for (const file of manifests) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function build() {
  step('building (tsc -b)');
  tool('typescript/bin/tsc', ['-b', 'tsconfig.build.json']);
}

function start(args) {
  build();
  passThrough(process.execPath, [join(root, 'packages/server/dist/bin/kontiki.js'), 'dev', ...args]);
}

function tidy() {
  step('tidy: directions of imports, determinism');
  runNode(['--conditions=source', '--import', 'tsx', 'scripts/tidy.ts']);
}

function generate() {
  step('generating TypeScript from packages/etcd-proto/proto');
  tool('@bufbuild/buf/bin/buf', ['generate'], join(root, 'packages/etcd-proto'));
}

/** `fast` leaves out what is named *.slow.test.ts. Further words choose the files whose path contains one of them. */
function test(which) {
  const words = process.argv.slice(3).filter((word) => !word.startsWith('--'));
  const begun = Date.now();
  if (words.length === 0) {
    step('format and lint (biome)');
    tool('@biomejs/biome/bin/biome', ['ci', '--colors=off', '.']);
    step('types (tsc -b)');
    tool('typescript/bin/tsc', ['-b']);
    tidy();
  }
  build();
  const files = testFiles().filter(
    (file) =>
      (which === 'all' || !file.endsWith('.slow.test.ts')) &&
      (words.length === 0 || words.some((word) => file.includes(word))),
  );
  if (files.length === 0) fail(`no test file matches ${words.join(' ')}`, 2);
  step(`tests: ${files.length} files`);
  // Slow files first: they decide when the run ends.
  files.sort((a, b) => Number(b.endsWith('.slow.test.ts')) - Number(a.endsWith('.slow.test.ts')) || byCode(a, b));
  runNode([
    '--conditions=source',
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=4',
    ...files,
  ]);
  step(`done in ${Math.round((Date.now() - begun) / 1000)} s`);
}

function testFiles() {
  const found = [];
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.test.ts')) found.push(relative(root, path).split(sep).join('/'));
    }
  };
  for (const parent of ['packages', 'examples', 'scripts', 'docs', 'bench'])
    if (existsSync(join(root, parent))) visit(join(root, parent));
  return found;
}

function program(path) {
  return (args) => {
    build();
    passThrough(process.execPath, [...fromSource, path, ...args]);
  };
}

/** From the built files: its threads then need no loader. */
function simulator(command) {
  return (args) => {
    build();
    passThrough(process.execPath, [join(root, 'packages/sim/dist/node/main.js'), command, ...args]);
  };
}

function tool(path, args, cwd = root) {
  run(process.execPath, [join(root, 'node_modules', path), ...args], cwd);
}
function runNode(args) {
  run(process.execPath, args, root);
}
function run(file, args, cwd) {
  const result = spawnSync(file, args, { cwd, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Runs until it ends; Ctrl-C and SIGTERM go to the child, which decides when to stop. */
function passThrough(file, args) {
  const child = spawn(file, args, { cwd: root, stdio: 'inherit' });
  // A terminal tells the whole group of a Ctrl-C, but `kill` and a supervisor tell only us. `kontiki dev` takes both as one.
  process.on('SIGINT', () => child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // npm ends its shell on SIGTERM, and the shell tells nobody: all that is seen of it is another parent.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 1000);
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}

function step(text) {
  process.stdout.write(`▸ ${text}\n`);
}
function fail(text, code) {
  process.stderr.write(`${text}\n`);
  process.exit(code ?? 1);
}
function byCode(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

main();

// The direction of imports and the rules of the deterministic parts, as data. TypeScript's project references cannot say
// "the driver may know the core, and the core nobody"; this table can. docs/architecture.md shows it as a picture.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** What the files of one folder may import. `areas` are other rows of the table; `npm` are dependencies. */
export interface Area {
  readonly name: string;
  /** Longest matching prefix wins. */
  readonly folder: string;
  readonly areas: readonly string[];
  readonly npm: readonly string[];
  /** `none`: no `node:` modules, clock, chance or timers. `sync` besides: no promises. `node`: anything of Node. */
  readonly platform: 'none' | 'sync' | 'node';
}

export const table: readonly Area[] = [
  { name: 'raft/core', folder: 'packages/raft/src/core', areas: [], npm: [], platform: 'sync' },
  { name: 'raft/driver', folder: 'packages/raft/src/driver', areas: ['raft/core'], npm: [], platform: 'none' },
  {
    name: 'raft/memory',
    folder: 'packages/raft/src/memory',
    areas: ['raft/core', 'raft/driver'],
    npm: [],
    platform: 'none',
  },
  {
    name: 'raft/sessions',
    folder: 'packages/raft/src/sessions',
    areas: ['raft/core', 'raft/driver'],
    npm: [],
    platform: 'none',
  },
  { name: 'raft/teaching', folder: 'packages/raft/src/teaching', areas: ['raft/core'], npm: [], platform: 'none' },
  {
    name: 'raft/mutants',
    folder: 'packages/raft/src/mutants',
    areas: ['raft/core', 'raft/driver', 'raft/sessions', 'raft/teaching'],
    npm: [],
    platform: 'none',
  },
  { name: 'raft/story', folder: 'packages/raft/src/story', areas: ['raft/core'], npm: [], platform: 'none' },
  {
    name: 'raft/contracts',
    folder: 'packages/raft/src/contracts',
    areas: ['raft/core', 'raft/driver', 'raft/memory'],
    npm: [],
    platform: 'none',
  },
  {
    name: 'raft/testing',
    folder: 'packages/raft/src/testing',
    areas: ['raft', 'raft/core', 'raft/driver', 'raft/memory', 'raft/sessions'],
    npm: [],
    platform: 'none',
  },
  { name: 'raft', folder: 'packages/raft/src', areas: ['raft/core', 'raft/driver'], npm: [], platform: 'none' },
  { name: 'wal', folder: 'packages/wal/src', areas: ['raft'], npm: [], platform: 'none' },
  { name: 'wal/mutants', folder: 'packages/wal/src/mutants', areas: ['wal'], npm: [], platform: 'none' },
  { name: 'wal/testing', folder: 'packages/wal/src/testing', areas: ['raft', 'wal'], npm: [], platform: 'none' },
  { name: 'wal/node', folder: 'packages/wal/src/node', areas: ['raft', 'wal'], npm: [], platform: 'node' },
  { name: 'transport', folder: 'packages/transport/src', areas: ['raft'], npm: [], platform: 'none' },
  {
    name: 'transport/mutants',
    folder: 'packages/transport/src/mutants',
    areas: ['transport'],
    npm: [],
    platform: 'none',
  },
  {
    name: 'transport/node',
    folder: 'packages/transport/src/node',
    areas: ['raft', 'transport'],
    npm: [],
    platform: 'node',
  },
  { name: 'kv', folder: 'packages/kv/src', areas: [], npm: [], platform: 'sync' },
  { name: 'kv/mutants', folder: 'packages/kv/src/mutants', areas: ['kv'], npm: [], platform: 'none' },
  { name: 'kv/testing', folder: 'packages/kv/src/testing', areas: ['kv'], npm: [], platform: 'none' },
  { name: 'kv/node', folder: 'packages/kv/src/node', areas: ['kv'], npm: ['lmdb'], platform: 'node' },
  { name: 'etcd-proto', folder: 'packages/etcd-proto/src', areas: [], npm: ['@bufbuild/protobuf'], platform: 'none' },
  {
    name: 'member',
    folder: 'packages/member/src',
    areas: ['raft', 'wal', 'transport', 'kv', 'etcd-proto'],
    npm: ['@bufbuild/protobuf'],
    platform: 'none',
  },
  { name: 'member/mutants', folder: 'packages/member/src/mutants', areas: ['member'], npm: [], platform: 'none' },
  {
    name: 'sim',
    folder: 'packages/sim/src',
    areas: [
      'raft',
      'raft/memory',
      'raft/mutants',
      'raft/story',
      'raft/sessions',
      'raft/teaching',
      'raft/testing',
      'wal',
      'wal/mutants',
      'wal/testing',
      'transport',
      'transport/mutants',
      'kv',
      'kv/mutants',
      'kv/testing',
      'member',
      'member/mutants',
      'etcd-proto',
    ],
    npm: ['@bufbuild/protobuf'],
    platform: 'none',
  },
  { name: 'sim/node', folder: 'packages/sim/src/node', areas: ['sim'], npm: [], platform: 'node' },
  { name: 'grpc/hpack', folder: 'packages/grpc/src/hpack', areas: [], npm: [], platform: 'sync' },
  { name: 'grpc/frames', folder: 'packages/grpc/src/frames', areas: [], npm: [], platform: 'sync' },
  {
    name: 'grpc/connection',
    folder: 'packages/grpc/src/connection',
    areas: ['grpc/hpack', 'grpc/frames'],
    npm: [],
    platform: 'sync',
  },
  {
    name: 'grpc',
    folder: 'packages/grpc/src',
    areas: ['grpc/hpack', 'grpc/frames', 'grpc/connection'],
    npm: [],
    platform: 'node',
  },
  {
    name: 'server',
    folder: 'packages/server/src',
    areas: ['raft', 'wal', 'wal/node', 'transport', 'transport/node', 'kv', 'kv/node', 'member', 'etcd-proto', 'grpc'],
    npm: ['@bufbuild/protobuf', 'commander', '@commander-js/extra-typings', 'pino', 'prom-client'],
    platform: 'node',
  },
];

/** Packages by the name they are imported with, and the area that each entry point belongs to. */
const entries: Readonly<Record<string, string>> = {
  '@kontiki/raft': 'raft',
  '@kontiki/raft/memory': 'raft/memory',
  '@kontiki/raft/sessions': 'raft/sessions',
  '@kontiki/raft/story': 'raft/story',
  '@kontiki/raft/contracts': 'raft/contracts',
  '@kontiki/raft/teaching': 'raft/teaching',
  '@kontiki/raft/testing': 'raft/testing',
  '@kontiki/raft/mutants': 'raft/mutants',
  '@kontiki/wal': 'wal',
  '@kontiki/wal/mutants': 'wal/mutants',
  '@kontiki/wal/node': 'wal/node',
  '@kontiki/wal/testing': 'wal/testing',
  '@kontiki/transport': 'transport',
  '@kontiki/transport/mutants': 'transport/mutants',
  '@kontiki/transport/node': 'transport/node',
  '@kontiki/kv': 'kv',
  '@kontiki/kv/mutants': 'kv/mutants',
  '@kontiki/kv/node': 'kv/node',
  '@kontiki/kv/testing': 'kv/testing',
  '@kontiki/etcd-proto': 'etcd-proto',
  '@kontiki/member': 'member',
  '@kontiki/member/mutants': 'member/mutants',
  '@kontiki/sim': 'sim',
  '@kontiki/sim/node': 'sim/node',
  '@kontiki/grpc': 'grpc',
  kontiki: 'server',
};

/** Rooms that no server may reach: other rules than the paper's, suites, storage that loses on purpose. */
export const neverInAServer: readonly string[] = [
  'raft/teaching',
  'raft/mutants',
  'raft/story',
  'raft/contracts',
  'raft/testing',
  'wal/mutants',
  'wal/testing',
  'transport/mutants',
  'kv/mutants',
  'kv/testing',
  'member/mutants',
  'sim',
  'sim/node',
];

const chance: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b/, 'Date'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\bperformance\b/, 'performance'],
  [/\bset(?:Timeout|Interval|Immediate)\b/, 'a timer'],
  [/\bqueueMicrotask\b/, 'queueMicrotask'],
  [/\bprocess\./, 'process'],
];
const asynchrony: readonly (readonly [RegExp, string])[] = [
  [/\basync\b/, 'async'],
  [/\bawait\b/, 'await'],
  [/\bPromise\b/, 'Promise'],
];

/** Every way in which `text`, as the file at `path` (from the root, with slashes), breaks the house's rules. */
export function findings(path: string, text: string): readonly string[] {
  const found: string[] = [];
  const area = areaOf(path);
  if (area !== undefined) {
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
      const problem = importProblem(area, path, fileName);
      if (problem !== undefined) found.push(`${path}: ${problem}`);
    }
    if (area.platform !== 'node') {
      const code = withoutCommentsAndStrings(text);
      const banned = area.platform === 'sync' ? [...chance, ...asynchrony] : chance;
      for (const [pattern, name] of banned) {
        const at = code.search(pattern);
        if (at >= 0) found.push(`${path}:${lineOf(code, at)}: ${name} inside the deterministic parts`);
      }
    }
  }
  const code = withoutCommentsAndStrings(text);
  // Tests sort short lists of words to compare them; products sort what users gave them.
  const sorts = path.includes('/test/') ? [] : code.matchAll(/\.(?:sort|toSorted)\(\s*\)/g);
  for (const match of sorts) {
    found.push(`${path}:${lineOf(code, match.index)}: sort without a comparator orders by text`);
  }
  for (const match of code.matchAll(/\b(?:test|it|describe|suite)\.only\b/g)) {
    found.push(`${path}:${lineOf(code, match.index)}: a test left on .only`);
  }
  for (const match of text.matchAll(/\bFIX[M]E\b/g))
    found.push(`${path}:${lineOf(text, match.index)}: a reminder was left over`);
  return found;
}

export function areaOf(path: string): Area | undefined {
  let best: Area | undefined;
  for (const area of table) {
    if (path.startsWith(`${area.folder}/`) && area.folder.length > (best?.folder.length ?? 0)) best = area;
  }
  return best;
}

function importProblem(area: Area, path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    const target = areaOf(join(dirname(path), specifier).split(sep).join('/'));
    if (target === undefined) return `${specifier} leaves the packages`;
    if (target.name === area.name || area.areas.includes(target.name)) return undefined;
    // A package's main entry gathers its own rooms.
    if (target.folder.startsWith(`${area.folder}/`) && area.areas.includes(target.name)) return undefined;
    return `${area.name} may not import ${target.name} (${specifier})`;
  }
  if (specifier.startsWith('node:')) {
    return area.platform === 'node' ? undefined : `${area.name} is free of platforms and may not import ${specifier}`;
  }
  const entry = entries[specifier];
  if (entry !== undefined) {
    return area.areas.includes(entry) ? undefined : `${area.name} may not import ${specifier}`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return area.npm.includes(name) ? undefined : `${area.name} may not depend on ${specifier}`;
}

/** The areas that the files reachable from `start` belong to, following imports within the repository. */
export function reachable(root: string, start: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const areas = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const area = areaOf(path);
    if (area !== undefined) areas.add(area.name);
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, path), 'utf8'), true, true).importedFiles) {
      if (fileName.startsWith('.')) visit(join(dirname(path), fileName).split(sep).join('/'));
      else {
        const entry = table.find(({ name }) => name === entries[fileName]);
        if (entry !== undefined) visit(`${entry.folder}/index.ts`);
      }
    }
  };
  visit(start);
  return areas;
}

export function sourceFiles(root: string): readonly string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (['node_modules', 'dist', 'gen', '.git', '.kontiki'].includes(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.ts')) found.push(relative(root, path).split(sep).join('/'));
    }
  };
  visit(root);
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** Comments and strings may say what code may not do; line breaks stay, so that line numbers do. */
function withoutCommentsAndStrings(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g,
    (match) => match.replace(/[^\n]/g, ' '),
  );
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const all = sourceFiles(root).flatMap((path) => findings(path, readFileSync(join(root, path), 'utf8')));
  for (const line of all) process.stderr.write(`${line}\n`);
  if (all.length > 0) process.exit(1);
}

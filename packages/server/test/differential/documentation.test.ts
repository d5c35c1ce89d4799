/** docs/etcd-api.md has one row for each RPC, and its differences can be read. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Auth, Cluster, Health, KV, Lease, Maintenance, Watch } from '@kontiki/etcd-proto';
import { documentation, readDifferences } from './differences.ts';

const markdown = readFileSync(documentation, 'utf8');

test('each RPC of etcd has exactly one row, with a known state', () => {
  const rows = [...markdown.matchAll(/^\| `([\w.]+\/\w+)` +\| (\w+) +\|/gm)].map(([, rpc, state]) => ({ rpc, state }));
  const services = [KV, Watch, Lease, Cluster, Maintenance, Auth, Health];
  const generated = services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`));
  // Their messages are not part of packages/etcd-proto yet.
  const others = [
    ...['Lock', 'Unlock'].map((name) => `v3lockpb.Lock/${name}`),
    ...['Campaign', 'Proclaim', 'Leader', 'Observe', 'Resign'].map((name) => `v3electionpb.Election/${name}`),
  ];

  const documented = rows.map(({ rpc }) => rpc);
  assert.deepEqual(new Set(documented), new Set([...generated, ...others]));
  assert.equal(documented.length, new Set(documented).size);
  for (const { rpc, state } of rows) assert.match(state ?? '', /^(supported|differs|absent)$/, rpc);
});

test('the differences are rows of six cells with an id of their own', () => {
  const rows = readDifferences(markdown);
  assert.ok(rows.length > 10);
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
});

test('a row with a missing cell or an unknown kind is refused', () => {
  const table = (row: string): string => `## Differences\n\n| a |\n| - |\n${row}\n`;
  assert.throws(() => readDifferences(table('| id | where | version | ours | theirs |')), /not a row of six cells/);
  assert.throws(
    () => readDifferences(table('| id | where | whim | ours | theirs | why |')),
    /neither version nor intent/,
  );
});

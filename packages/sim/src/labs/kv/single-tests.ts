// The tests of 6.5840's single server, as the suite lists them: those of 2024, those of 2025, and those that look at memory.

import type { LabTest } from '../suite.ts';
import { singleTest } from './kv-test.ts';
import { type Heap, largeAppend, largeGet, largePut, manyGets, manyPuts, manyVersionedPuts } from './memory.ts';
import { genericSingleAppend, oneKeySingleAppend } from './single-append.ts';
import { concurrentPuts, locks, reliablePut, unreliablePuts } from './single-versioned.ts';

const of2024 = { mit65840: '2 (2024)' };
const of2025 = { mit65840: '2 (2025)' };
const reliable = { part: of2024, network: 'reliable' } as const;
const unreliable = { part: of2024, network: 'unreliable' } as const;

export const singleTests: readonly LabTest[] = [
  singleTest({
    ...reliable,
    name: 'SingleBasic',
    title: 'one client',
    body: (ground) => genericSingleAppend(ground, 1),
  }),
  singleTest({
    ...reliable,
    name: 'SingleConcurrent',
    title: 'many clients',
    body: (ground) => genericSingleAppend(ground, 5),
  }),
  singleTest({
    ...unreliable,
    name: 'SingleUnreliable',
    title: 'lost messages, many clients',
    body: (ground) => genericSingleAppend(ground, 5),
  }),
  singleTest({
    ...unreliable,
    name: 'SingleUnreliableOneKey',
    title: 'lost messages, one key',
    body: oneKeySingleAppend,
  }),
  singleTest({ ...reliable, part: of2025, name: 'SinglePut', title: 'versions', body: reliablePut }),
  singleTest({
    ...reliable,
    part: of2025,
    name: 'SinglePutConcurrent',
    title: 'ten clients put',
    body: concurrentPuts,
  }),
  singleTest({
    ...unreliable,
    part: of2025,
    name: 'SinglePutUnreliable',
    title: 'puts that may have happened',
    body: unreliablePuts,
  }),
  ...(['reliable', 'unreliable'] as const).flatMap((network) => {
    const suffix = network === 'reliable' ? 'Reliable' : 'Unreliable';
    const common = { part: of2025, network };
    return [
      singleTest({
        ...common,
        name: `LockOneClient${suffix}`,
        title: 'a lock, one client',
        body: (ground) => locks(ground, 1),
      }),
      singleTest({
        ...common,
        name: `LockManyClients${suffix}`,
        title: 'a lock, ten clients',
        body: (ground) => locks(ground, 10),
      }),
    ];
  }),
];

/** They need a way to measure, which the platform has. */
export function memoryTests(heap: Heap): readonly LabTest[] {
  const rows = [
    { name: 'MemGet', title: 'a large value that was read', body: largeGet, part: of2024 },
    { name: 'MemPut', title: 'a large value that was overwritten', body: largePut, part: of2024 },
    { name: 'MemAppend', title: 'large values appended', body: largeAppend, part: of2024 },
    { name: 'MemPutManyClients', title: '100,000 clients put', body: manyPuts, part: of2024 },
    { name: 'MemGetManyClients', title: '100,000 clients get', body: manyGets, part: of2024 },
    { name: 'MemVersionedPutManyClients', title: '100,000 clients put', body: manyVersionedPuts, part: of2025 },
  ] as const;
  return rows.map(({ body, ...row }) =>
    singleTest({ ...row, network: 'reliable', isOfMemory: true, body: (ground) => body(ground, heap) }),
  );
}
